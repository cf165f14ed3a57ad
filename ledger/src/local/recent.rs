//! What was committed and is not in the database yet.

use crate::{Change, Entry};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the two files of the log come to. Shared with readers; only the writer changes it.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// How often the log turned. Between two turns the database changes into what the frozen table says,
    /// and no further.
    pub(super) turns: u64,
    pub(super) active: Table,
    /// Is being moved.
    pub(super) frozen: Option<Arc<Table>>,
}

/// The last word of one file of the log on each entry and fact it speaks of.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) entries: BTreeMap<u64, Slot>,
    /// By kind and key; nothing = removed.
    pub(super) facts: BTreeMap<(u8, Vec<u8>), Option<Vec<u8>>>,
    /// Entries that this removes from where they stay.
    pub(super) gone: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// Inserted here.
    New(Entry),
    /// Changed here; the body, and the tail where none is given, are where they were.
    Changed {
        state: u8,
        head: Vec<u8>,
        tail: Option<Vec<u8>>,
    },
    Gone,
}

/// What is known of an entry without the database.
#[derive(Debug)]
pub(super) enum Known {
    Whole(Entry),
    /// All but the body, and the tail where none is given.
    Changed {
        state: u8,
        head: Vec<u8>,
        tail: Option<Vec<u8>>,
    },
    Gone,
    /// As the database has it.
    Nothing,
}

/// Rows, and entries that are gone, in order of `seq`.
pub(super) type Rows = Vec<(u64, Option<(u8, Vec<u8>)>)>;
/// Facts of one kind, and keys of those that are gone, in order.
pub(super) type Facts = Vec<(Vec<u8>, Option<Vec<u8>>)>;

impl Recent {
    pub(super) fn entry(&self, seq: u64) -> Known {
        let frozen = self.frozen.as_ref().and_then(|table| table.entries.get(&seq));
        match (self.active.entries.get(&seq), frozen) {
            (Some(Slot::Changed { state, head, tail }), Some(Slot::New(entry))) => {
                let tail = tail.clone().or_else(|| entry.tail.clone());
                let body = entry.body.clone();
                Known::Whole(Entry { state: *state, head: head.clone(), body, tail })
            }
            (Some(Slot::Changed { state, head, tail }), below) => {
                let below = match below {
                    Some(Slot::Changed { tail, .. }) => tail.as_ref(),
                    _ => None,
                };
                let tail = tail.as_ref().or(below).cloned();
                Known::Changed { state: *state, head: head.clone(), tail }
            }
            (Some(slot), _) | (None, Some(slot)) => match slot.clone() {
                Slot::New(entry) => Known::Whole(entry),
                Slot::Changed { state, head, tail } => Known::Changed { state, head, tail },
                Slot::Gone => Known::Gone,
            },
            (None, None) => Known::Nothing,
        }
    }

    /// Whether there is such an entry; nothing when only the database knows.
    pub(super) fn has(&self, seq: u64) -> Option<bool> {
        let slot = self.newest_first().find_map(|table| table.entries.get(&seq))?;
        Some(!matches!(slot, Slot::Gone))
    }

    /// The value of a fact, or that it is gone; nothing when only the database knows.
    pub(super) fn fact(&self, kind: u8, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let fact = (kind, key.to_vec());
        self.newest_first().find_map(|table| table.facts.get(&fact)).cloned()
    }

    /// At most so many from `from` on, and the first number that they do not speak of.
    pub(super) fn rows(&self, from: u64, rows_max: usize) -> (Rows, Option<u64>) {
        let row = |(seq, slot): (&u64, &Slot)| {
            let row = match slot {
                Slot::New(Entry { state, head, .. }) | Slot::Changed { state, head, .. } => {
                    Some((*state, head.clone()))
                }
                Slot::Gone => None,
            };
            (*seq, row)
        };
        let frozen = self.frozen.iter().flat_map(|table| table.entries.range(from..));
        let mut all = merged(self.active.entries.range(from..), frozen);
        let rows = all.by_ref().take(rows_max).map(row).collect();
        (rows, all.next().map(|(seq, _)| *seq))
    }

    /// As [`Recent::rows`], of the facts of one kind.
    pub(super) fn facts(
        &self,
        kind: u8,
        from: &[u8],
        facts_max: usize,
    ) -> (Facts, Option<Vec<u8>>) {
        let from = (kind, from.to_vec());
        let frozen = self.frozen.iter().flat_map(|table| table.facts_from(&from));
        let mut all = merged(self.active.facts_from(&from), frozen);
        let fact =
            |((_, key), value): (&(u8, Vec<u8>), &Option<Vec<u8>>)| (key.clone(), value.clone());
        let facts = all.by_ref().take(facts_max).map(fact).collect();
        (facts, all.next().map(|((_, key), _)| key.clone()))
    }

    fn newest_first(&self) -> impl Iterator<Item = &Table> {
        std::iter::once(&self.active).chain(self.frozen.as_deref())
    }
}

impl Table {
    /// What these commits come to.
    pub(super) fn of(commits: &[Vec<Change>]) -> Self {
        let mut table = Self::default();
        commits.iter().flatten().for_each(|change| table.apply(change));
        table
    }

    /// Of the kind of `from`.
    fn facts_from<'a>(
        &'a self,
        from: &'a (u8, Vec<u8>),
    ) -> impl Iterator<Item = (&'a (u8, Vec<u8>), &'a Option<Vec<u8>>)> {
        self.facts.range(from..).take_while(|((kind, _), _)| *kind == from.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.facts.is_empty()
    }

    /// Takes a change that is right. Whether an entry was inserted here or before is for the table to know.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Insert { seq, state, head, body } => {
                let (head, body) = (head.clone(), body.clone());
                let entry = Entry { state: *state, head, body, tail: None };
                self.entries.insert(*seq, Slot::New(entry));
            }
            Change::Update { seq, state, head, tail } => {
                self.update(*seq, *state, head.clone(), tail.clone());
            }
            Change::Remove { seq } => {
                // What came and went in between was never there.
                if !matches!(self.entries.remove(seq), Some(Slot::New(_))) {
                    self.entries.insert(*seq, Slot::Gone);
                    self.gone += 1;
                }
            }
            Change::SetFact { kind, key, value } => {
                self.facts.insert((*kind, key.clone()), Some(value.clone()));
            }
            Change::RemoveFact { kind, key } => {
                self.facts.insert((*kind, key.clone()), None);
            }
        }
    }

    fn update(&mut self, seq: u64, state: u8, head: Vec<u8>, tail: Option<Vec<u8>>) {
        match self.entries.get_mut(&seq) {
            Some(Slot::New(entry)) => {
                (entry.state, entry.head) = (state, head);
                entry.tail = tail.or_else(|| entry.tail.take());
            }
            Some(Slot::Changed { state: old_state, head: old_head, tail: old_tail }) => {
                (*old_state, *old_head) = (state, head);
                *old_tail = tail.or_else(|| old_tail.take());
            }
            Some(Slot::Gone) | None => {
                self.entries.insert(seq, Slot::Changed { state, head, tail });
            }
        }
    }
}

/// Both in order; where both have a key, the newer one's value.
fn merged<'a, K: Ord + 'a, V: 'a>(
    newer: impl Iterator<Item = (&'a K, &'a V)>,
    older: impl Iterator<Item = (&'a K, &'a V)>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    let (mut newer, mut older) = (newer.peekable(), older.peekable());
    std::iter::from_fn(move || {
        let order = match (newer.peek(), older.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        if order == Ordering::Equal {
            older.next();
        }
        if order == Ordering::Greater { older.next() } else { newer.next() }
    })
}
