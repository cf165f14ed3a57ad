//! One question to a ledger, from beginning to end.

use crate::api::outcome::{self, Wait};
use crate::api::throw;
use crate::client::{self, CallError, CallId, Options, State};
use crate::php::{End, is_throwing};
use protocol::{JobReply, JobRequest};
use std::rc::Rc;
use std::time::Duration;

/// The answer; an `Err` when an exception is pending.
pub(super) fn ask(
    options: &Rc<Options>,
    request: &JobRequest,
    limit: Option<Duration>,
) -> Result<JobReply, End> {
    let id = client::begin();
    if let Err(error) = client::prepare_question(id, options, limit) {
        client::release(id);
        throw::raise(error);
        return Err(End::Done);
    }
    client::send_errand(id, request);
    await_reply(id)
}

/// Waits for the answer to what a call was sent with, and releases the call.
pub(super) fn await_reply(id: CallId) -> Result<JobReply, End> {
    let wait = outcome::wait(id, None);
    if wait == Wait::Stop && is_throwing() {
        client::release(id);
        return Err(End::Done);
    }
    match take_reply(id) {
        Ok(JobReply::Refused(refusal)) => {
            throw::raise(CallError::from_refusal(refusal, ""));
            Err(End::Done)
        }
        Ok(reply) => Ok(reply),
        Err(error) => {
            throw::raise(error);
            Err(End::Done)
        }
    }
}

fn take_reply(id: CallId) -> Result<JobReply, CallError> {
    let taken = client::lend(id, |call| match std::mem::take(&mut call.state) {
        State::Value => call.take_reply().ok_or_else(|| outcome::unfinished(&call.function)),
        State::Failed(error) => Err(error),
        State::Idle | State::InFlight => Err(outcome::unfinished(&call.function)),
    });
    client::release(id);
    taken.unwrap_or_else(|| Err(outcome::unfinished("")))
}

/// Throws that a worker answered another question.
pub(super) fn misunderstood() -> End {
    throw::raise(CallError::protocol("an answer to another question"));
    End::Done
}
