//! A call's failure, for people, for programs, and as an exit code.

use crate::cli::client::near;
use crate::cli::{Exit, text};
use protocol::{ExitCause, Failure, FatalKind, Thrown, TraceFrame};
use serde_json::{Value, json};

/// The exit code that stands for it.
pub(super) fn exit(failure: &Failure) -> Exit {
    match failure {
        Failure::Thrown(_)
        | Failure::JobThrown { .. }
        | Failure::Fatal { .. }
        | Failure::Died { .. }
        | Failure::Cancelled
        | Failure::NotCallable { .. } => Exit::Failed,
        Failure::TimedOut { .. } => Exit::TimedOut,
        Failure::UnknownFunction { .. } => Exit::NotFound,
        Failure::BadArguments { .. } | Failure::BadResult { .. } => Exit::Data,
        Failure::Unavailable { ran: true, .. } => Exit::ConnectionLost,
        Failure::Unavailable { ran: false, .. }
        | Failure::WrongPool { .. }
        | Failure::WrongRelease { .. }
        | Failure::Moved
        | Failure::ReleaseGone { .. } => Exit::Unavailable,
        Failure::Protocol { .. } => Exit::Protocol,
    }
}

/// Lines for stderr.
pub(super) fn describe(failure: &Failure) -> String {
    match failure {
        Failure::Thrown(chain) | Failure::JobThrown { chain, .. } => describe_thrown(chain),
        Failure::Fatal { kind, message, file, line } => {
            let message = text::printable(&String::from_utf8_lossy(message));
            let what = match kind {
                FatalKind::Exit => "the function ended the request with exit()",
                FatalKind::Memory => "memory_limit was reached",
                FatalKind::Error => "fatal error",
            };
            format!("{what}{}{}", part(": ", &message), place(file, Some(*line)))
        }
        Failure::Died { cause, function, hint } => {
            format!("the executor that ran {function} {cause}{}", part(": ", hint))
        }
        Failure::TimedOut { limit_ms, killed } => {
            let seconds = f64::from(*limit_ms) / 1000.0;
            let killed = if *killed { "; its executor had to be killed" } else { "" };
            format!("the call exceeded its time limit of {seconds} s and was interrupted{killed}")
        }
        Failure::Cancelled => "the call was cancelled".to_owned(),
        Failure::UnknownFunction { function, near: names } => {
            format!("there is no function \"{function}\"{}", near(names))
        }
        Failure::NotCallable { function, reason } => {
            format!("{function} cannot be called from here: {reason}")
        }
        Failure::WrongPool { pool } => format!("the function has moved to pool \"{pool}\""),
        Failure::WrongRelease { current } => format!("release {current} is current now"),
        Failure::Moved => "a new release is being activated".to_owned(),
        Failure::BadArguments { path, reason } if path.is_empty() => {
            format!("the arguments: {reason}")
        }
        Failure::BadArguments { path, reason } | Failure::BadResult { path, reason } => {
            format!("{path}: {reason}")
        }
        Failure::ReleaseGone { release } => format!("release {release} is no longer there"),
        Failure::Unavailable { reason, ran } => {
            let ran = if *ran { "the call may have run" } else { "nothing ran" };
            format!("the worker cannot run the call: {reason} ({ran})")
        }
        Failure::Protocol { reason } => format!("the worker did not understand us: {reason}"),
    }
}

fn describe_thrown(chain: &[Thrown]) -> String {
    let blocks: Vec<String> = chain.iter().map(describe_exception).collect();
    blocks.join("\nprevious: ")
}

fn describe_exception(thrown: &Thrown) -> String {
    let message = text::printable(&String::from_utf8_lossy(&thrown.message));
    let code = if thrown.code == 0 { String::new() } else { format!(" (code {})", thrown.code) };
    let mut lines = vec![format!("{}{}{code}", thrown.class, part(": ", &message))];
    lines.push(format!("  thrown in {}:{}", thrown.file, thrown.line));
    lines.extend(
        thrown
            .trace
            .iter()
            .enumerate()
            .map(|(index, frame)| format!("  #{index} {}{}", callee(frame), place_of(frame))),
    );
    lines.join("\n")
}

fn callee(frame: &TraceFrame) -> String {
    match &frame.class {
        Some(class) => {
            let arrow = frame.arrow.as_deref().unwrap_or("::");
            format!("{class}{arrow}{}()", frame.function)
        }
        None => format!("{}()", frame.function),
    }
}

fn place_of(frame: &TraceFrame) -> String {
    place(frame.file.as_deref().unwrap_or_default(), frame.line)
}

fn place(file: &str, line: Option<u32>) -> String {
    match (file, line) {
        ("", _) => String::new(),
        (file, Some(line)) => format!(" in {file}:{line}"),
        (file, None) => format!(" in {file}"),
    }
}

fn part(separator: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{separator}{text}") }
}

/// The object under `failure` in `--json`; `kind` tells which of its other members there are.
pub(super) fn to_json(failure: &Failure) -> Value {
    let mut object = match failure {
        Failure::Thrown(chain) | Failure::JobThrown { chain, .. } => {
            let chain: Vec<Value> = chain.iter().map(exception_to_json).collect();
            json!({"kind": "thrown", "exceptions": chain})
        }
        Failure::Fatal { kind, message, file, line } => {
            let kind = match kind {
                FatalKind::Exit => "exit",
                FatalKind::Memory => "memory",
                FatalKind::Error => "fatal",
            };
            let message = String::from_utf8_lossy(message);
            json!({"kind": kind, "error": message, "file": file, "line": line})
        }
        Failure::Died { cause, function, .. } => {
            let (signal, status) = match cause {
                ExitCause::Signal(signal) => (Some(signal), None),
                ExitCause::Status(status) => (None, Some(status)),
            };
            json!({"kind": "died", "function": function, "signal": signal, "exit_status": status})
        }
        Failure::TimedOut { limit_ms, killed } => {
            json!({"kind": "timed_out", "limit_ms": limit_ms, "killed": killed})
        }
        Failure::Cancelled => json!({"kind": "cancelled"}),
        Failure::UnknownFunction { function, near } => {
            json!({"kind": "unknown_function", "function": function, "near": near})
        }
        Failure::NotCallable { function, .. } => {
            json!({"kind": "not_callable", "function": function})
        }
        Failure::WrongPool { pool } => json!({"kind": "wrong_pool", "pool": pool}),
        Failure::WrongRelease { current } => {
            json!({"kind": "wrong_release", "release": current.to_string()})
        }
        Failure::Moved => json!({"kind": "moved"}),
        Failure::BadArguments { path, .. } => json!({"kind": "bad_arguments", "path": path}),
        Failure::BadResult { path, .. } => json!({"kind": "bad_result", "path": path}),
        Failure::ReleaseGone { release } => {
            json!({"kind": "release_gone", "release": release.to_string()})
        }
        Failure::Unavailable { ran, .. } => json!({"kind": "unavailable", "may_have_run": ran}),
        Failure::Protocol { .. } => json!({"kind": "protocol"}),
    };
    object["message"] = Value::String(describe(failure));
    object
}

fn exception_to_json(thrown: &Thrown) -> Value {
    let trace: Vec<Value> = thrown
        .trace
        .iter()
        .map(|frame| json!({"function": callee(frame), "file": frame.file, "line": frame.line}))
        .collect();
    json!({
        "class": thrown.class,
        "message": String::from_utf8_lossy(&thrown.message),
        "code": thrown.code,
        "file": thrown.file,
        "line": thrown.line,
        "trace": trace,
    })
}
