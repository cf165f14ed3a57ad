//! Other programs that have the ledger's file open: they are in the way for a while, and harm nothing.

use crate::disk::Disk;
use ledger::{Change, Error, Ledger};

#[test]
fn a_checkpoint_of_another_program_is_no_damage() {
    let disk = Disk::new(1);
    let mut ledger = disk.open().expect("a ledger");
    (1..=30).for_each(|seq| assert_eq!(ledger.commit(&[insert(seq)]), Ok(())));
    ledger.move_now().expect("a move");
    // Reads, so that only a part is copied, without a sync.
    let other = disk.connect();
    other.execute_batch("BEGIN; SELECT * FROM ledger").expect("a read");
    (31..=60).for_each(|seq| assert_eq!(ledger.commit(&[insert(seq)]), Ok(())));
    ledger.move_now().expect("a move");
    assert!(ledger.tidy().is_ok(), "a part");
    drop(other);
    disk.take_checkpoints(true);
    let error = ledger.tidy().expect_err("another's checkpoint");
    assert!(matches!(error, Error::Busy { .. }), "{error:?}");
    assert!(error.to_string().contains("close other programs"), "{error}");
    assert_eq!(ledger.commit(&[insert(61)]), Ok(()));
    disk.take_checkpoints(false);
    assert!(ledger.tidy().is_ok(), "no sync failed, so nothing is to be distrusted");
}

fn insert(seq: u64) -> Change {
    Change::Insert { seq, state: 1, head: vec![2; 40], body: vec![1; 300] }
}
