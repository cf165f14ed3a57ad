//! What a call can end with instead of a value, and the words for it. The one place that turns
//! protocol failures into what a PHP programmer reads; `api::throw` gives them their classes.

use protocol::{ExitCause, Failure, FatalKind, JobId, Refused, RefusedCode, ReleaseId, Thrown};

/// Said of a function that is like none there is.
const WHERE_TO_LOOK: &str = "; is it in an entry file, and does \"export\" in app.toml allow it?";

/// Why a call has no value.
#[derive(Debug)]
pub(crate) struct CallError {
    pub kind: ErrorKind,
    pub message: String,
    pub worker: Option<String>,
    pub function: Option<String>,
}

/// What a program can tell errors apart by.
#[derive(Debug)]
pub(crate) enum ErrorKind {
    Config,
    Connect,
    Refused,
    Lost { may_have_run: bool },
    Timeout,
    Cancelled,
    UnknownApp { near: Vec<String> },
    UnknownFunction { near: Vec<String> },
    NotCallable,
    Encode { path: String },
    Decode { path: String },
    Fatal { kind: FatalKind, file: String, line: u32 },
    Died { cause: ExitCause },
    Thrown(Vec<Thrown>),
    ReleaseGone,
    Unavailable,
    Protocol,
    NoJobStore,
    QueueFull { queue: String },
    DuplicateJob { id: JobId },
    UnknownJob,
    JobNotDone,
    JobFailed { id: JobId },
}

impl CallError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), worker: None, function: None }
    }

    pub(crate) fn at(mut self, worker: impl Into<String>) -> Self {
        self.worker.get_or_insert_with(|| worker.into());
        self
    }

    pub(crate) fn of(mut self, function: &str) -> Self {
        self.function.get_or_insert_with(|| function.to_owned());
        self
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// A function that the catalog does not know.
    pub(crate) fn unknown_function(function: &str, app: &str, near: Vec<String>) -> Self {
        let message = format!(
            "application \"{app}\" exports no function {function}(){}",
            did_you_mean(&near, WHERE_TO_LOOK)
        );
        Self::new(ErrorKind::UnknownFunction { near }, message).of(function)
    }

    /// With what the worker wants to be known to whoever misses a function.
    pub(crate) fn noting(mut self, notice: &str) -> Self {
        if matches!(self.kind, ErrorKind::UnknownFunction { .. }) && !notice.is_empty() {
            // It says where to look, too.
            let kept = self.message.strip_suffix(WHERE_TO_LOOK).unwrap_or(&self.message);
            self.message = format!("{kept}; {notice}");
        }
        self
    }

    /// A by-reference parameter, seen before anything is sent.
    pub(crate) fn by_reference(function: &str, parameter: &str) -> Self {
        let message = format!(
            "{function}() cannot be called from another process: it takes ${parameter} by \
             reference; return the value instead"
        );
        Self::new(ErrorKind::NotCallable, message).of(function)
    }

    /// Arguments that the worker's own limit does not allow.
    pub(crate) fn too_large(function: &str, bytes: usize, limit: u32) -> Self {
        let message = format!(
            "{function}(): arguments: {bytes} bytes are more than the {limit} that the worker takes \
             (limits.frame_bytes_max)"
        );
        Self::new(ErrorKind::Encode { path: "arguments".to_owned() }, message).of(function)
    }

    /// No worker took the connection. `attempts` says what each one answered.
    pub(crate) fn unreachable(workers: &str, attempts: &[String]) -> Self {
        let message = if attempts.is_empty() {
            "no worker is configured: set appserver.workers, e.g. to \
             unix:/run/appserver/appserver.sock"
                .to_owned()
        } else {
            format!(
                "no worker can be reached (appserver.workers = \"{workers}\"): {}; is `appserver \
                 serve` running? Nothing was run",
                attempts.join("; ")
            )
        };
        Self::new(ErrorKind::Connect, message)
    }

    /// The connection broke after the request began to leave.
    pub(crate) fn lost(detail: &str, may_have_run: bool) -> Self {
        let fate = if may_have_run {
            "the function may have run, wholly or in part; declare it #[AppServer\\Idempotent] if it \
             may be sent again"
        } else {
            "the function did not run"
        };
        let message = format!("the connection to the worker broke ({detail}); {fate}");
        Self::new(ErrorKind::Lost { may_have_run }, message)
    }

    /// The deadline passed and the worker said nothing.
    pub(crate) fn silent(function: &str, limit_ms: u128) -> Self {
        let message = format!(
            "{function}() gave no answer within {} s, and its worker none about it either",
            seconds(limit_ms)
        );
        Self::new(ErrorKind::Timeout, message).of(function)
    }

    /// The deadline passed, and the worker says that no executor has begun the call.
    pub(crate) fn never_begun(function: &str, limit_ms: u128, pool: &str, executors: u16) -> Self {
        let message = format!(
            "{function}() was still waiting for its turn after {} s: all executors of pool \"{pool}\" \
             are busy (executors.max = {executors} in app.toml; `appserver top` shows with what)",
            seconds(limit_ms)
        );
        Self::new(ErrorKind::Timeout, message).of(function)
    }

    pub(crate) fn cancelled(function: &str) -> Self {
        Self::new(ErrorKind::Cancelled, format!("the call of {function}() was cancelled"))
            .of(function)
    }

    pub(crate) fn protocol(detail: impl std::fmt::Display) -> Self {
        let message = format!("the worker sent something that is not the protocol: {detail}");
        Self::new(ErrorKind::Protocol, message)
    }

    /// No worker has what the PHP request is pinned to.
    pub(crate) fn release_gone(release: ReleaseId) -> Self {
        let message = format!(
            "release {release} with its settings, which this request is pinned to, is no longer \
             served (releases.drain_timeout_ms in appserver.toml); nothing was run: answer 503 or let \
             the request be repeated, and it begins in the current release; a script lets go with \
             AppServer\\unpin()"
        );
        Self::new(ErrorKind::ReleaseGone, message)
    }

    /// What the supervisor refused a connection with.
    pub(crate) fn refused(refused: Refused) -> Self {
        let message = format!("{}{}", refused.message, did_you_mean(&refused.near, ""));
        let kind = match refused.code {
            RefusedCode::UnknownApp => ErrorKind::UnknownApp { near: refused.near },
            RefusedCode::ReleaseGone => ErrorKind::ReleaseGone,
            RefusedCode::NotReady | RefusedCode::UnknownPool => ErrorKind::Unavailable,
            RefusedCode::NoJobStore => ErrorKind::NoJobStore,
            RefusedCode::Protocol => ErrorKind::Protocol,
            RefusedCode::Denied | RefusedCode::TooManyConnections | RefusedCode::ShuttingDown => {
                ErrorKind::Refused
            }
        };
        Self::new(kind, message)
    }

    /// What came back instead of a value.
    pub(crate) fn from_failure(failure: Failure, function: &str) -> Self {
        match failure {
            Failure::Thrown(chain) | Failure::JobThrown { chain, .. } => {
                Self::new(ErrorKind::Thrown(chain), String::new())
            }
            Failure::Fatal { kind, message, file, line } => {
                fatal(function, kind, &message, file, line)
            }
            Failure::Died { cause, function, hint } => died(&function, cause, &hint),
            Failure::TimedOut { limit_ms, killed } => timed_out(function, limit_ms, killed),
            Failure::Cancelled => Self::cancelled(function),
            Failure::UnknownFunction { function, near } => {
                let message = format!(
                    "the worker exports no function {function}(){}",
                    did_you_mean(&near, "")
                );
                Self::new(ErrorKind::UnknownFunction { near }, message)
            }
            Failure::NotCallable { reason, .. } => Self::new(
                ErrorKind::NotCallable,
                format!("{function}() cannot be called from another process: {reason}"),
            ),
            Failure::BadArguments { path, reason } => {
                let message = format!("{function}(): {path}: {reason}");
                Self::new(ErrorKind::Decode { path }, message)
            }
            Failure::BadResult { path, reason } => {
                let message = format!("{function}(): {path}: {reason}");
                Self::new(ErrorKind::Encode { path }, message)
            }
            Failure::ReleaseGone { release } => Self::release_gone(release),
            Failure::Unavailable { reason, ran } => {
                let fate = if ran { "the function may have run" } else { "nothing was run" };
                Self::new(ErrorKind::Unavailable, format!("{function}(): {reason}; {fate}"))
            }
            Failure::Protocol { reason } => Self::new(
                ErrorKind::Protocol,
                format!("the worker did not understand the request: {reason}"),
            ),
            Failure::WrongPool { pool } => Self::new(
                ErrorKind::Unavailable,
                format!("{function}() is handed from pool to pool, at last to \"{pool}\""),
            ),
            Failure::WrongRelease { current } => Self::new(
                ErrorKind::Unavailable,
                format!("{function}(): releases change too fast to follow, at last {current}"),
            ),
            Failure::Moved => Self::new(
                ErrorKind::Unavailable,
                format!("{function}(): releases change too fast to follow"),
            ),
        }
        .of(function)
    }
}

fn fatal(function: &str, kind: FatalKind, message: &[u8], file: String, line: u32) -> CallError {
    let text = String::from_utf8_lossy(message);
    let place = if file.is_empty() { String::new() } else { format!(" in {file}:{line}") };
    let message = match kind {
        FatalKind::Exit => {
            format!("{function}() ended the request instead of returning ({text}){place}")
        }
        FatalKind::Memory => {
            format!("{function}() ran out of memory: {text}{place}; see memory_limit")
        }
        FatalKind::Error => format!("{function}() failed: {text}{place}"),
    };
    CallError::new(ErrorKind::Fatal { kind, file, line }, message)
}

fn died(function: &str, cause: ExitCause, hint: &str) -> CallError {
    let hint = if hint.is_empty() { String::new() } else { format!(": {hint}") };
    let message = format!("the process that ran {function}() {cause}{hint}");
    CallError::new(ErrorKind::Died { cause }, message)
}

fn timed_out(function: &str, limit_ms: u32, killed: bool) -> CallError {
    let how = if killed { "its process had to be killed" } else { "it was interrupted" };
    let message =
        format!("{function}() took longer than {} s; {how}", seconds(u128::from(limit_ms)));
    CallError::new(ErrorKind::Timeout, message)
}

/// Milliseconds as seconds, without needless digits.
pub(super) fn seconds(ms: u128) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn did_you_mean(near: &[String], otherwise: &str) -> String {
    match near {
        [] => otherwise.to_owned(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_printed_as_a_person_would() {
        assert_eq!([seconds(30_000), seconds(1_500), seconds(5)], ["30", "1.5", "0.005"]);
    }

    #[test]
    fn an_unknown_function_is_named_with_its_neighbours() {
        let error = CallError::unknown_function("qoute", "shop", vec!["quote".into()]);
        assert!(
            error.message.contains("qoute()") && error.message.ends_with("did you mean quote?")
        );
    }
}
