//! From how PHP code ended to what the caller is told.

use super::{codec, cut};
use embed::{Bailout, ExceptionObject, Outcome, Request};
use ext_php_rs::types::{ArrayKey, ZendHashTable, Zval};
use protocol::{Failure, FatalKind, Thrown, TraceFrame, Wish};

/// Exceptions of a chain of previous ones.
const CHAIN_MAX: usize = 16;
/// Frames of a trace; the ones nearest to the throw are kept.
const FRAMES_MAX: usize = 128;

/// `None` when it returned.
pub(super) fn from_outcome(request: &Request<'_>, outcome: &Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Returned(_) => None,
        Outcome::Threw(exception) => Some(thrown(request, exception)),
        Outcome::Exited(status) => Some(exited(*status)),
        Outcome::BailedOut(bailout) => Some(fatal(bailout)),
    }
}

/// `exit()` or `die()`.
pub(super) fn exited(status: i32) -> Failure {
    Failure::Fatal {
        kind: FatalKind::Exit,
        message: format!("exit() with status {status}").into_bytes(),
        file: String::new(),
        line: 0,
    }
}

/// A fatal error, in PHP's words.
pub(super) fn fatal(Bailout(error): &Bailout) -> Failure {
    let memory: [&[u8]; 2] = [b"Allowed memory size", b"Out of memory"];
    let ran_out = memory.iter().any(|start| error.message.starts_with(start));
    let kind = if ran_out { FatalKind::Memory } else { FatalKind::Error };
    let message = if error.message.is_empty() {
        b"PHP gave the request up without an error message".to_vec()
    } else {
        cut::bytes(&error.message, cut::MESSAGE_BYTES_MAX)
    };
    let file = cut::text(error.file.as_bytes(), cut::NAME_BYTES_MAX);
    Failure::Fatal { kind, message, file, line: error.line }
}

/// As [`thrown`], by an attempt at a job, whose exception may say what is to become of that. Previous ones
/// have no say: who catches them and throws another has decided.
pub(super) fn thrown_by_job(request: &Request<'_>, exception: &Zval) -> Failure {
    let wish = ExceptionObject::new(exception).and_then(|exception| wish(&exception));
    match (thrown(request, exception), wish) {
        (Failure::Thrown(chain), Some(wish)) => Failure::JobThrown { chain, wish },
        (failure, _) => failure,
    }
}

fn wish(exception: &ExceptionObject<'_>) -> Option<Wish> {
    if exception.is("appserver\\unrecoverable") {
        return Some(Wish::GiveUp);
    }
    exception.is("appserver\\retryafter").then(|| Wish::Retry {
        after_ms: exception.public_property("seconds").and_then(Zval::double).map(milliseconds),
        counts: exception.public_property("counts").and_then(Zval::bool).unwrap_or(false),
    })
}

/// At least as long; what is no time is none.
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).ceil() as u64
}

/// An exception with its chain of previous ones.
pub(super) fn thrown(request: &Request<'_>, exception: &Zval) -> Failure {
    let mut chain = Vec::new();
    let mut next = ExceptionObject::new(exception);
    while let Some(exception) = next.filter(|_| chain.len() < CHAIN_MAX) {
        chain.push(link(request, &exception));
        next = exception.property("previous").and_then(ExceptionObject::new);
    }
    Failure::Thrown(chain)
}

fn link(request: &Request<'_>, exception: &ExceptionObject<'_>) -> Thrown {
    let trace = exception.property("trace").and_then(Zval::array);
    Thrown {
        class: cut::text(exception.class().as_bytes(), cut::NAME_BYTES_MAX),
        message: exception.property("message").map(message).unwrap_or_default(),
        code: exception.property("code").and_then(Zval::long).unwrap_or_default(),
        file: exception.property("file").map(text).unwrap_or_default(),
        line: exception.property("line").and_then(line).unwrap_or_default(),
        trace: trace.map(frames).unwrap_or_default(),
        properties: properties(request, exception),
    }
}

/// What the class declares beyond `Exception`; nothing where that cannot be sent.
fn properties(request: &Request<'_>, exception: &ExceptionObject<'_>) -> Vec<u8> {
    let mut encoded = Vec::new();
    let whole = request.guard(|| {
        let extras = exception.extras();
        extras.is_array() && codec::encode_extras(&extras, &mut encoded)
    });
    if !whole.unwrap_or(false) {
        encoded.clear();
    }
    // An exception on the way (from `__serialize`, say) is not what the caller asked about.
    request.discard_exception();
    encoded
}

fn frames(trace: &ZendHashTable) -> Vec<TraceFrame> {
    trace.iter().take(FRAMES_MAX).filter_map(|(_, frame)| frame.array().map(frame_of)).collect()
}

fn frame_of(frame: &ZendHashTable) -> TraceFrame {
    let get = |name: &'static str| frame.get(ArrayKey::Str(name));
    TraceFrame {
        file: get("file").map(text),
        line: get("line").and_then(line),
        class: get("class").map(text),
        arrow: get("type").map(text),
        function: get("function").map(text).unwrap_or_default(),
    }
}

fn message(value: &Zval) -> Vec<u8> {
    cut::bytes(bytes(value), cut::MESSAGE_BYTES_MAX)
}

fn text(value: &Zval) -> String {
    cut::text(bytes(value), cut::NAME_BYTES_MAX)
}

fn bytes(value: &Zval) -> &[u8] {
    value.zend_str().map(|string| string.as_bytes()).unwrap_or_default()
}

fn line(value: &Zval) -> Option<u32> {
    value.long().and_then(|line| u32::try_from(line).ok())
}
