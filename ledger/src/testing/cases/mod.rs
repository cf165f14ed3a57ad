//! The conformance suite: what the documentation of [`Ledger`] says, one promise a function.

mod commits;
mod entries;
mod reads;

pub use commits::*;
pub use entries::*;
pub use reads::*;

use crate::testing::Model;
use crate::{Change, Ledger, Reader, States};
use std::ops::ControlFlow;

/// Opens the ledger of one test, again and again; the first time it is new.
pub type Opener<'a> = dyn FnMut() -> Box<dyn Ledger> + 'a;

fn insert(seq: u64, body_bytes: usize) -> Change {
    Change::Insert { seq, state: 1, head: vec![2; 40], body: vec![1; body_bytes] }
}

fn in_state(seq: u64, state: u8) -> Change {
    Change::Insert { seq, state, head: seq.to_le_bytes().to_vec(), body: vec![] }
}

fn commit(ledger: &mut dyn Ledger, model: &mut Model, changes: &[Change]) {
    assert_eq!(ledger.commit(changes), Ok(()));
    model.apply(changes);
    assert_eq!(ledger.last_seq(), model.last_seq);
}

fn seqs(reader: &dyn Reader, from: u64, states: States) -> Vec<u64> {
    let mut seqs = Vec::new();
    let each = &mut |row: crate::Row<'_>| {
        seqs.push(row.seq);
        ControlFlow::Continue(())
    };
    reader.scan(from, states, each).expect("a scan");
    seqs
}
