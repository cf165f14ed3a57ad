//! What an answer of an executor means for a job.

use jobs::Ended;
use protocol::{Failure, FatalKind, JobRefusal, JobReply, Thrown};

/// A job that is not made now.
pub(super) fn refused(reason: &str) -> JobReply {
    JobReply::Refused(JobRefusal::Unavailable { reason: reason.to_owned() })
}

/// How an attempt ended that came back with this.
pub(super) fn ended(failure: Failure) -> Ended {
    match failure {
        Failure::Thrown(chain) => Ended::Failed(thrown(&chain)),
        Failure::Fatal { kind, message, file, line } => {
            let message = String::from_utf8_lossy(&message);
            Ended::Crashed(match kind {
                FatalKind::Exit => format!("it called exit() in {file}:{line}"),
                FatalKind::Memory | FatalKind::Error => format!("{message} in {file}:{line}"),
            })
        }
        Failure::Died { cause, hint, .. } => {
            let cause = format!("its executor {cause}");
            Ended::Crashed(if hint.is_empty() { cause } else { format!("{cause}: {hint}") })
        }
        Failure::TimedOut { limit_ms, .. } => {
            Ended::TimedOut(format!("it took more than {limit_ms} ms"))
        }
        Failure::Cancelled => Ended::Failed("it was cancelled".to_owned()),
        Failure::NotCallable { reason, .. } => Ended::Failed(reason),
        Failure::BadArguments { path, reason } => {
            Ended::Failed(format!("its argument {path} cannot be decoded: {reason}"))
        }
        Failure::BadResult { path, reason } => {
            Ended::Failed(format!("what it returned cannot be stored: {path}: {reason}"))
        }
        Failure::Protocol { reason } => Ended::Failed(reason),
        Failure::Unavailable { reason, ran: true } => Ended::Crashed(reason),
        Failure::Unavailable { reason, ran: false } => Ended::NotBegun(reason),
        Failure::UnknownFunction { function, .. } => {
            Ended::NotBegun(format!("the release has no {function}()"))
        }
        Failure::WrongPool { .. }
        | Failure::WrongRelease { .. }
        | Failure::ReleaseGone { .. }
        | Failure::Moved => Ended::NotBegun("the release was changing".to_owned()),
    }
}

fn thrown(chain: &[Thrown]) -> String {
    let one = |thrown: &Thrown| {
        let Thrown { class, message, file, line, .. } = thrown;
        format!("{class}: {} in {file}:{line}", String::from_utf8_lossy(message))
    };
    chain.iter().map(one).collect::<Vec<_>>().join("; caused by ")
}
