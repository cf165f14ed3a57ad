//! What is over is kept for a time, and then removed.

use super::Engine;
use crate::deadlines::Deadlines;
use crate::record::Head;
use ledger::Change;
use protocol::JobState;

/// Most removals of one commit, so that none takes long.
pub(super) const REMOVED_AT_ONCE_MAX: usize = 512;
/// Most that are removed beyond those that are too many. One with each that ends would be one more page,
/// elsewhere in the file, in each commit.
const SPARE_MAX: u64 = 128;

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

    /// What is to be removed, at most so many.
    fn take(&mut self, now_ms: u64, kept_max: u64, count_max: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        for kept in [&mut self.over, &mut self.dead] {
            let len = kept.len() as u64;
            let room = if len > kept_max { kept_max - (kept_max / 16).min(SPARE_MAX) } else { len };
            while taken.len() < count_max {
                let next = match kept.len() as u64 > room {
                    true => kept.pop_first(),
                    false => kept.pop_due(now_ms),
                };
                let Some((seq, ())) = next else { break };
                taken.push(seq);
            }
        }
        taken
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
        let (now_ms, kept_max) = (self.now.steady_ms, self.settings.kept_max);
        for seq in self.kept.take(now_ms, kept_max, REMOVED_AT_ONCE_MAX) {
            if !self.forget_batch(seq) {
                self.pending.push(Change::Remove { seq });
            }
        }
    }
}
