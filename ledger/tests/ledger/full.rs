//! Disks that are really full: a small tmpfs where one can be mounted, and a limit on the size of files
//! everywhere.

use crate::child;
use ledger::testing::Model;
use ledger::{Change, Error, Ledger, Local};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Read;
use std::path::Path;
use tempfile::TempDir;

#[test]
fn a_limit_on_the_size_of_files() {
    if child::argument().is_none() {
        return in_a_child("full::a_limit_on_the_size_of_files");
    }
    let folder = TempDir::new().expect("a folder");
    ignore_sigxfsz();
    fills_up(folder.path(), &mut |is_full| {
        let limit = getrlimit(Resource::Fsize);
        let current = if is_full { Some(9 << 20) } else { limit.maximum };
        let limit = Rlimit { current, maximum: limit.maximum };
        setrlimit(Resource::Fsize, limit).expect("a limit");
    });
}

#[test]
fn a_small_file_system() {
    let folder = TempDir::new().expect("a folder");
    // The mount is seen by this thread alone, and goes with it.
    let thread = std::thread::spawn(move || {
        if let Err(errno) = mount_small(folder.path()) {
            let error = std::io::Error::from(errno);
            eprintln!("no tmpfs can be mounted here ({error}): a limit on files has to do");
            return;
        }
        let ballast = folder.path().join("ballast");
        fills_up(folder.path(), &mut |is_full| {
            if is_full {
                std::fs::write(&ballast, vec![1; 6 << 20]).expect("ballast");
            } else {
                std::fs::remove_file(&ballast).expect("ballast");
            }
        });
    });
    thread.join().expect("a test that passes");
}

/// Makes room scarce, commits until there is none, and gives it back. The limits leave some megabytes
/// besides the log.
fn fills_up(folder: &Path, set_full: &mut dyn FnMut(bool)) {
    let path = folder.join("jobs.db");
    let mut ledger = Local::open(&path).expect("a ledger");
    let mut model = Model::default();
    set_full(true);
    let error = loop {
        let changes = inserts(model.last_seq + 1);
        match ledger.commit(&changes) {
            Ok(()) => model.apply(&changes),
            Err(error) => break error,
        }
        assert!(model.last_seq < 1_000_000, "there is no end to it");
    };
    assert!(matches!(error, Error::Full { .. }) && error.is_temporary(), "{error:?}");
    assert!(model.last_seq > 1000, "{}", model.last_seq);
    assert_eq!(ledger.last_seq(), model.last_seq);
    assert!(Model::of(&ledger) == model, "nothing is lost, and nothing is half");

    // A ledger that was opened on a full disk does not know yet where its log ends.
    for _ in 0..2 {
        drop(ledger);
        ledger = Local::open(&path).expect("a ledger on a full disk");
        assert!(Model::of(&ledger) == model, "nothing is lost by a restart");
        let error = (0..10_000).find_map(|_| {
            let changes = inserts(model.last_seq + 1);
            let result = ledger.commit(&changes);
            result.map(|()| model.apply(&changes)).err()
        });
        let error = error.expect("a full disk");
        let is_right = matches!(error, Error::Full { .. } | Error::Unsettled { .. });
        assert!(is_right && error.is_temporary(), "{error:?}");
        assert!(Model::of(&ledger) == model, "nothing is lost by another refusal");
    }

    set_full(false);
    let changes = inserts(model.last_seq + 1);
    assert_eq!(ledger.commit(&changes), Ok(()));
    model.apply(&changes);
    assert!(ledger.tidy().is_ok());
    drop(ledger);
    assert!(Model::of(&Local::open(&path).expect("a ledger")) == model, "it goes on");
}

fn inserts(first: u64) -> Vec<Change> {
    let insert = |seq| Change::Insert { seq, state: 1, head: vec![2; 40], body: vec![3; 400] };
    (first..first + 50).map(insert).collect()
}

fn mount_small(folder: &Path) -> Result<(), Errno> {
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    #[allow(unsafe_code)]
    // SAFETY: a mount namespace and a working folder of its own do no harm to this thread's memory or
    // descriptors.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("tmpfs", folder, "tmpfs", MountFlags::empty(), Some(c"size=22m"))
}

/// Otherwise the kernel ends a process that meets the limit.
fn ignore_sigxfsz() {
    #[allow(unsafe_code)]
    // SAFETY: ignoring a signal runs no code.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

fn in_a_child(test: &str) {
    let mut child = child::start(test, "limited");
    let mut text = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert!(child.wait().expect("an end").success(), "{text}");
}
