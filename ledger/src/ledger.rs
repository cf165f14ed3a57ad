//! What every ledger can do.

use crate::{Change, Entry, Error, Row, Size, States};
use std::ops::ControlFlow;

/// A durable store of entries and facts, with one writer.
pub trait Ledger: Send {
    /// Drawn at random when the ledger was made, below [`TAG_MAX`](crate::TAG_MAX) + 1. Two ledgers
    /// hand out the same sequence numbers; with the tag an id tells them apart.
    fn tag(&self) -> u16;

    /// The highest `seq` that was ever inserted, also when its entry was removed since; 0 at first.
    fn last_seq(&self) -> u64;

    /// Applies all changes or none, in order. After `Ok` they survive the end of the process and the
    /// loss of power. After an error nothing was changed, and the next commit may work again; the one
    /// exception is [`Error::Unsettled`].
    fn commit(&mut self, changes: &[Change]) -> Result<(), Error>;

    /// A reader of its own, for any thread. It sees what is committed, and delays no commit.
    fn reader(&self) -> Result<Box<dyn Reader>, Error>;

    /// The writer's own reads.
    fn read(&self) -> &dyn Reader;

    /// One bounded slice of housekeeping, for when nothing else is to be done. Says whether more is
    /// left. A ledger that is never tidied keeps its promises, but not its size.
    fn tidy(&mut self) -> Result<bool, Error>;

    /// As [`Ledger::tidy`], when nothing was committed for a while: also what is not worth it before.
    fn rest(&mut self) -> Result<bool, Error> {
        self.tidy()
    }

    fn size(&self) -> Result<Size, Error>;
}

/// What a scan does with each row.
pub type EachRow<'a> = dyn FnMut(Row<'_>) -> ControlFlow<()> + 'a;
/// What is done with each key and value.
pub type EachFact<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Reads of committed data.
///
/// `scan` and `facts` hold nothing while they call back: it may take its time. What is committed
/// meanwhile may be seen or not; each row is whole, and as it was at some moment of the scan.
pub trait Reader: Send {
    /// Entries of the given states from `from` on, in order of `seq`, until the callback breaks.
    fn scan(&self, from: u64, states: States, each: &mut EachRow<'_>) -> Result<(), Error>;

    fn entry(&self, seq: u64) -> Result<Option<Entry>, Error>;

    /// Keys and values of one kind, in order of their keys' bytes, until the callback breaks.
    fn facts(&self, kind: u8, each: &mut EachFact<'_>) -> Result<(), Error> {
        self.facts_from(kind, &[], each)
    }

    /// As [`Reader::facts`], from a key on.
    fn facts_from(&self, kind: u8, from: &[u8], each: &mut EachFact<'_>) -> Result<(), Error>;

    fn fact(&self, kind: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
}
