//! Errors of jobs: what a ledger was asked and did not do.

use super::error::{CallError, ErrorKind, did_you_mean, seconds};
use protocol::{JobId, JobRefusal, JobReport, JobState};

impl CallError {
    /// As [`Self::lost`], of what was asked of a ledger.
    pub(crate) fn errand_lost(detail: &str, may_be_done: bool, stores: bool) -> Self {
        let fate = match (stores, may_be_done) {
            (true, true) => {
                "the job may have been queued; give jobs an idempotencyKey, and they are sent again by \
                 themselves and queued once"
            }
            (true, false) => "the job was not queued",
            (false, _) => "ask again",
        };
        let message = format!("the connection to the worker broke ({detail}); {fate}");
        Self::new(ErrorKind::Lost { may_have_run: may_be_done && stores }, message)
    }

    /// As [`Self::silent`], of what was asked of a ledger.
    pub(crate) fn errand_silent(limit_ms: u128, stores: bool) -> Self {
        let fate = match stores {
            true => {
                "the job may have been queued, or still be; with an idempotencyKey it can be \
                     queued again without harm"
            }
            false => "ask again",
        };
        let message = format!("the worker gave no answer within {} s; {fate}", seconds(limit_ms));
        Self::new(ErrorKind::Timeout, message)
    }

    /// The one worker that a job's key belongs to is not there.
    pub(crate) fn key_unreachable(attempt: &str) -> Self {
        let message = format!(
            "the worker that this job's key falls to cannot be reached: {attempt}; no other was asked, \
             because order, uniqueness and limits of a key hold on one worker. Nothing was queued"
        );
        Self::new(ErrorKind::Connect, message)
    }

    /// Some workers said that they do not have it; of others, `attempts` and a refusal tell why they
    /// did not.
    pub(crate) fn not_all_asked(attempts: &[String], refusal: Option<Self>) -> Self {
        let refusal = refusal.map(|Self { worker, message, .. }| match worker {
            Some(worker) => format!("{worker}: {message}"),
            None => message,
        });
        let unasked: Vec<String> = attempts.iter().cloned().chain(refusal).collect();
        let message = format!(
            "no worker that answered has it, but it may be with one that could not be asked: {}",
            unasked.join("; ")
        );
        Self::new(ErrorKind::Connect, message)
    }

    /// Nothing of a request was stored.
    pub(crate) fn from_refusal(refusal: JobRefusal, function: &str) -> Self {
        match refusal {
            JobRefusal::UnknownFunction { function, near } => {
                let advice = match function.ends_with("::run") {
                    true => {
                        "; is the class loaded by an entry file or the bootstrap file, and does it \
                             extend AppServer\\Job?"
                    }
                    false => "; is it in an entry file, and does \"export\" in app.toml allow it?",
                };
                let message = format!(
                    "the worker exports no function {function}(){}; nothing was queued",
                    did_you_mean(&near, advice)
                );
                Self::new(ErrorKind::UnknownFunction { near }, message).of(&function)
            }
            JobRefusal::NotCallable { function, reason } => {
                let message = format!("{function}() cannot be queued: {reason}");
                Self::new(ErrorKind::NotCallable, message).of(&function)
            }
            // Of the whole request.
            JobRefusal::BadOption { option, reason } if option == "jobs" => {
                Self::config(format!("the jobs are refused: {reason}"))
            }
            JobRefusal::BadOption { option, reason } => {
                Self::config(format!("the job's option {option} is refused: {reason}"))
            }
            JobRefusal::QueueFull { queue, setting, limit } => {
                let message = format!(
                    "queue \"{queue}\" is full ({setting} = {limit}); nothing was queued: try again \
                     later, or let more jobs run at a time"
                );
                Self::new(ErrorKind::QueueFull { queue }, message)
            }
            JobRefusal::Duplicate { id, key } => {
                let message = format!("there is a job with the unique key \"{key}\": {id}");
                Self::new(ErrorKind::DuplicateJob { id }, message)
            }
            JobRefusal::Unavailable { reason } => {
                let of =
                    if function.is_empty() { String::new() } else { format!("{function}(): ") };
                Self::new(ErrorKind::Unavailable, format!("{of}{reason}; nothing was queued"))
            }
            JobRefusal::UnknownBatch { id } => {
                let message = format!("there is no open batch {id}; nothing was queued");
                Self::new(ErrorKind::UnknownJob, message)
            }
        }
    }

    /// The time given to wait is over.
    pub(crate) fn not_over(what: &str) -> Self {
        let message = format!("{what}, and the time given to await is over; it goes on");
        Self::new(ErrorKind::Timeout, message)
    }

    pub(crate) fn gone(id: JobId) -> Self {
        let message = format!("{id} is no longer known: it was deleted, or kept for its time");
        Self::new(ErrorKind::UnknownJob, message)
    }

    /// Why a job has no result.
    pub(crate) fn no_result(report: &JobReport) -> Self {
        let (id, function) = (report.id, &report.function);
        let error = match report.state {
            JobState::Done => {
                let message = format!("job {id} is done, but its result is not kept (option keep)");
                Self::new(ErrorKind::Unavailable, message)
            }
            JobState::Dead => {
                let last = report.attempts.last().map(|attempt| attempt.error.as_str());
                let last = last.filter(|error| !error.is_empty()).unwrap_or("no attempt was made");
                let message = format!(
                    "job {id}, {function}(), is dead after {} attempts: {last}",
                    report.attempt
                );
                Self::new(ErrorKind::JobFailed { id }, message)
            }
            JobState::Cancelled => {
                Self::new(ErrorKind::Cancelled, format!("job {id}, {function}(), was cancelled"))
            }
            JobState::Waiting | JobState::Running => {
                let message =
                    format!("job {id} is {}; await() waits for it", report.state.as_str());
                Self::new(ErrorKind::JobNotDone, message)
            }
        };
        error.of(function)
    }
}
