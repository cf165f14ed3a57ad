//! Other programs that have the ledger's file open: they are in the way for a while, and harm nothing.

use crate::disk::{Disk, End, Fault, How, Operation};
use ledger::{Change, Error, Ledger};

#[test]
fn a_checkpoint_of_another_program_is_no_damage() {
    let disk = Disk::new(1);
    let mut ledger = disk.open().expect("a ledger");
    (1..=6).for_each(|seq| assert_eq!(ledger.commit(&[insert(seq)]), Ok(())));
    // Reads, so that only a part is copied, without a sync.
    let other = disk.connect();
    other.execute_batch("BEGIN; SELECT * FROM ledger").expect("a read");
    (7..=12).for_each(|seq| assert_eq!(ledger.commit(&[insert(seq)]), Ok(())));
    assert!(ledger.tidy().is_ok(), "a part");
    drop(other);
    disk.take_checkpoints(true);
    let error = ledger.tidy().expect_err("another's checkpoint");
    assert!(matches!(error, Error::Busy { .. }), "{error:?}");
    assert!(error.to_string().contains("close other programs"), "{error}");
    assert_eq!(ledger.commit(&[insert(13)]), Ok(()));
    disk.take_checkpoints(false);
    assert!(ledger.tidy().is_ok(), "no sync failed, so nothing is to be distrusted");
}

/// The ledger cannot tell then where its log ends, and begins all the same.
#[test]
fn a_commit_that_failed_beside_others_does_not_come_back() {
    let disk = Disk::new(1);
    let mut ledger = disk.open().expect("a ledger");
    assert_eq!(ledger.commit(&[insert(1)]), Ok(()));
    disk.end_now();
    drop(ledger);
    disk.restart(End::Kill);

    let other = disk.connect();
    other.execute_batch("BEGIN; SELECT * FROM ledger").expect("a read");
    disk.take_checkpoints(true);
    let mut ledger = disk.open().expect("a ledger beside another's checkpoint");
    disk.fail(Fault { operation: Operation::Sync, how: How::Io, after: 0, times: 1 });
    let error = ledger.commit(&[insert(2)]).expect_err("a sync that fails");
    assert!(matches!(error, Error::Unsettled { .. }), "it is in the log: {error:?}");
    // Now the log can be looked at, but not be emptied: the other one reads.
    disk.take_checkpoints(false);
    let _ = ledger.tidy();
    disk.end_now();
    drop((ledger, other));
    disk.restart(End::Kill);
    let ledger = disk.open().expect("a ledger");
    assert_eq!((ledger.last_seq(), ledger.read().entry(2)), (1, Ok(None)));
}

fn insert(seq: u64) -> Change {
    Change::Insert { seq, state: 1, head: vec![2; 40], body: vec![1; 300] }
}
