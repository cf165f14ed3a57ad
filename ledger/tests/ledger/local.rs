use ledger::testing::cases::Opener;
use ledger::{Change, Error, Ledger, Local, Row, Size, States};
use rusqlite::Connection;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// One ledger in a folder of its own.
fn opener() -> Box<Opener<'static>> {
    let folder = TempDir::new().expect("a folder");
    Box::new(move || -> Box<dyn Ledger> {
        Box::new(Local::open(&folder.path().join("jobs.db")).expect("a ledger"))
    })
}

ledger::conformance!(opener());

#[test]
fn is_open_once() {
    let (_folder, path) = place();
    let mut ledger = Local::open(&path).expect("a ledger");
    assert_eq!(ledger.commit(&[insert(1, 100)]), Ok(()));
    let error = Local::open(&path).expect_err("a second one");
    assert_eq!(error, Error::Locked { path: path.clone() });
    assert!(error.is_temporary() && error.to_string().contains("stop that one"), "{error}");
    assert_eq!(ledger.commit(&[insert(2, 100)]), Ok(()), "the first one is not disturbed");
    drop(ledger);
    assert_eq!(Local::open(&path).expect("a ledger").last_seq(), 2);
}

#[test]
fn is_its_owners_alone() {
    let (folder, path) = place();
    std::fs::write(&path, b"").expect("an empty file, which anybody may read");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("a mode");
    let mut ledger = Local::open(&path).expect("a ledger");
    assert_eq!(ledger.commit(&[insert(1, 100)]), Ok(()));
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder.path()).expect("a folder") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
        names.push(file.file_name().into_string().expect("UTF-8"));
    }
    names.sort();
    let logs = ["jobs.db-log0", "jobs.db-log1"];
    assert_eq!(names, ["jobs.db", "jobs.db-lock", logs[0], logs[1], "jobs.db-shm", "jobs.db-wal"]);
    drop(ledger);
    assert!(!folder.path().join("jobs.db-wal").exists(), "the log went into the file");
}

#[test]
fn leaves_other_files_alone() {
    let (_folder, path) = place();
    let database = |sql: &str| {
        let other = Connection::open(&path).expect("a database");
        other.execute_batch(sql).expect("a database of theirs");
        drop(other);
        std::fs::read(&path).expect("a file")
    };
    let texts = [
        b"no database at all".to_vec(),
        vec![7; 10_000],
        database("CREATE TABLE theirs (a)"),
        database("PRAGMA application_id = -7"),
        database("PRAGMA user_version = -7"),
    ];
    for text in texts {
        std::fs::write(&path, &text).expect("a file");
        let error = Local::open(&path).expect_err("no ledger");
        assert_eq!(error, Error::Foreign { path: path.clone() });
        assert!(std::fs::read(&path).expect("a file") == text, "it was changed");
    }
}

#[test]
fn refuses_a_newer_format() {
    let (_folder, path) = place();
    drop(Local::open(&path).expect("a ledger"));
    let newer = Connection::open(&path).expect("a database");
    newer.execute_batch("PRAGMA user_version = 3").expect("a version");
    drop(newer);
    let error = Local::open(&path).expect_err("a newer one");
    assert_eq!(error, Error::Newer { found: 3, known: 2 });
    assert!(!error.is_temporary());
}

#[test]
fn says_when_it_is_damaged() {
    let (_folder, path) = place();
    let mut ledger = Local::open(&path).expect("a ledger");
    let changes: Vec<_> = (1..=1000).map(|seq| insert(seq, 400)).collect();
    assert_eq!(ledger.commit(&changes), Ok(()));
    drop(ledger);
    let file = std::fs::File::options().write(true).open(&path).expect("a file");
    file.write_all_at(&[0xff; 64 << 10], 64 << 10).expect("damage");
    let ledger = Local::open(&path).expect("a ledger: its first pages are whole");
    let errors = (1..=1000).filter_map(|seq| ledger.read().entry(seq).err());
    let errors: Vec<_> = errors.collect();
    assert!(!errors.is_empty());
    assert!(errors.iter().all(|error| matches!(error, Error::Corrupt { .. })), "{errors:?}");
}

/// Commits go on, as long as the log takes them.
#[test]
fn waits_for_other_programs_and_then_says_so() {
    let (_folder, path) = place();
    let mut ledger = Local::open(&path).expect("a ledger");
    let other = Connection::open(&path).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    assert_eq!(ledger.commit(&[insert(1, 10)]), Ok(()));
    assert_eq!(ledger.rest(), Ok(true), "it is worth moving now");
    let error = ledger.rest().expect_err("locked");
    assert!(matches!(error, Error::Busy { .. }) && error.is_temporary(), "{error:?}");
    let refused = (2..100).find_map(|seq| ledger.commit(&[insert(seq, 1 << 20)]).err());
    assert!(matches!(refused, Some(Error::Busy { .. })), "{refused:?}");
    let last_seq = ledger.last_seq();
    assert!(last_seq > 4, "{last_seq}");
    other.execute_batch("ROLLBACK").expect("no lock");
    assert_eq!(ledger.commit(&[insert(last_seq + 1, 10)]), Ok(()));
    while ledger.rest().expect("room") {}
    let all: u64 =
        other.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).expect("a count");
    assert_eq!(all, last_seq + 1);
}

/// The format before had no log of commits.
#[test]
fn upgrades_the_format_before() {
    let (_folder, path) = place();
    let before = Connection::open(&path).expect("a database");
    before.execute_batch(FORMAT_1).expect("a ledger of format 1");
    drop(before);
    let mut ledger = Local::open(&path).expect("a ledger");
    assert_eq!((ledger.tag(), ledger.last_seq()), (291, 9));
    let head = ledger.read().entry(7).expect("a read").map(|entry| entry.head);
    assert_eq!(head, Some(b"head".to_vec()));
    assert_eq!(ledger.commit(&[insert(10, 100), Change::Remove { seq: 7 }]), Ok(()));
    drop(ledger);
    let ledger = Local::open(&path).expect("a ledger");
    assert_eq!((ledger.tag(), ledger.last_seq()), (291, 10));
    assert_eq!(ledger.read().entry(7), Ok(None));
}

const FORMAT_1: &str = "
    PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
    CREATE TABLE entries (seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, head BLOB NOT NULL, body NOT NULL, tail);
    CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE tails (seq INTEGER PRIMARY KEY, tail BLOB NOT NULL);
    CREATE TABLE facts (kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
    CREATE TABLE ledger (tag INTEGER NOT NULL, last_seq INTEGER NOT NULL);
    INSERT INTO ledger (tag, last_seq) VALUES (291, 0);
    INSERT INTO entries (seq, state, head, body) VALUES (7, 1, x'68656164', x''), (9, 1, x'', x'');
    PRAGMA application_id = 0x41534c67;
    PRAGMA user_version = 1;
";

/// A copy of the database of another time, beside the log of this one.
#[test]
fn refuses_a_log_that_does_not_go_on_from_its_database() {
    let (folder, path) = place();
    let mut ledger = Local::open(&path).expect("a ledger");
    let copy = folder.path().join("copy.db");
    let backup = Connection::open(&path).expect("a connection");
    assert_eq!(ledger.commit(&[insert(1, 100)]), Ok(()));
    while ledger.rest().expect("moving") {}
    backup.execute("VACUUM INTO ?1", [copy.to_str()]).expect("a copy");
    drop(backup);
    // Enough that the log's files have both been written again.
    for seq in 2..=200 {
        assert_eq!(ledger.commit(&[insert(seq, 50_000)]), Ok(()));
    }
    drop(ledger);
    std::fs::rename(&copy, &path).expect("the copy in its place");
    let error = Local::open(&path).expect_err("a log of another moment");
    assert!(matches!(error, Error::Corrupt { .. }) && !error.is_temporary(), "{error}");
    assert!(error.to_string().contains("commit 1,"), "{error}");
    for log in ["jobs.db-log0", "jobs.db-log1"] {
        std::fs::remove_file(folder.path().join(log)).expect("a log");
    }
    assert_eq!(Local::open(&path).expect("the copy").last_seq(), 1);
}

/// Each commit is on disk before the next: where one is missing in between, the disk has lost it.
#[test]
fn says_when_a_part_of_its_log_is_lost() {
    for lost in 0..3 {
        let (folder, path) = place();
        let mut ledger = Local::open(&path).expect("a ledger");
        let changes: Vec<_> = (1..=3).map(|seq| insert(seq, 100)).collect();
        changes.iter().for_each(|change| {
            assert_eq!(ledger.commit(std::slice::from_ref(change)), Ok(()));
        });
        let log = std::fs::read(folder.path().join("jobs.db-log0")).expect("a log");
        // As after a kill: nothing is moved.
        std::mem::forget(ledger);
        let again = TempDir::new().expect("a folder");
        for name in ["jobs.db", "jobs.db-wal"] {
            std::fs::copy(folder.path().join(name), again.path().join(name)).expect("a copy");
        }
        let starts: Vec<_> =
            log.windows(4).enumerate().filter(|(_, w)| w == b"ASLc").map(|(at, _)| at).collect();
        assert_eq!(starts.len(), 3);
        let mut log = log;
        log[starts[lost] + 50] ^= 1;
        std::fs::write(again.path().join("jobs.db-log0"), log).expect("a log");
        let found = Local::open(&again.path().join("jobs.db"));
        match lost {
            // The last one may as well never have been whole.
            2 => assert_eq!(found.expect("a ledger").last_seq(), 2),
            _ => assert!(matches!(found, Err(Error::Corrupt { .. })), "{found:?}"),
        }
    }
}

/// Also while nobody tidies, and somebody reads all the time.
#[test]
fn has_a_log_of_bounded_size() {
    let (_folder, path) = place();
    let mut ledger = Local::open(&path).expect("a ledger");
    let fresh = size(&ledger).log_bytes;
    let reader = ledger.reader().expect("a reader");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ended = &ended;
        scope.spawn(move || {
            while !ended.load(Ordering::Acquire) {
                let each = &mut |_: Row<'_>| ControlFlow::Continue(());
                reader.scan(0, States::ALL, each).expect("a scan");
            }
        });
        for seq in 1..=1000 {
            let result = ledger.commit(&[insert(seq, 20_000)]);
            if result.is_err() || seq == 1000 {
                ended.store(true, Ordering::Release);
            }
            assert_eq!(result, Ok(()));
        }
    });
    let grown = size(&ledger);
    // A reader that was in the way, and what one move takes.
    assert!(grown.log_bytes <= fresh + (3 << 20), "{fresh}, {grown:?}");
    assert!(grown.file_bytes > grown.log_bytes, "too little: {grown:?}");
    // A commit that does not fit makes it longer, until the next round.
    assert_eq!(ledger.commit(&[insert(1001, 20 << 20)]), Ok(()));
    assert!(size(&ledger).log_bytes > 20 << 20);
    while ledger.rest().expect("tidy") {}
    assert_eq!(ledger.commit(&[insert(1002, 10)]), Ok(()));
    while ledger.rest().expect("tidy") {}
    assert_eq!(size(&ledger).log_bytes, fresh);
}

/// A few old entries among many that came and went.
#[test]
fn shrinks_to_what_is_alive() {
    let (_folder, path) = place();
    let mut ledger = Local::open(&path).expect("a ledger");
    let (count, every) = (100_000_u64, 40);
    let body_bytes = |seq: u64| if seq.is_multiple_of(3) { 1500 } else { 150 };
    let all: Vec<_> = (1..=count).map(|seq| insert(seq, body_bytes(seq))).collect();
    all.chunks(1000).for_each(|changes| assert_eq!(ledger.commit(changes), Ok(())));
    let gone = (1..=count).filter(|seq| !seq.is_multiple_of(every));
    let gone: Vec<_> = gone.map(|seq| Change::Remove { seq }).collect();
    gone.chunks(1000).for_each(|changes| assert_eq!(ledger.commit(changes), Ok(())));
    while ledger.rest().expect("tidy") {}
    let live: u64 =
        (every..=count).step_by(every as usize).map(|seq| body_bytes(seq) as u64 + 40).sum();
    let size = size(&ledger);
    assert!(size.file_bytes <= 3 * live, "{size:?} for {live}");
    drop(ledger);
    let on_disk = std::fs::metadata(&path).expect("a file").len();
    assert_eq!(on_disk, size.file_bytes);
}

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = Path::join(folder.path(), "jobs.db");
    (folder, path)
}

fn size(ledger: &Local) -> Size {
    ledger.size().expect("a size")
}

fn insert(seq: u64, body_bytes: usize) -> Change {
    Change::Insert { seq, state: 1, head: vec![2; 40], body: vec![1; body_bytes] }
}
