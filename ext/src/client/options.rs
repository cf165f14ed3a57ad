//! What a call is made with: the ini settings, changed by `AppServer\Client`.

use super::credentials::Credentials;
use super::token::Token;
use crate::cache::Wish;
use net::Entry;
use protocol::{AppName, JobId, JobOptions};
use std::rc::Rc;
use std::time::Duration;

/// Which of its calls a PHP request wants to see run in one release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pin {
    /// All of the request's.
    Request,
    /// Each call for itself, its retries included.
    Call,
    /// None: even a retry may run in a newer release.
    Off,
    /// `Request` in a web server, `Call` on the command line and in an executor.
    #[default]
    Auto,
}

impl Pin {
    pub(crate) const NAMES: [&'static str; 4] = ["request", "call", "off", "auto"];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "request" => Self::Request,
            "call" => Self::Call,
            // PHP's ini files turn a bare `off` into nothing.
            "off" | "" => Self::Off,
            "auto" => Self::Auto,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Call => "call",
            Self::Off => "off",
            Self::Auto => "auto",
        }
    }
}

/// Which workers, and who we are to them: what connections can be shared by.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The list as written, for messages and `appserver_status()`.
    pub text: String,
    pub entries: Vec<Entry>,
    pub token: Option<Token>,
    pub credentials: Credentials,
}

impl Fleet {
    /// Whether connections of one may serve calls of the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.entries == other.entries
            && self.token == other.token
            && self.credentials.ca == other.credentials.ca
            && self.credentials.certificate == other.credentials.certificate
            && self.credentials.key == other.credentials.key
    }
}

/// Whether results are kept, and which of them will do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheTerms {
    /// Most that all kept results of this process take; 0 = none is kept.
    pub bytes_max: u32,
    /// Whether values are kept as they are, to be given without a copy.
    pub immutable: bool,
    pub wish: Wish,
}

/// How jobs are to be treated.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobTerms {
    pub options: JobOptions,
    /// An open batch that they join.
    pub batch: Option<JobId>,
}

/// Everything that shapes a call.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub fleet: Rc<Fleet>,
    pub app: AppName,
    /// Longest a call may take; `None` = no limit.
    pub timeout: Option<Duration>,
    pub connect_timeout: Duration,
    /// Longest the client spins for an answer before it sleeps; zero = never spins.
    pub busy_poll: Duration,
    pub affinity: Option<Vec<u8>>,
    pub pin: Pin,
    /// Whether a `Client` chose it: then `AppServer\pin()` does not change it.
    pub pin_chosen: bool,
    /// Whether what the function prints is printed here.
    pub output: bool,
    pub frame_bytes_max: u32,
    pub depth_max: u32,
    /// Most connections to one worker.
    pub connections_max: u32,
    /// Most times a call is sent again.
    pub retries: u32,
    /// First and longest pause before a failing worker is tried again.
    pub backoff: Duration,
    pub backoff_max: Duration,
    /// How jobs are to be treated.
    pub job: Rc<JobTerms>,
    pub cache: CacheTerms,
    /// Patterns of classes that may be made from answers, beyond the safe ones.
    pub classes: Rc<Vec<String>>,
}
