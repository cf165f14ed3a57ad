//! What a ledger should contain.

use crate::testing::Rng;
use crate::{Change, Entry, Ledger, Reader, States};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Kinds of facts that random batches use.
const KINDS: u8 = 3;

/// All that can be read from a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    pub last_seq: u64,
    pub entries: BTreeMap<u64, Entry>,
    pub facts: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
}

impl Model {
    /// Reads a ledger by every way there is, which have to agree.
    ///
    /// # Panics
    ///
    /// When they do not agree, or a read fails.
    pub fn of(ledger: &dyn Ledger) -> Self {
        let model = Self { last_seq: ledger.last_seq(), ..Self::read(ledger.read()) };
        let reader = ledger.reader().expect("a reader");
        let other = Self { last_seq: model.last_seq, ..Self::read(reader.as_ref()) };
        assert_eq!(model, other, "a reader and the writer see the same");
        model
    }

    /// Without `last_seq`, which a reader does not know.
    ///
    /// # Panics
    ///
    /// When a read fails, or a scan and a single read disagree.
    pub fn read(reader: &dyn Reader) -> Self {
        let mut model = Self::default();
        let mut rows = Vec::new();
        reader
            .scan(0, States::ALL, &mut |row| {
                rows.push((row.seq, row.state, row.head.to_vec()));
                ControlFlow::Continue(())
            })
            .expect("a scan");
        assert!(rows.is_sorted_by(|(one, ..), (next, ..)| one < next), "in order of seq: {rows:?}");
        for (seq, state, head) in rows {
            let entry = reader.entry(seq).expect("a read").expect("an entry that was scanned");
            assert_eq!((entry.state, &entry.head), (state, &head), "the scan of {seq}");
            model.entries.insert(seq, entry);
        }
        for kind in 0..KINDS {
            let each = &mut |key: &[u8], value: &[u8]| {
                model.facts.insert((kind, key.to_vec()), value.to_vec());
                ControlFlow::Continue(())
            };
            reader.facts(kind, each).expect("facts");
        }
        for ((kind, key), value) in &model.facts {
            let one = reader.fact(*kind, key).expect("a fact");
            assert_eq!(one.as_ref(), Some(value), "fact {kind} {key:?}");
        }
        model
    }

    /// Applies changes that are known to be right.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change.clone() {
                Change::Insert { seq, state, head, body } => {
                    self.last_seq = seq;
                    self.entries.insert(seq, Entry { state, head, body, tail: None });
                }
                Change::Update { seq, state, head, tail } => {
                    let entry = self.entries.get_mut(&seq).expect("an entry to update");
                    entry.state = state;
                    entry.head = head;
                    entry.tail = tail.or(entry.tail.take());
                }
                Change::Remove { seq } => {
                    self.entries.remove(&seq).expect("an entry to remove");
                }
                Change::SetFact { kind, key, value } => {
                    self.facts.insert((kind, key), value);
                }
                Change::RemoveFact { kind, key } => {
                    self.facts.remove(&(kind, key));
                }
            }
        }
    }

    /// Where another one differs, in short.
    pub fn difference(&self, found: &Self) -> String {
        let mut text = format!("last_seq {} is {}", self.last_seq, found.last_seq);
        let seqs: BTreeSet<_> = self.entries.keys().chain(found.entries.keys()).collect();
        for seq in seqs {
            let (entry, other) = (self.entries.get(seq), found.entries.get(seq));
            if entry != other {
                let _ = write!(text, "; entry {seq}: {} is {}", summary(entry), summary(other));
            }
        }
        let facts: BTreeSet<_> = self.facts.keys().chain(found.facts.keys()).collect();
        for fact in facts.into_iter().filter(|fact| self.facts.get(fact) != found.facts.get(fact)) {
            let _ = write!(text, "; fact {} {}", fact.0, fact.1.escape_ascii());
        }
        text
    }

    /// The model after these changes.
    pub fn after(&self, changes: &[Change]) -> Self {
        let mut model = self.clone();
        model.apply(changes);
        model
    }

    /// Some changes that are right here, one after the other.
    pub fn random_batch(&self, rng: &mut Rng, changes_max: u64) -> Vec<Change> {
        let mut model = self.clone();
        let count = 1 + rng.below(changes_max);
        (0..count)
            .map(|_| {
                let change = model.random_change(rng);
                model.apply(std::slice::from_ref(&change));
                change
            })
            .collect()
    }

    fn random_change(&self, rng: &mut Rng) -> Change {
        let seqs: Vec<u64> = self.entries.keys().copied().collect();
        // Between 20 and 60 entries there is about as much coming as going.
        let grows = rng.below(80) >= seqs.len() as u64;
        match rng.below(10) {
            0..4 if grows || seqs.is_empty() => self.random_insert(rng),
            0..4 => Change::Remove { seq: *rng.pick(&seqs) },
            4..8 if !seqs.is_empty() => {
                let tail = rng.once_in(3).then(|| random_part(rng));
                let (seq, state, head) = (*rng.pick(&seqs), rng.below(8) as u8, random_head(rng));
                Change::Update { seq, state, head, tail }
            }
            8 => Change::RemoveFact { kind: random_kind(rng), key: random_key(rng) },
            _ => Change::SetFact {
                kind: random_kind(rng),
                key: random_key(rng),
                value: random_part(rng),
            },
        }
    }

    fn random_insert(&self, rng: &mut Rng) -> Change {
        // Numbers may be left out.
        let seq = self.last_seq + 1 + if rng.once_in(10) { rng.below(100) } else { 0 };
        let state = rng.below(8) as u8;
        Change::Insert { seq, state, head: random_head(rng), body: random_part(rng) }
    }
}

fn summary(entry: Option<&Entry>) -> String {
    let Some(Entry { state, head, body, tail }) = entry else { return "none".into() };
    let tail = tail.as_ref().map(Vec::len);
    format!("state {state}, {} + {} + {tail:?} bytes", head.len(), body.len())
}

fn random_kind(rng: &mut Rng) -> u8 {
    rng.below(KINDS.into()) as u8
}

fn random_key(rng: &mut Rng) -> Vec<u8> {
    format!("key {}", rng.below(20)).into_bytes()
}

fn random_head(rng: &mut Rng) -> Vec<u8> {
    let length = rng.below(100) as usize;
    rng.bytes(length)
}

/// Mostly short, sometimes on either side of what fits beside the rest, sometimes over many pages.
fn random_part(rng: &mut Rng) -> Vec<u8> {
    let length = match rng.below(20) {
        0 => 0,
        1..14 => rng.below(200),
        14..18 => rng.below(1500),
        _ => rng.below(20_000),
    };
    rng.bytes(length as usize)
}
