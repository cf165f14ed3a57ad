//! What an answer of an executor means for a job.

use jobs::Ended;
use protocol::{Failure, FatalKind, JobRefusal, JobReply, Thrown, Wish};

/// A job that is not made now.
pub(super) fn refused(reason: &str) -> JobReply {
    JobReply::Refused(JobRefusal::Unavailable { reason: reason.to_owned() })
}

/// How an attempt ended that came back with this.
pub(super) fn ended(failure: Failure) -> Ended {
    match failure {
        Failure::Thrown(chain) => Ended::Failed(thrown(&chain)),
        Failure::JobThrown { chain, wish: Wish::GiveUp } => Ended::GaveUp(thrown(&chain)),
        Failure::JobThrown { chain, wish: Wish::Retry { after_ms, counts } } => {
            Ended::Again { after_ms, counts, error: thrown(&chain) }
        }
        Failure::Fatal { kind, message, file, line } => {
            let message = String::from_utf8_lossy(&message);
            Ended::Crashed(match kind {
                FatalKind::Exit => format!("it called exit(){}", place(&file, line)),
                FatalKind::Memory | FatalKind::Error => {
                    format!("{message}{}", place(&file, line))
                }
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

/// Where it was, as far as PHP knows: of `exit()` it keeps no place.
fn place(file: &str, line: u32) -> String {
    match (file, line) {
        ("", _) => String::new(),
        (file, 0) => format!(" in {file}"),
        (file, line) => format!(" in {file}:{line}"),
    }
}

fn thrown(chain: &[Thrown]) -> String {
    let one = |thrown: &Thrown| {
        let Thrown { class, message, file, line, .. } = thrown;
        format!("{class}: {}{}", String::from_utf8_lossy(message), place(file, *line))
    };
    chain.iter().map(one).collect::<Vec<_>>().join("; caused by ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fatal(kind: FatalKind, file: &str, line: u32) -> Ended {
        let message = b"gone wrong".to_vec();
        ended(Failure::Fatal { kind, message, file: file.to_owned(), line })
    }

    #[test]
    fn a_place_is_told_where_there_is_one() {
        let crashed = |text: &str| Ended::Crashed(text.to_owned());
        assert_eq!(fatal(FatalKind::Exit, "", 0), crashed("it called exit()"));
        assert_eq!(fatal(FatalKind::Error, "", 0), crashed("gone wrong"));
        assert_eq!(fatal(FatalKind::Memory, "a.php", 0), crashed("gone wrong in a.php"));
        assert_eq!(fatal(FatalKind::Error, "a.php", 7), crashed("gone wrong in a.php:7"));
    }
}
