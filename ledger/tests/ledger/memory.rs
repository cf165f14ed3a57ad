use ledger::testing::cases::Opener;
use ledger::{Change, Error, Ledger, Memory};

/// Each opening is the same ledger after a restart.
fn opener() -> Box<Opener<'static>> {
    let mut last = Memory::new(7);
    Box::new(move || {
        last = last.restarted();
        Box::new(last.restarted())
    })
}

ledger::conformance!(opener());

#[test]
fn fails_once_when_told_and_changes_nothing() {
    let mut ledger = Memory::new(7);
    let full = Error::Full { doing: "commit", message: "no space left".into() };
    let insert = [Change::Insert { seq: 1, state: 1, head: vec![], body: vec![] }];
    ledger.fail_next(full.clone());
    assert_eq!(ledger.commit(&insert), Err(full));
    assert_eq!((ledger.last_seq(), ledger.read().entry(1)), (0, Ok(None)));
    assert_eq!(ledger.commit(&insert), Ok(()));
}
