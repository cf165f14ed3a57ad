//! A ledger without a disk, for tests of what stands on one.

use crate::{
    Change, EachFact, EachRow, Entry, Error, Ledger, Misuse, Reader, Row, Size, States, TAG_MAX,
};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Keeps every promise but to survive the process.
#[derive(Debug)]
pub struct Memory {
    tag: u16,
    reads: MemoryReader,
    fail_next: Option<Error>,
}

/// Shares the content with its [`Memory`].
#[derive(Debug, Clone, Default)]
struct MemoryReader(Arc<RwLock<Content>>);

#[derive(Debug, Default)]
struct Content {
    last_seq: u64,
    entries: BTreeMap<u64, Entry>,
    facts: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
}

impl Memory {
    pub fn new(tag: u16) -> Self {
        Self { tag: tag & TAG_MAX, reads: MemoryReader::default(), fail_next: None }
    }

    /// The same ledger as it would be after a restart.
    #[must_use]
    pub fn restarted(&self) -> Self {
        Self { tag: self.tag, reads: self.reads.clone(), fail_next: None }
    }

    /// Makes the next commit fail, with nothing changed.
    pub fn fail_next(&mut self, error: Error) {
        self.fail_next = Some(error);
    }
}

impl Ledger for Memory {
    fn tag(&self) -> u16 {
        self.tag
    }

    fn last_seq(&self) -> u64 {
        self.reads.content().last_seq
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), Error> {
        if let Some(error) = self.fail_next.take() {
            return Err(error);
        }
        let mut content = self.reads.0.write().unwrap_or_else(PoisonError::into_inner);
        content.check(changes)?;
        changes.iter().for_each(|change| content.apply(change));
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(self.reads.clone()))
    }

    fn read(&self) -> &dyn Reader {
        &self.reads
    }

    fn tidy(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    fn size(&self) -> Result<Size, Error> {
        let live_bytes = self.reads.content().bytes();
        Ok(Size { live_bytes, file_bytes: live_bytes, log_bytes: 0 })
    }
}

impl Content {
    /// Whether all changes can be applied, one after the other.
    fn check(&self, changes: &[Change]) -> Result<(), Error> {
        let mut last_seq = self.last_seq;
        // What the batch itself inserts (true) and removes (false).
        let mut touched = BTreeMap::new();
        for change in changes {
            change.check()?;
            match change {
                Change::Insert { seq, .. } => {
                    if *seq <= last_seq {
                        return Err(Misuse::NotAscending { seq: *seq, last_seq }.into());
                    }
                    last_seq = *seq;
                    touched.insert(*seq, true);
                }
                Change::Update { seq, .. } | Change::Remove { seq } => {
                    let exists = self.entries.contains_key(seq);
                    if !touched.get(seq).copied().unwrap_or(exists) {
                        return Err(Misuse::NoEntry { seq: *seq }.into());
                    }
                    if matches!(change, Change::Remove { .. }) {
                        touched.insert(*seq, false);
                    }
                }
                Change::SetFact { .. } | Change::RemoveFact { .. } => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::Insert { seq, state, head, body } => {
                self.last_seq = seq;
                self.entries.insert(seq, Entry { state, head, body, tail: None });
            }
            Change::Update { seq, state, head, tail } => {
                if let Some(entry) = self.entries.get_mut(&seq) {
                    let tail = tail.or(entry.tail.take());
                    let body = std::mem::take(&mut entry.body);
                    *entry = Entry { state, head, body, tail };
                }
            }
            Change::Remove { seq } => {
                self.entries.remove(&seq);
            }
            Change::SetFact { kind, key, value } => {
                self.facts.insert((kind, key), value);
            }
            Change::RemoveFact { kind, key } => {
                self.facts.remove(&(kind, key));
            }
        }
    }

    fn bytes(&self) -> u64 {
        let entries = self.entries.values().map(|entry| {
            entry.head.len() + entry.body.len() + entry.tail.as_ref().map_or(0, Vec::len)
        });
        let facts = self.facts.iter().map(|((_, key), value)| key.len() + value.len());
        entries.chain(facts).map(|bytes| bytes as u64).sum()
    }
}

impl MemoryReader {
    fn content(&self) -> RwLockReadGuard<'_, Content> {
        // No change is applied before all were checked: a panic leaves the content whole.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies one item at a time, so that a callback holds no lock.
impl Reader for MemoryReader {
    fn scan(&self, from: u64, states: States, each: &mut EachRow<'_>) -> Result<(), Error> {
        let mut from = Some(from);
        while let Some(start) = from {
            let next = self
                .content()
                .entries
                .range(start..)
                .find(|(_, entry)| states.contains(entry.state))
                .map(|(seq, entry)| (*seq, entry.state, entry.head.clone()));
            let Some((seq, state, head)) = next else { break };
            if each(Row { seq, state, head: &head }).is_break() {
                break;
            }
            from = seq.checked_add(1);
        }
        Ok(())
    }

    fn entry(&self, seq: u64) -> Result<Option<Entry>, Error> {
        Ok(self.content().entries.get(&seq).cloned())
    }

    fn facts_from(&self, kind: u8, from: &[u8], each: &mut EachFact<'_>) -> Result<(), Error> {
        let mut from = (kind, from.to_vec());
        loop {
            let next = self
                .content()
                .facts
                .range(from..)
                .next()
                .filter(|((other, _), _)| *other == kind)
                .map(|((_, key), value)| (key.clone(), value.clone()));
            let Some((mut key, value)) = next else { break };
            if each(&key, &value).is_break() {
                break;
            }
            // The next key in order of bytes.
            key.push(0);
            from = (kind, key);
        }
        Ok(())
    }

    fn fact(&self, kind: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.content().facts.get(&(kind, key.to_vec())).cloned())
    }
}
