use ledger::testing::cases::Opener;
use ledger::{Change, Error, Ledger, Row, Size, Sqlite, States};
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
        Box::new(Sqlite::open(&folder.path().join("jobs.db")).expect("a ledger"))
    })
}

ledger::conformance!(opener());

#[test]
fn is_open_once() {
    let (_folder, path) = place();
    let mut ledger = Sqlite::open(&path).expect("a ledger");
    assert_eq!(ledger.commit(&[insert(1, 100)]), Ok(()));
    let error = Sqlite::open(&path).expect_err("a second one");
    assert_eq!(error, Error::Locked { path: path.clone() });
    assert!(error.is_temporary() && error.to_string().contains("stop that one"), "{error}");
    assert_eq!(ledger.commit(&[insert(2, 100)]), Ok(()), "the first one is not disturbed");
    drop(ledger);
    assert_eq!(Sqlite::open(&path).expect("a ledger").last_seq(), 2);
}

#[test]
fn is_its_owners_alone() {
    let (folder, path) = place();
    std::fs::write(&path, b"").expect("an empty file, which anybody may read");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("a mode");
    let mut ledger = Sqlite::open(&path).expect("a ledger");
    assert_eq!(ledger.commit(&[insert(1, 100)]), Ok(()));
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder.path()).expect("a folder") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
        names.push(file.file_name().into_string().expect("UTF-8"));
    }
    names.sort();
    assert_eq!(names, ["jobs.db", "jobs.db-lock", "jobs.db-shm", "jobs.db-wal"]);
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
        let error = Sqlite::open(&path).expect_err("no ledger");
        assert_eq!(error, Error::Foreign { path: path.clone() });
        assert!(std::fs::read(&path).expect("a file") == text, "it was changed");
    }
}

#[test]
fn refuses_a_newer_format() {
    let (_folder, path) = place();
    drop(Sqlite::open(&path).expect("a ledger"));
    let newer = Connection::open(&path).expect("a database");
    newer.execute_batch("PRAGMA user_version = 2").expect("a version");
    drop(newer);
    let error = Sqlite::open(&path).expect_err("a newer one");
    assert_eq!(error, Error::Newer { found: 2, known: 1 });
    assert!(!error.is_temporary());
}

#[test]
fn says_when_it_is_damaged() {
    let (_folder, path) = place();
    let mut ledger = Sqlite::open(&path).expect("a ledger");
    let changes: Vec<_> = (1..=1000).map(|seq| insert(seq, 400)).collect();
    assert_eq!(ledger.commit(&changes), Ok(()));
    drop(ledger);
    let file = std::fs::File::options().write(true).open(&path).expect("a file");
    file.write_all_at(&[0xff; 64 << 10], 64 << 10).expect("damage");
    let ledger = Sqlite::open(&path).expect("a ledger: its first pages are whole");
    let errors = (1..=1000).filter_map(|seq| ledger.read().entry(seq).err());
    let errors: Vec<_> = errors.collect();
    assert!(!errors.is_empty());
    assert!(errors.iter().all(|error| matches!(error, Error::Corrupt { .. })), "{errors:?}");
}

#[test]
fn waits_for_other_programs_and_then_says_so() {
    let (_folder, path) = place();
    let mut ledger = Sqlite::open(&path).expect("a ledger");
    let other = Connection::open(&path).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let error = ledger.commit(&[insert(1, 10)]).expect_err("locked");
    assert!(matches!(error, Error::Busy { .. }) && error.is_temporary(), "{error:?}");
    other.execute_batch("ROLLBACK").expect("no lock");
    assert_eq!(ledger.commit(&[insert(1, 10)]), Ok(()));
}

/// Also while nobody tidies, and somebody reads all the time.
#[test]
fn has_a_log_of_bounded_size() {
    let (_folder, path) = place();
    let mut ledger = Sqlite::open(&path).expect("a ledger");
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
    assert!(grown.log_bytes <= fresh + (64 << 10), "{fresh}, {grown:?}");
    assert!(grown.file_bytes > 2 * grown.log_bytes, "too little: {grown:?}");
    // A commit that does not fit makes it longer, until the next round.
    assert_eq!(ledger.commit(&[insert(1001, 20 << 20)]), Ok(()));
    assert!(size(&ledger).log_bytes > 20 << 20);
    while ledger.tidy().expect("tidy") {}
    assert_eq!(ledger.commit(&[insert(1002, 10)]), Ok(()));
    assert_eq!(size(&ledger).log_bytes, fresh);
}

/// A few old entries among many that came and went.
#[test]
fn shrinks_to_what_is_alive() {
    let (_folder, path) = place();
    let mut ledger = Sqlite::open(&path).expect("a ledger");
    let (count, every) = (100_000_u64, 40);
    let body_bytes = |seq: u64| if seq.is_multiple_of(3) { 1500 } else { 150 };
    let all: Vec<_> = (1..=count).map(|seq| insert(seq, body_bytes(seq))).collect();
    all.chunks(1000).for_each(|changes| assert_eq!(ledger.commit(changes), Ok(())));
    let gone = (1..=count).filter(|seq| !seq.is_multiple_of(every));
    let gone: Vec<_> = gone.map(|seq| Change::Remove { seq }).collect();
    gone.chunks(1000).for_each(|changes| assert_eq!(ledger.commit(changes), Ok(())));
    while ledger.tidy().expect("tidy") {}
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

fn size(ledger: &Sqlite) -> Size {
    ledger.size().expect("a size")
}

fn insert(seq: u64, body_bytes: usize) -> Change {
    Change::Insert { seq, state: 1, head: vec![2; 40], body: vec![1; body_bytes] }
}
