//! From how a call ended to its answer, and to what becomes of its request.

use super::accept::Call;
use super::answer::Answer;
use super::call::{Ended, gave_up, interrupted, pending_or};
use super::codec::CodecError;
use super::journal;
use super::seat::Seat;
use super::serve::Context;
use embed::{Bailout, Request};
use ext_php_rs::types::Zval;
use protocol::Failure;

/// What the answer in [`Answer`] says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) context: Context,
    pub(super) failed: bool,
}

/// Makes the answer.
pub(super) fn reply(
    request: &Request<'_>,
    call: &Call<'_>,
    ended: Ended,
    answer: &mut Answer,
    seat: &Seat,
) -> Reply {
    let (failure, context) = match ended {
        Ended::Returned(value) => return returned(request, call, value, answer, seat),
        Ended::Failed(failure) => (failure, Context::Clean),
        Ended::Exited(failure) => (failure, Context::Over),
        Ended::BailedOut(failure) => (failure, Context::Broken),
        Ended::Stranger => return Reply { context: Context::Stranger, failed: true },
    };
    if context != Context::Broken {
        let _ = request.guard(|| request.output_end());
        request.discard_exception();
    }
    let (printed, dropped) = embed::take_output();
    journal::printed(seat, call.header.request_id, &call.function.name, &printed, dropped);
    answer.put_failure(&call.header, &failure);
    Reply { context, failed: true }
}

fn returned(
    request: &Request<'_>,
    call: &Call<'_>,
    mut value: Zval,
    answer: &mut Answer,
    seat: &Seat,
) -> Reply {
    let mut encoded = Ok(());
    let guarded = request.guard(|| {
        request.output_end();
        let (printed, dropped) = embed::take_output();
        let asked = call.wants_output();
        if !asked {
            journal::printed(seat, call.header.request_id, &call.function.name, &printed, dropped);
        }
        let output = asked.then_some(printed.as_slice());
        encoded = match asked && dropped > 0 {
            true => Err(printed_too_much(printed.len().saturating_add(dropped), call)),
            false => answer.put_return(call, output, |out| call.codec.encode(&mut value, out)),
        };
    });
    let broken = match guarded {
        Err(bailout) => Some(gave_up(&bailout, call.limit_ms)),
        Ok(()) if matches!(encoded, Err(CodecError::BailedOut)) => {
            Some(gave_up(&Bailout(request.last_error()), call.limit_ms))
        }
        Ok(()) => interrupted(call.limit_ms),
    };
    if let Some(failure) = broken {
        std::mem::forget(value);
        answer.put_failure(&call.header, &failure);
        return Reply { context: Context::Broken, failed: true };
    }
    let failed = encoded.is_err();
    let mut context = Context::Clean;
    if let Err(CodecError::Refused(failure)) = encoded {
        let (failure, left) = pending_or(request, failure);
        answer.put_failure(&call.header, &failure);
        context = left;
    }
    if request.release(value).is_err() {
        context = Context::Broken;
    }
    Reply { context, failed }
}

/// Whoever asks for the output gets all of it, or is told.
fn printed_too_much(bytes: usize, call: &Call<'_>) -> CodecError {
    let reason = format!(
        "the function printed {bytes} bytes, more than the {} that an answer may have \
         (limits.frame_bytes_max)",
        call.codec.bytes_max
    );
    CodecError::Refused(Failure::BadResult { path: "output".to_owned(), reason })
}
