//! Runs a call, up to the value that its function returned.

use super::accept::Call;
use super::codec::{Arguments, CodecError};
use super::functions::Target;
use super::interrupt::{self, Reason};
use super::prologue::PrologueFailure;
use super::{failure, fork_guard};
use embed::{Bailout, Function, Outcome, Request};
use ext_php_rs::types::Zval;
use protocol::Failure;

/// How a call ended, with the value still in the engine's memory.
#[derive(Debug)]
pub(super) enum Ended {
    Returned(Zval),
    Failed(Failure),
    /// The function called `exit()`.
    Exited(Failure),
    /// The engine gave up: after the answer this process ends.
    BailedOut(Failure),
    /// This process is a child that the function forked.
    Stranger,
}

impl From<&PrologueFailure> for Ended {
    fn from(not_ready: &PrologueFailure) -> Self {
        let failure = not_ready.failure.clone();
        if not_ready.bailed_out { Self::BailedOut(failure) } else { Self::Failed(failure) }
    }
}

/// Decodes the arguments and calls the function.
pub(super) fn run(request: &Request<'_>, call: &Call<'_>, encoded: &[u8]) -> Ended {
    let mut arguments = match request.guard(|| call.codec.decode(encoded, call.function)) {
        Ok(Ok(arguments)) => arguments,
        Ok(Err(CodecError::Refused(failure))) => {
            return Ended::Failed(pending_or(request, failure));
        }
        Ok(Err(CodecError::BailedOut)) => {
            return Ended::BailedOut(failure::fatal(&Bailout(request.last_error())));
        }
        Err(bailout) => return Ended::BailedOut(failure::fatal(&bailout)),
    };
    let outcome = match find(request, call.target) {
        Ok(function) => enter(request, function, &mut arguments),
        Err(ended) => return ended,
    };
    if fork_guard::is_stranger() {
        return Ended::Stranger;
    }
    let ended = judge(request, outcome, call.limit_ms);
    release(request, arguments, &ended);
    ended
}

/// Why the call was interrupted, if it was; the engine forgets about it.
pub(super) fn interrupted(request: &Request<'_>, limit_ms: u32) -> Option<Failure> {
    let reason = interrupt::pending()?;
    request.interrupt_clear();
    Some(match reason {
        Reason::TimeOut => Failure::TimedOut { limit_ms, killed: false },
        Reason::Cancel => Failure::Cancelled,
    })
}

/// An exception that is pending says more than what was made of it.
pub(super) fn pending_or(request: &Request<'_>, otherwise: Failure) -> Failure {
    let pending = request.take_exception();
    pending.and_then(|outcome| failure::from_outcome(request, &outcome)).unwrap_or(otherwise)
}

fn find<'r>(request: &'r Request<'_>, target: &Target) -> Result<Function<'r>, Ended> {
    let found = match &target.class {
        None => request.function(&target.function),
        Some(class) => request
            .guard(|| request.static_method(class, &target.function))
            .map_err(|bailout| Ended::BailedOut(failure::fatal(&bailout)))?,
    };
    // The catalog was made in a request like this one, so only code that declares a function in
    // some requests and not in others gets here.
    found.ok_or_else(|| {
        let reason = format!("{} is not declared in this request", target.function);
        Ended::Failed(pending_or(request, Failure::Unavailable { reason, ran: false }))
    })
}

fn enter(request: &Request<'_>, function: Function<'_>, arguments: &mut Arguments) -> Outcome {
    match arguments {
        Arguments::Values { positional, named } => {
            request.call(function, positional, named.as_deref_mut())
        }
        Arguments::Json(arguments) => request.call(function, &mut [], arguments.array_mut()),
    }
}

fn judge(request: &Request<'_>, outcome: Outcome, limit_ms: u32) -> Ended {
    if let Some(failure) = interrupted(request, limit_ms) {
        // Where it was interrupted nobody knows, so what it leaves behind is not trusted.
        std::mem::forget(outcome);
        return Ended::BailedOut(failure);
    }
    match outcome {
        Outcome::Returned(value) => Ended::Returned(value),
        Outcome::BailedOut(bailout) => Ended::BailedOut(failure::fatal(&bailout)),
        Outcome::Exited(status) => Ended::Exited(failure::exited(status)),
        Outcome::Threw(exception) => {
            let failure = failure::thrown(request, &exception);
            // Its destructors may run PHP code.
            let _ = request.guard(|| drop(exception));
            request.discard_exception();
            Ended::Failed(failure)
        }
    }
}

/// Drops the arguments, unless they are a given-up request's.
fn release(request: &Request<'_>, arguments: Arguments, ended: &Ended) {
    if matches!(ended, Ended::BailedOut(_)) {
        std::mem::forget(arguments);
        return;
    }
    let _ = request.guard(|| drop(arguments));
    request.discard_exception();
}
