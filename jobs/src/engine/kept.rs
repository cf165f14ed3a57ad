//! What is over is kept for a time, and then removed.

use super::Engine;
use crate::deadlines::Deadlines;
use crate::record::Head;
use ledger::Change;
use protocol::JobState;

/// Most removals of one commit, so that none takes long.
pub(super) const REMOVED_AT_ONCE_MAX: usize = 512;

/// Numbers of jobs and batches that are over, by when they are removed on the steady clock.
#[derive(Debug, Default)]
pub(super) struct Kept {
    over: Deadlines<()>,
    /// Apart, so that many that are done leave those that somebody should look at alone.
    dead: Deadlines<()>,
}

impl Kept {
    pub(super) fn forget(&mut self, seq: u64) {
        self.over.remove(seq);
        self.dead.remove(seq);
    }

    /// When there is something to remove.
    pub(super) fn next_ms(&self, kept_max: u64) -> Option<u64> {
        let next = |kept: &Deadlines<()>| match kept.len() as u64 > kept_max {
            true => Some(0),
            false => kept.next_ms(),
        };
        [next(&self.over), next(&self.dead)].into_iter().flatten().min()
    }

    fn pop(&mut self, now_ms: u64, kept_max: u64) -> Option<u64> {
        let pop = |kept: &mut Deadlines<()>| match kept.len() as u64 > kept_max {
            true => kept.pop_first(),
            false => kept.pop_due(now_ms),
        };
        pop(&mut self.over).or_else(|| pop(&mut self.dead)).map(|(seq, ())| seq)
    }
}

impl Engine {
    /// How long a job is kept.
    pub(super) fn keep_ms(&self, head: &Head, state: JobState) -> u64 {
        match state {
            JobState::Dead => self.settings.keep_dead_ms,
            _ => head.keep_ms,
        }
    }

    pub(super) fn keep(&mut self, seq: u64, state: JobState, until_steady_ms: u64) {
        let kept = match state {
            JobState::Dead => &mut self.kept.dead,
            _ => &mut self.kept.over,
        };
        kept.set(seq, until_steady_ms, ());
    }

    pub(super) fn remove_kept(&mut self) {
        for _ in 0..REMOVED_AT_ONCE_MAX {
            let removed = self.kept.pop(self.now.steady_ms, self.settings.kept_max);
            match removed {
                Some(seq) if self.forget_batch(seq) => {}
                Some(seq) => self.pending.push(Change::Remove { seq }),
                None => return,
            }
        }
    }
}
