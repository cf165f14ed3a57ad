//! Batches as the ledger has them.

use super::batch::{Batch, Counts, Record};
use super::{Engine, fact};
use crate::record::Head;
use ledger::Reader;
use protocol::{Followed, JobState, body_from_slice};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::ops::ControlFlow;

impl Engine {
    /// Before jobs are read. What cannot be read stays where it is, for a version that can.
    pub(super) fn read_batches(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let mut counts: HashMap<u64, Option<Counts>> = read_facts(reader, fact::BATCH_COUNTS)?;
        let mut followed: HashMap<u64, Option<Followed>> =
            read_facts(reader, fact::BATCH_FOLLOWED)?;
        let mut batches: Vec<(u64, Option<Record>)> =
            read_facts(reader, fact::BATCH)?.into_iter().collect();
        batches.sort_unstable_by_key(|(seq, _)| *seq);
        for (seq, record) in batches {
            // Its number is used, whatever it says.
            self.next_seq = self.next_seq.max(seq + 1);
            match batch(record, counts.remove(&seq), followed.remove(&seq)) {
                Some(batch) => self.take_up_batch(seq, batch),
                None => self.told.troubles.push(format!(
                    "batch {seq} cannot be read: it is damaged, or from a later version; its jobs run, \
                     and nothing follows them"
                )),
            }
        }
        Ok(())
    }

    fn take_up_batch(&mut self, seq: u64, batch: Batch) {
        if batch.counts.ended_ms > 0 {
            let left = batch.counts.ended_ms + self.settings.keep_ms;
            let left = left.saturating_sub(self.now.wall_ms).min(self.settings.keep_ms);
            self.keep(seq, JobState::Done, self.now.steady_ms + left);
        }
        // Its other jobs may not have been cancelled yet.
        if batch.ends_others() && batch.counts.ended_ms == 0 {
            self.failing_batches.push((seq, 0));
        }
        self.bytes += batch.bytes;
        self.batches.insert(seq, batch);
    }

    /// A job of a batch was read that is not over.
    pub(super) fn rejoin_batch(&mut self, head: &Head, seq: u64) {
        if let Some(batch) = head.batch.and_then(|id| self.batches.get_mut(&id.seq())) {
            batch.members.insert(seq);
        }
    }
}

/// A fact as it was read: the outer `None` where there is none, the inner where it cannot be read, because it
/// is damaged or from a later version.
type Fact<T> = Option<Option<T>>;

/// Nothing where its record or its counts cannot be read: what is not known is not told.
fn batch(record: Option<Record>, counts: Fact<Counts>, followed: Fact<Followed>) -> Option<Batch> {
    let mut record = record?;
    let counts = counts.unwrap_or_else(|| Some(Counts::default()))?;
    // It is told to people alone.
    let followed = followed.flatten().unwrap_or_default();
    if counts.ended_ms > 0 {
        record.callbacks.forget();
    }
    Some(Batch::new(record, counts, followed, false))
}

/// Facts by number; `None` for one that cannot be read.
fn read_facts<T: DeserializeOwned>(
    reader: &dyn Reader,
    kind: u8,
) -> Result<HashMap<u64, Option<T>>, ledger::Error> {
    let mut read = HashMap::new();
    reader.facts(kind, &mut |key, value| {
        if let Ok(key) = key.try_into() {
            read.insert(u64::from_be_bytes(key), body_from_slice("batch", value).ok());
        }
        ControlFlow::Continue(())
    })?;
    Ok(read)
}

/// One batch; nothing where there is none, or none that can be read.
pub(super) fn read_batch(seq: u64, reader: &dyn Reader) -> Result<Option<Batch>, ledger::Error> {
    let record = read_fact(reader, fact::BATCH, seq)?.flatten();
    let counts = read_fact(reader, fact::BATCH_COUNTS, seq)?;
    let followed = read_fact(reader, fact::BATCH_FOLLOWED, seq)?;
    Ok(batch(record, counts, followed))
}

fn read_fact<T: DeserializeOwned>(
    reader: &dyn Reader,
    kind: u8,
    seq: u64,
) -> Result<Fact<T>, ledger::Error> {
    let value = reader.fact(kind, &seq.to_be_bytes())?;
    Ok(value.map(|value| body_from_slice("batch", &value).ok()))
}
