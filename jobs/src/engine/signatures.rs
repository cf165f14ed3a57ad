//! How functions were declared when jobs were made for them: kept while a job or a release refers to it.
//!
//! Steps that are to follow a job are in its body, which is on disk alone. So what nobody seems to refer to
//! is looked for in all that the ledger has, a few jobs at a time, before it is forgotten.

use super::draft::Declarations;
use super::{Engine, fact};
use crate::pending::ReadError;
use crate::record::{Body, Head};
use ledger::{Change, Entry, Reader, States};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Most jobs that are looked at in one commit: others wait for it meanwhile.
const LOOKED_AT_MAX: usize = 64;

/// Declarations by their hash.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    known: HashMap<u64, Vec<u8>>,
    sweep: Option<Sweep>,
}

/// A look for those that can go.
#[derive(Debug)]
struct Sweep {
    /// Those that nothing was found to refer to so far.
    unused: HashSet<u64>,
    /// The first job that was not looked at.
    from: u64,
}

impl Signatures {
    pub(super) fn get(&self, signature: u64) -> Option<&[u8]> {
        self.known.get(&signature).map(Vec::as_slice)
    }

    pub(super) fn read(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        reader.facts(fact::SIGNATURE, &mut |key, value| {
            if let Ok(key) = key.try_into() {
                self.known.insert(u64::from_be_bytes(key), value.to_vec());
            }
            ControlFlow::Continue(())
        })
    }

    pub(super) fn is_sweeping(&self) -> bool {
        self.sweep.is_some()
    }
}

impl Sweep {
    /// Looks at the next jobs; whether those were the last.
    fn look(&mut self, reader: &dyn Reader) -> Result<bool, ledger::Error> {
        let mut seqs = Vec::with_capacity(LOOKED_AT_MAX);
        reader.scan(self.from, States::ALL, &mut |row| {
            seqs.push(row.seq);
            match seqs.len() < LOOKED_AT_MAX {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        for seq in &seqs {
            if let Some(entry) = reader.entry(*seq)? {
                self.finds(*seq, &entry);
            }
        }
        self.from = seqs.last().map_or(self.from, |last| last + 1);
        Ok(seqs.len() < LOOKED_AT_MAX)
    }

    /// One that is over may be run again.
    fn finds(&mut self, seq: u64, entry: &Entry) {
        if let Ok(head) = Head::read(seq, &entry.head) {
            self.unused.remove(&head.signature);
        }
        for step in Body::read(seq, &entry.body).map(|body| body.then).unwrap_or_default() {
            self.unused.remove(&step.signature);
        }
    }
}

impl Engine {
    pub(super) fn declare(&mut self, declarations: Declarations) {
        for (signature, declaration) in declarations {
            if self.signatures.known.contains_key(&signature) {
                continue;
            }
            let (key, value) = (signature.to_be_bytes().to_vec(), declaration.clone());
            self.pending.push(Change::SetFact { kind: fact::SIGNATURE, key, value });
            self.signatures.known.insert(signature, declaration);
        }
    }

    /// How many declarations are kept.
    pub fn signatures(&self) -> usize {
        self.signatures.known.len()
    }

    /// A release has come or gone: what only older ones had may be in no job's way any more.
    pub(super) fn begin_sweep(&mut self) {
        let mut unused: HashSet<u64> = self.signatures.known.keys().copied().collect();
        self.drop_used(&mut unused);
        self.signatures.sweep = (!unused.is_empty()).then_some(Sweep { unused, from: 0 });
    }

    /// What is known to be used without a look at the disk.
    fn drop_used(&self, unused: &mut HashSet<u64>) {
        for rules in self.apps.iter().filter_map(|app| app.rules.as_ref()) {
            rules.signatures().for_each(|used| {
                unused.remove(&used);
            });
        }
        for used in self.kinds.signatures() {
            unused.remove(&used);
        }
        for step in self.steps_after_batches() {
            unused.remove(&step.signature);
        }
    }

    /// Goes on with the look, if there is one.
    pub(super) fn sweep_signatures(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        let Some(mut sweep) = self.signatures.sweep.take() else {
            return Ok(());
        };
        let was_last = sweep.look(reader)?;
        if !was_last && !sweep.unused.is_empty() {
            self.signatures.sweep = Some(sweep);
            return Ok(());
        }
        // What was made meanwhile. What follows a job that ended meanwhile was in that one's body, or is in its own,
        // behind all that was looked at.
        self.drop_used(&mut sweep.unused);
        for signature in sweep.unused {
            self.signatures.known.remove(&signature);
            let key = signature.to_be_bytes().to_vec();
            self.pending.push(Change::RemoveFact { kind: fact::SIGNATURE, key });
        }
        Ok(())
    }
}
