use ledger::testing::cases::Opener;
use ledger::{Ledger, Sqlite};
use tempfile::TempDir;

/// One ledger in a folder of its own.
fn opener() -> Box<Opener<'static>> {
    let folder = TempDir::new().expect("a folder");
    Box::new(move || -> Box<dyn Ledger> {
        Box::new(Sqlite::open(&folder.path().join("jobs.db")).expect("a ledger"))
    })
}

ledger::conformance!(opener());
