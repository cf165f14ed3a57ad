//! How every command ends: one enum, one table.

use std::process::ExitCode;

/// Exit codes, from sysexits.h where it has a word for it; 2 is clap's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    Breaking = 3,
    Conflict = 4,
    Partial = 5,
    Data = 65,
    NotFound = 66,
    Unavailable = 69,
    Internal = 70,
    ConnectionLost = 74,
    TimedOut = 75,
    Protocol = 76,
    Denied = 77,
    Config = 78,
    Interrupted = 130,
}

impl Exit {
    /// In the order in which they are documented.
    pub(crate) const ALL: [Self; 16] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Breaking,
        Self::Conflict,
        Self::Partial,
        Self::Data,
        Self::NotFound,
        Self::Unavailable,
        Self::Internal,
        Self::ConnectionLost,
        Self::TimedOut,
        Self::Protocol,
        Self::Denied,
        Self::Config,
        Self::Interrupted,
    ];

    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "Done.",
            Self::Failed => "The function threw, or ended without returning; or a check failed.",
            Self::Usage => "The command line makes no sense.",
            Self::Breaking => "Callers could break, so nothing was deployed; see --allow-breaking.",
            Self::Conflict => "Another change came first, or the release is needed.",
            Self::Partial => "Some workers did it and others did not; each has said so.",
            Self::Data => "No valid JSON, a value that cannot be sent, or a refused archive.",
            Self::NotFound => "No such application, release, function, job or file.",
            Self::Unavailable => "No worker could be reached, or it refused; nothing ran.",
            Self::Internal => "The system refused something, or this is a bug.",
            Self::ConnectionLost => "The connection broke during a call, which may have run.",
            Self::TimedOut => "The time limit passed.",
            Self::Protocol => "The peer does not speak this protocol, or another version of it.",
            Self::Denied => "The worker does not let this user, token or certificate in.",
            Self::Config => "A setting is wrong, or an application does not start.",
            Self::Interrupted => "A signal ended a deploy; it has said in what state.",
        }
    }

    /// The table as it stands at the end of every `--help`.
    pub(crate) fn table() -> String {
        let rows = Self::ALL.map(|exit| format!("  {:<3} {}", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", rows.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command stops before it is done.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) exit: Exit,
    /// For a person: what happened and what to do. Empty when all has been said.
    pub(crate) message: String,
}

impl Stop {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Everything to be said was printed by the command itself.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Says why on stderr, and gives the process's exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("appserver: {}", self.message);
        }
        self.exit.into()
    }
}

/// Writing to stdout failed. A reader that has seen enough, like `head`, is no failure.
impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::silent(Exit::Ok),
            _ => Self::new(Exit::Internal, error.to_string()),
        }
    }
}
