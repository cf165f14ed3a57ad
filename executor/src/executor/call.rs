//! Runs a call, up to the value that its function returned.

use super::accept::Call;
use super::codec::{Arguments, CodecError};
use super::functions::Target;
use super::interrupt::{self, Reason};
use super::prologue::PrologueFailure;
use super::serve::Context;
use super::{failure, fork_guard};
use embed::{Bailout, Function, Outcome, Request};
use ext_php_rs::types::Zval;
use protocol::{Failure, JobContext};

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
    if call.wants_output() {
        embed::keep_output(usize::try_from(call.codec.bytes_max).unwrap_or(usize::MAX));
    }
    let decoded = decode(request, call, || call.codec.decode(encoded, call.function));
    let mut given = match decoded {
        Ok(arguments) => Given { object: None, arguments },
        Err(ended) => return ended,
    };
    if let Some(job) = &call.job
        && let Err(ended) = complete(request, call, job, &mut given)
    {
        return release(request, given, ended, call.limit_ms);
    }
    let ended = match find(request, call.target, given.object.as_ref()) {
        Ok(function) => {
            let outcome = enter(request, function, &mut given.arguments);
            judge(request, outcome, call.limit_ms, call.job.is_some())
        }
        Err(ended) => ended,
    };
    release(request, given, ended, call.limit_ms)
}

/// What a function is called with.
struct Given {
    /// Whose method it is.
    object: Option<Zval>,
    arguments: Arguments,
}

fn decode<T>(
    request: &Request<'_>,
    call: &Call<'_>,
    decode: impl FnOnce() -> Result<T, CodecError>,
) -> Result<T, Ended> {
    match request.guard(decode) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(CodecError::Refused(failure))) => Err(not_run(request, failure)),
        Ok(Err(CodecError::BailedOut)) => {
            Err(Ended::BailedOut(gave_up(&Bailout(request.last_error()), call.limit_ms)))
        }
        Err(bailout) => Err(Ended::BailedOut(gave_up(&bailout, call.limit_ms))),
    }
}

/// The object that a job is stands first among its arguments, and the result of the job before it,
/// which comes before them, is decoded apart.
fn complete(
    request: &Request<'_>,
    call: &Call<'_>,
    job: &JobContext,
    given: &mut Given,
) -> Result<(), Ended> {
    let refuse = |refused: CodecError| match refused {
        CodecError::Refused(failure) => not_run(request, failure),
        CodecError::BailedOut => {
            Ended::BailedOut(gave_up(&Bailout(request.last_error()), call.limit_ms))
        }
    };
    if call.function.job_class {
        given.object = Some(given.arguments.take_object().map_err(refuse)?);
    }
    if let Some(input) = &job.input {
        let input = decode(request, call, || call.codec.decode_input(input))?;
        given.arguments.prepend(input).map_err(refuse)?;
    }
    Ok(())
}

/// What a bailout means: a time limit or a cancel strikes wherever code of the application runs, and
/// looks like a fatal error there.
pub(super) fn gave_up(bailout: &Bailout, limit_ms: u32) -> Failure {
    interrupted(limit_ms).unwrap_or_else(|| failure::fatal(bailout))
}

/// Why the call was interrupted, if it was; the engine forgets about it.
pub(super) fn interrupted(limit_ms: u32) -> Option<Failure> {
    let reason = interrupt::pending()?;
    embed::interrupt_clear();
    Some(match reason {
        Reason::TimeOut => Failure::TimedOut { limit_ms, killed: false },
        Reason::Cancel => Failure::Cancelled,
    })
}

/// An exception that is pending says more than what was made of it. With what this leaves of the
/// request.
pub(super) fn pending_or(request: &Request<'_>, otherwise: Failure) -> (Failure, Context) {
    let Some(outcome) = request.take_exception() else { return (otherwise, Context::Clean) };
    let bailed_out = matches!(outcome, Outcome::BailedOut(_));
    let failure = failure::from_outcome(request, &outcome).unwrap_or(otherwise);
    let whole = request.release(outcome).is_ok() && !bailed_out;
    (failure, if whole { Context::Clean } else { Context::Broken })
}

fn not_run(request: &Request<'_>, failure: Failure) -> Ended {
    match pending_or(request, failure) {
        (failure, Context::Broken) => Ended::BailedOut(failure),
        (failure, _) => Ended::Failed(failure),
    }
}

fn find<'r>(
    request: &'r Request<'_>,
    target: &Target,
    object: Option<&'r Zval>,
) -> Result<Function<'r>, Ended> {
    let found = match (&target.class, object) {
        (None, _) => request.function(&target.function),
        (Some(class), object) => request
            .guard(|| match object {
                Some(object) => request.method(object, class, &target.function),
                None => request.static_method(class, &target.function),
            })
            .map_err(|bailout| Ended::BailedOut(failure::fatal(&bailout)))?,
    };
    if let (None, Some(class), Some(_)) = (found, &target.class, object) {
        let reason = format!("the job's object is not of the class {class}");
        return Err(not_run(request, Failure::BadArguments { path: String::new(), reason }));
    }
    // The catalog was made in a request like this one, so only code that declares a function in
    // some requests and not in others gets here.
    found.ok_or_else(|| {
        let reason = format!("{} is not declared in this request", target.function);
        not_run(request, Failure::Unavailable { reason, ran: false })
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

fn judge(request: &Request<'_>, outcome: Outcome, limit_ms: u32, is_job: bool) -> Ended {
    if fork_guard::is_stranger() {
        // Its destructors run when the request is closed.
        std::mem::forget(outcome);
        return Ended::Stranger;
    }
    if let Some(failure) = interrupted(limit_ms) {
        // Where it was interrupted nobody knows, so what it leaves behind is not trusted.
        std::mem::forget(outcome);
        return Ended::BailedOut(failure);
    }
    match outcome {
        Outcome::Returned(value) => Ended::Returned(value),
        Outcome::BailedOut(bailout) => Ended::BailedOut(failure::fatal(&bailout)),
        Outcome::Exited(status) => Ended::Exited(failure::exited(status)),
        Outcome::Threw(exception) => {
            let failure = match is_job {
                true => failure::thrown_by_job(request, &exception),
                false => failure::thrown(request, &exception),
            };
            match request.release(exception) {
                Ok(()) => Ended::Failed(failure),
                Err(_) => Ended::BailedOut(failure),
            }
        }
    }
}

/// Drops the arguments, unless they are a given-up request's or the parent's.
fn release(request: &Request<'_>, given: Given, ended: Ended, limit_ms: u32) -> Ended {
    if matches!(ended, Ended::BailedOut(_) | Ended::Stranger) {
        std::mem::forget(given);
        return ended;
    }
    match (request.release(given), ended) {
        (Ok(()), ended) => ended,
        (Err(_), Ended::Failed(failure) | Ended::Exited(failure)) => Ended::BailedOut(failure),
        (Err(bailout), ended) => {
            std::mem::forget(ended);
            Ended::BailedOut(gave_up(&bailout, limit_ms))
        }
    }
}
