//! Attempts end: what becomes of their jobs.

use super::Engine;
use super::batch::FAILING;
use super::report::report;
use super::run::{Ended, Running};
use crate::clock::{Due, Pause};
use crate::record::{CAUSE_BYTES_MAX, Head, MESSAGE_BYTES_MAX, Tail, shortened};
use ledger::Change;
use protocol::{Attempt, JobOptions, JobState, Outcome, Progress};

/// Pause before an attempt of which nothing ran is tried again: the release may be changing.
const NOT_BEGUN_PAUSE_MS: u64 = 200;
/// Least pause of a job that puts itself back without being counted: one that does so for ever leaves
/// disk and executors to others.
const RELEASED_PAUSE_MS: u64 = 100;
/// Largest result: it is stored with what is told of attempts.
const RESULT_BYTES_MAX: usize = ledger::PART_BYTES_MAX - (1 << 20);

impl Engine {
    /// An attempt ended. `false` when it is not the one that runs: then it changes nothing.
    pub fn finish(&mut self, seq: u64, attempt: u32, ended: Ended) -> bool {
        if self.running.get(&seq).is_none_or(|running| running.head.attempt != attempt) {
            return false;
        }
        let Some(mut running) = self.running.remove(&seq) else {
            return false;
        };
        // Of a rate its place is known by when it began. Else it stays taken, and not another's is freed.
        if matches!(ended, Ended::NotBegun(_)) && running.began_here {
            self.give_back_under_limits(running.kind, &running.head, running.began_steady_ms);
        }
        self.end_under_limits(running.kind);
        self.release_slot(&running);
        let ended = storable(ended);
        let (outcome, error) = described(&ended, running.head.cancelled);
        self.note_end(&mut running, &ended, outcome, error.clone());
        match ended {
            _ if running.head.cancelled => {
                let cause = "it was cancelled while it ran".to_owned();
                self.end(seq, running, JobState::Cancelled, cause);
            }
            Ended::Returned(result) => self.done(seq, running, result),
            Ended::Failed(_) | Ended::TimedOut(_) => self.failed(seq, running, None, &error),
            Ended::GaveUp(_) => self.gave_up(seq, running, &error),
            Ended::Again { after_ms, counts: true, .. } => {
                self.failed(seq, running, after_ms, &error);
            }
            Ended::Again { after_ms, counts: false, .. } => self.released(seq, running, after_ms),
            Ended::Crashed(_) => self.crashed(seq, running, &error),
            Ended::Interrupted => self.again(seq, running, 0),
            Ended::NotBegun(_) => self.again(seq, running, NOT_BEGUN_PAUSE_MS),
        }
        true
    }

    fn note_end(&self, running: &mut Running, ended: &Ended, outcome: Outcome, error: String) {
        if matches!(ended, Ended::NotBegun(_)) {
            return;
        }
        let took_ms = self.now.steady_ms.saturating_sub(running.began_steady_ms);
        let (number, began_ms) = (running.head.attempt, running.head.began_ms);
        running.tail.note(Attempt { number, began_ms, took_ms, outcome, error });
        // It has begun in time.
        running.head.expires = None;
    }

    /// How far a running attempt says it has come. In memory until the attempt ends.
    pub fn progress(&mut self, seq: u64, attempt: u32, progress: Progress) {
        if let Some(running) = self.running.get_mut(&seq).filter(|r| r.head.attempt == attempt) {
            let message = shortened(progress.message, MESSAGE_BYTES_MAX);
            running.tail.progress = Some(Progress { message, ..progress });
        }
    }

    fn release_slot(&mut self, running: &Running) {
        let key = &self.kinds.class_of(running.kind).key;
        let (app, queue) = (key.app as usize, key.queue as usize);
        self.apps[app].running -= 1;
        self.queues[queue].running -= 1;
    }

    fn done(&mut self, seq: u64, mut running: Running, result: Vec<u8>) {
        let mut then = std::mem::take(&mut running.then).into_iter();
        if let Some(mut next) = then.next() {
            next.job.batch = next.job.batch.or(running.head.batch);
            let next = self.follow(&running.head.app, next, then.collect(), Some(result.clone()));
            running.tail.next = Some(next);
        }
        running.tail.result = Some(result);
        running.tail.progress = None;
        self.end(seq, running, JobState::Done, String::new());
    }

    /// `after_ms` is its own word for the pause.
    fn failed(&mut self, seq: u64, mut running: Running, after_ms: Option<u64>, error: &str) {
        self.count_failure(&mut running);
        let Head { failures, attempts_max, .. } = running.head;
        if failures >= attempts_max {
            let cause =
                format!("it failed {failures} times (attempts = {attempts_max}); last: {error}");
            return self.end(seq, running, JobState::Dead, cause);
        }
        let pause = self.pause_after(&running.head, after_ms);
        self.again(seq, running, pause);
    }

    fn count_failure(&mut self, running: &mut Running) {
        running.head.failures = running.head.failures.saturating_add(1);
        self.totals.failed += 1;
    }

    fn gave_up(&mut self, seq: u64, mut running: Running, error: &str) {
        self.count_failure(&mut running);
        self.end(seq, running, JobState::Dead, format!("it gave up: {error}"));
    }

    /// It may do so for ever, and nothing grows by it: of attempts the last ones are kept.
    fn released(&mut self, seq: u64, running: Running, after_ms: Option<u64>) {
        let pause = self.pause_after(&running.head, after_ms).max(RELEASED_PAUSE_MS);
        self.again(seq, running, pause);
    }

    fn pause_after(&mut self, head: &Head, after_ms: Option<u64>) -> u64 {
        match after_ms {
            Some(after_ms) => after_ms.min(JobOptions::TIME_MS_MAX),
            None => head.backoff.pause_ms(head.failures, self.random.next()),
        }
    }

    fn crashed(&mut self, seq: u64, mut running: Running, error: &str) {
        running.head.crashes = running.head.crashes.saturating_add(1);
        let Head { crashes, crashes_max, .. } = running.head;
        self.totals.crashed += 1;
        if crashes >= crashes_max {
            let cause = format!(
                "poison: {crashes} executors died under it (crash_attempts = {crashes_max}); last: {error}"
            );
            return self.end(seq, running, JobState::Dead, cause);
        }
        self.again(seq, running, 0);
    }

    /// The job waits for its next attempt, unless another one waits in its place.
    fn again(&mut self, seq: u64, running: Running, pause_ms: u64) {
        if !self.waits_with_key(self.id_of(seq, &running.head), &running.head) {
            return self.end(seq, running, JobState::Cancelled, super::keys::REPLACED.to_owned());
        }
        let Running { mut head, tail, kind, group, .. } = running;
        head.due = match pause_ms {
            0 => Due::Now,
            pause => Due::After(Pause::of(pause, self.now)),
        };
        self.update(seq, JobState::Waiting, &head, Some(&tail));
        self.wait(seq, kind, &head);
        if let Some(group) = group {
            self.set_group_runs(group, false);
        }
    }

    pub(super) fn update(&mut self, seq: u64, state: JobState, head: &Head, tail: Option<&Tail>) {
        let (state, head) = (state as u8, head.to_bytes());
        let tail = tail.map(Tail::to_bytes);
        self.pending.push(Change::Update { seq, state, head, tail });
    }

    /// A running job is over.
    fn end(&mut self, seq: u64, running: Running, state: JobState, cause: String) {
        let Running { head, tail, kind, group, .. } = running;
        self.close(seq, head, Some(tail), state, cause);
        if let Some(group) = group {
            self.set_group_runs(group, false);
        }
        self.leave_kind(kind);
    }

    /// What is the same for every job that will not run again, whether it ran or waited.
    pub(super) fn close(
        &mut self,
        seq: u64,
        mut head: Head,
        tail: Option<Tail>,
        state: JobState,
        cause: String,
    ) {
        head.ended_ms = self.now.wall_ms;
        head.cause = shortened(cause, CAUSE_BYTES_MAX);
        self.bytes -= u64::from(head.body_bytes);
        match state {
            JobState::Done => self.totals.done += 1,
            JobState::Dead => self.totals.dead += 1,
            _ => self.totals.cancelled += 1,
        }
        self.leaves_key(self.id_of(seq, &head), &head);
        let (keep_ms, batch) = (self.keep_ms(&head, state), head.batch);
        if keep_ms == 0 {
            self.pending.push(Change::Remove { seq });
            let (id, cause) = (self.id_of(seq, &head), head.cause.clone());
            self.told.unkept.push(report(id, state, head, tail.unwrap_or_default(), cause));
        } else {
            self.update(seq, state, &head, tail.as_ref());
            self.keep(seq, state, self.now.steady_ms.saturating_add(keep_ms));
        }
        if let Some(batch) = batch {
            self.count_in_batch(batch, seq, state);
        }
        self.told.over.push(seq);
    }

    pub(super) fn expire(&mut self, seq: u64, kind: u32, head: Head, mut tail: Tail) {
        let cause = "it had not begun when its time was over (expires)";
        tail.note(self.not_begun(&head, Outcome::Expired, cause));
        self.close(seq, head, Some(tail), JobState::Dead, cause.to_owned());
        self.leave_kind(kind);
    }

    /// Its turn has come while its batch ends.
    pub(super) fn prevent(&mut self, seq: u64, kind: u32, head: Head, mut tail: Tail) {
        tail.note(self.not_begun(&head, Outcome::Cancelled, FAILING));
        self.close(seq, head, Some(tail), JobState::Cancelled, FAILING.to_owned());
        self.leave_kind(kind);
    }

    /// What is told of a job that ended while it waited.
    pub(super) fn not_begun(&self, head: &Head, outcome: Outcome, error: &str) -> Attempt {
        let (number, began_ms) = (head.attempt, self.now.wall_ms);
        Attempt { number, began_ms, took_ms: 0, outcome, error: error.to_owned() }
    }
}

/// A result that is too large to be stored is none.
fn storable(ended: Ended) -> Ended {
    match ended {
        Ended::Returned(result) if result.len() > RESULT_BYTES_MAX => Ended::Failed(format!(
            "it returned {} bytes: the result of a job has at most {RESULT_BYTES_MAX}; \
             return a path or a key",
            result.len()
        )),
        ended => ended,
    }
}

/// What is told of an attempt.
fn described(ended: &Ended, cancelled: bool) -> (Outcome, String) {
    match ended {
        Ended::Returned(_) if cancelled => (Outcome::Cancelled, String::new()),
        Ended::Returned(_) => (Outcome::Returned, String::new()),
        Ended::Failed(error)
        | Ended::TimedOut(error)
        | Ended::Crashed(error)
        | Ended::GaveUp(error)
        | Ended::Again { error, .. }
            if cancelled =>
        {
            (Outcome::Cancelled, error.clone())
        }
        Ended::Failed(error) | Ended::GaveUp(error) | Ended::Again { counts: true, error, .. } => {
            (Outcome::Failed, error.clone())
        }
        Ended::Again { counts: false, error, .. } => (Outcome::Released, error.clone()),
        Ended::TimedOut(error) => (Outcome::TimedOut, error.clone()),
        Ended::Crashed(error) => (Outcome::Crashed, error.clone()),
        Ended::Interrupted => (Outcome::Interrupted, "the worker was stopped".to_owned()),
        Ended::NotBegun(error) => (Outcome::Interrupted, error.clone()),
    }
}
