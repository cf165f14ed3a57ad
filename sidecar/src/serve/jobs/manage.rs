//! Questions of the control API about jobs, on a thread that may wait: for the ledger's reader, and for
//! the thread that keeps jobs.

use super::command::{Command, Manage, Managed, Reported};
use super::listing::{self, Found, Search};
use super::oldest::oldest;
use super::{Jobs, Kept, OFF};
use crate::admin::{
    AdminError, Answer, BatchStatus, ChangeAll, ChangedAll, Code, Job, JobChange, JobDetail,
    JobFilter, JobQuestion, Queue, Queues, Reply,
};
use crate::serve::audit::now_ms;
use jobs::Head;
use ledger::Reader;
use protocol::{JobId, JobState, QueueStatus};
use std::sync::{MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Most entries of the ledger that are looked at for one page of jobs.
const SCANNED_MAX: u64 = 200_000;
/// Most jobs that are changed in one commit: others wait for it meanwhile.
const CHANGED_AT_ONCE_MAX: usize = 256;
/// Most jobs that one question changes, more or less: whoever asks shows how far it is.
const CHANGED_MAX: u64 = 2_000;
/// How many of them the answer names.
const NAMED_MAX: usize = 10;

impl Jobs {
    /// The answer. It may take a while.
    pub(super) fn answer(&self, question: JobQuestion) -> Reply {
        let kept = match (&self.kept, &question) {
            (Some(kept), _) => kept,
            (None, JobQuestion::Queues) => {
                let refused = Some(OFF.to_owned());
                return Ok(Answer::Queues(Queues { refused, ..Queues::default() }));
            }
            (None, _) => return Err(AdminError::new(Code::Unavailable, OFF)),
        };
        match question {
            JobQuestion::Queues => kept.queues().map(Answer::Queues),
            JobQuestion::List { filter, before, limit } => {
                let (found, before) = kept.search(&filter, |_| true, before, limit)?;
                Ok(Answer::Jobs(listing::page(&found, before, kept.tag)))
            }
            JobQuestion::Job(id) => {
                let found = kept.entry(id)?;
                let report = self.report(id)?.ok_or_else(|| unknown(id))?;
                Ok(Answer::Job(Box::new(detail(&found, *report, kept.tag))))
            }
            JobQuestion::Events { after } => Ok(Answer::JobEvents(kept.feed.read(after))),
            JobQuestion::Change { change, id } => self.change(kept, change, id),
            JobQuestion::ChangeAll { change, body } => {
                self.change_all(kept, change, &body).map(Answer::ChangedAll)
            }
            JobQuestion::Mode { app, queue, mode } => {
                self.ask(Manage::Mode { app, queue, mode })?;
                Ok(Answer::Done {})
            }
        }
    }

    fn change(&self, kept: &Kept, change: JobChange, id: JobId) -> Reply {
        if let Managed::Changed(changed) = self.ask(Manage::Change { change, ids: vec![id] })?
            && !changed.is_empty()
        {
            return Ok(Answer::Done {});
        }
        let state = kept.entry(id)?.state;
        let reason = match (change, state) {
            (JobChange::Cancel, _) => {
                format!("it is {}: there is nothing to cancel", state.as_str())
            }
            (JobChange::Retry, state) if state.is_over() => {
                "another job has its unique key now".to_owned()
            }
            (JobChange::Retry, _) => format!("it is {}: it will run anyway", state.as_str()),
            (JobChange::Delete, _) => "it runs: cancel it first".to_owned(),
        };
        Err(AdminError::new(Code::Conflict, format!("job {id}: {reason}")))
    }

    fn change_all(
        &self,
        kept: &Kept,
        change: JobChange,
        body: &ChangeAll,
    ) -> Result<ChangedAll, AdminError> {
        let mut all = ChangedAll { before: body.before, ..ChangedAll::default() };
        while all.jobs < CHANGED_MAX {
            match self.change_page(kept, change, body, &mut all) {
                Ok(true) => {}
                Ok(false) => break,
                // What is done is told first; whoever asks for the rest learns why that is not.
                Err(_) if all.jobs > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Changes the next ones, and counts them; whether it goes on.
    fn change_page(
        &self,
        kept: &Kept,
        change: JobChange,
        body: &ChangeAll,
        all: &mut ChangedAll,
    ) -> Result<bool, AdminError> {
        let fits = |state| change.fits(state);
        let (found, before) = kept.search(&body.filter, fits, all.before, CHANGED_AT_ONCE_MAX)?;
        let ids = found.iter().map(|found| found.head.id(kept.tag, found.seq));
        let changed: Vec<JobId> = match body.dry_run {
            true => ids.collect(),
            false => match self.ask(Manage::Change { change, ids: ids.collect() })? {
                Managed::Changed(changed) => changed,
                Managed::Done | Managed::Job(_) => Vec::new(),
            },
        };
        let is_changed = |found: &&Found| changed.contains(&found.head.id(kept.tag, found.seq));
        let room = NAMED_MAX - all.first.len();
        let named = found.iter().filter(is_changed).take(room);
        all.first.extend(named.map(|found| listing::job(found, kept.tag)));
        all.jobs += changed.len() as u64;
        all.before = before;
        // A page without any has looked at enough.
        Ok(before.is_some() && !found.is_empty())
    }

    /// Asks the thread that keeps jobs; its answer is on disk.
    fn ask(&self, what: Manage) -> Result<Managed, AdminError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Manage { what, reply });
        let unavailable = |reason: String| AdminError::new(Code::Unavailable, reason);
        let _asked = self.asked();
        let answered = answer.blocking_recv();
        answered.map_err(|_| unavailable("the worker is stopping".to_owned()))?.map_err(unavailable)
    }

    fn report(&self, id: JobId) -> Result<Option<Box<Reported>>, AdminError> {
        match self.ask(Manage::Report(id))? {
            Managed::Job(report) => Ok(report),
            Managed::Changed(_) | Managed::Done => Ok(None),
        }
    }
}

impl Kept {
    fn reader(&self) -> MutexGuard<'_, Box<dyn Reader>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn search(
        &self,
        filter: &JobFilter,
        usable: impl Fn(JobState) -> bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<Found>, Option<u64>), AdminError> {
        let allowed = |state: &JobState| filter.state.is_none_or(|wanted| wanted == *state);
        let states: Vec<JobState> =
            JobState::ALL.into_iter().filter(allowed).filter(|state| usable(*state)).collect();
        let newest = self.shown.last_seq() + 1;
        let before = before.unwrap_or(newest).min(newest);
        let scanned_max = SCANNED_MAX;
        let (states, now_ms) = (states.as_slice(), now_ms());
        let search = Search { filter, states, before, limit, scanned_max, now_ms };
        listing::search(&search, self.reader().as_ref()).map_err(unread)
    }

    fn queues(&self) -> Result<Queues, AdminError> {
        let status = self.shown.get();
        let waiting = status.queues.iter().filter(|queue| queue.waiting > 0).count();
        let now_ms = now_ms();
        let oldest = oldest(waiting, now_ms, self.reader().as_ref()).map_err(unread)?;
        let queue = |queue: QueueStatus| {
            let QueueStatus { app, queue, paused, draining, waiting, running } = queue;
            let name = app.to_string();
            let made_ms = oldest.get(&(app, queue.clone()));
            Queue {
                app: name,
                queue,
                paused,
                draining,
                waiting,
                running,
                oldest_ms: made_ms.map(|made_ms| now_ms.saturating_sub(*made_ms)),
                concurrency: None,
                rate: None,
            }
        };
        Ok(Queues {
            refused: status.refused,
            totals: status.totals,
            bytes: status.bytes,
            ledger: status.ledger,
            queues: status.queues.into_iter().map(queue).collect(),
        })
    }

    /// A job as the ledger has it.
    fn entry(&self, id: JobId) -> Result<Found, AdminError> {
        let seq = id.seq();
        let entry = self.reader().entry(seq).map_err(unread)?.ok_or_else(|| unknown(id))?;
        let head = Head::read(seq, &entry.head)
            .map_err(|error| AdminError::new(Code::Unavailable, error.to_string()))?;
        let state = JobState::from_byte(entry.state).unwrap_or(JobState::Waiting);
        match head.id(self.tag, seq) == id {
            true => Ok(Found { seq, state, head }),
            false => Err(unknown(id)),
        }
    }
}

fn detail(found: &Found, reported: Reported, tag: u16) -> JobDetail {
    let (head, Reported { job: report, batch }) = (&found.head, reported);
    let job = Job {
        state: report.state,
        attempt: report.attempt,
        failures: report.failures,
        crashes: report.crashes,
        ..listing::job(found, tag)
    };
    JobDetail {
        job,
        attempts_max: head.attempts_max,
        crashes_max: head.crashes_max,
        timeout_ms: head.timeout_ms,
        expires_at_ms: head.expires.map(|pause| pause.ends_ms),
        idempotency_key: head.idempotency_key.clone(),
        unique_key: head.unique.as_ref().map(|unique| unique.key.clone()),
        argument_bytes: head.body_bytes,
        attempts: report.attempts,
        progress: report.progress,
        result_bytes: report.result.map(|result| result.len() as u64),
        waits_for: report.waits_for,
        next: report.next.map(|next| next.to_string()),
        batch_status: batch.map(BatchStatus::from),
    }
}

fn unknown(id: JobId) -> AdminError {
    let message = format!("there is no job {id} on this worker, or no longer");
    AdminError::new(Code::UnknownJob, message)
}

fn unread(error: ledger::Error) -> AdminError {
    AdminError::new(Code::Unavailable, error.to_string())
}
