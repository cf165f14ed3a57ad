//! Room on the disk, after a commit that failed.
//!
//! A full disk often takes a few bytes more: one that takes a small commit may refuse the next that is
//! larger. So what needs little goes on as soon as anything works (ends of attempts, what administrators
//! delete: that is what makes room), and new jobs are refused until a commit as large as the one that
//! failed works.

use super::keeper::Keeper;
use ledger::{Change, Ledger};
use std::time::{Duration, Instant};

/// How often it is tried.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Kind of the fact by which the disk is tried: no fact of the engine.
const TRIAL: u8 = 255;
/// As large as a trial is at least and at most: a larger job is refused by its own commit.
const TRIAL_BYTES: (usize, usize) = (4 << 10, 1 << 20);

/// Why new jobs are refused, and when it is tried again whether they must be.
pub(super) struct Shortage {
    pub(super) reason: String,
    pub(super) again: Instant,
    /// Of the commit that failed.
    bytes: usize,
    /// How often it was tried in vain.
    tries: u32,
}

impl Shortage {
    /// For administrators.
    pub(super) fn in_words(&self) -> String {
        let times =
            if self.tries == 1 { "once".to_owned() } else { format!("{} times", self.tries) };
        format!("{}; tried again {times}, every {} s", self.reason, TRY_AGAIN.as_secs())
    }

    fn trial(&self) -> Change {
        let (least, most) = TRIAL_BYTES;
        trial(self.bytes.clamp(least, most))
    }
}

/// Whether the disk takes anything, and what a larger trial left is gone.
pub(super) fn try_little(ledger: &mut dyn Ledger) -> Result<(), ledger::Error> {
    ledger.commit(&[trial(64)])
}

fn trial(bytes: usize) -> Change {
    Change::SetFact { kind: TRIAL, key: Vec::new(), value: vec![0; bytes] }
}

impl Keeper {
    /// A commit failed. What is tried is the largest that did.
    pub(super) fn run_short(&mut self, error: &ledger::Error, changes: &[Change]) {
        if self.shortage.is_none() {
            tracing::error!(%error, "jobs are refused until the ledger works again");
        }
        let (known, reason) = (self.shortage.take(), error.to_string());
        let tries = known.as_ref().map_or(0, |known| known.tries);
        let bytes = known.map_or(0, |known| known.bytes).max(bytes(changes));
        self.shortage = Some(Shortage { reason, again: Instant::now() + TRY_AGAIN, bytes, tries });
    }

    /// Tries whether there is room again, if it is time to.
    pub(super) fn look_for_room(&mut self) {
        let Some(shortage) = &mut self.shortage else {
            return;
        };
        if Instant::now() < shortage.again {
            return;
        }
        let tried = self.ledger.commit(&[shortage.trial()]);
        match tried.and_then(|()| try_little(self.ledger.as_mut())) {
            Ok(()) => {
                tracing::info!("the ledger of jobs works again");
                self.shortage = None;
            }
            Err(error) => {
                shortage.again = Instant::now() + TRY_AGAIN;
                shortage.reason = error.to_string();
                shortage.tries = shortage.tries.saturating_add(1);
            }
        }
        self.show.changed();
    }
}

/// What a commit writes, more or less.
pub(super) fn bytes(changes: &[Change]) -> usize {
    let bytes = |change: &Change| match change {
        Change::Insert { head, body, .. } => head.len() + body.len(),
        Change::Update { head, tail, .. } => head.len() + tail.as_ref().map_or(0, Vec::len),
        Change::SetFact { key, value, .. } => key.len() + value.len(),
        Change::Remove { .. } | Change::RemoveFact { .. } => 0,
    };
    changes.iter().map(bytes).sum()
}
