//! One way to call the function: its servers, and the clients that are measured.

use crate::options::Part;
use crate::server::Server;
use crate::subject::{Subject, monotonic_ns};
use crate::workspace::Workspace;
use crate::{floor, fpm, gearman, redis, sidecar};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::process::Command;
use std::time::Duration;

/// Clients that call at the same time where many do.
pub(crate) const CLIENTS: usize = 8;
/// Time between the order to begin and the window in which calls are counted: the start barrier.
pub(crate) const WINDOW_LEAD: Duration = Duration::from_millis(100);

/// Who is measured, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    Floor,
    FloorAsleep,
    Local,
    Stateless,
    Resident,
    Gearman,
    Fpm,
    Redis,
}

impl Name {
    pub(crate) const ALL: [Self; 8] = [
        Self::Floor,
        Self::FloorAsleep,
        Self::Local,
        Self::Stateless,
        Self::Resident,
        Self::Gearman,
        Self::Fpm,
        Self::Redis,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Floor => "floor: unix socket",
            Self::FloorAsleep => "floor: unix socket, no busy-poll",
            Self::Local => "local PHP call",
            Self::Stateless => "appserver, stateless",
            Self::Resident => "appserver, resident",
            Self::Gearman => "Gearman, doNormal",
            Self::Fpm => "PHP-FPM, FastCGI keep-alive",
            Self::Redis => "Redis, GET",
        }
    }

    pub(crate) fn part(self) -> Part {
        match self {
            Self::Floor | Self::FloorAsleep => Part::Floor,
            Self::Local => Part::Local,
            Self::Stateless => Part::Stateless,
            Self::Resident => Part::Resident,
            Self::Gearman => Part::Gearman,
            Self::Fpm => Part::Fpm,
            Self::Redis => Part::Redis,
        }
    }

    /// Starts servers and clients, warmed up.
    pub(crate) fn start(self, workspace: &Workspace) -> Result<Contestant> {
        match self {
            Self::Floor => floor::start(workspace, "floor", floor::BUSY_POLL_US),
            Self::FloorAsleep => floor::start(workspace, "floor-asleep", 0),
            Self::Local => Contestant::new(vec![], || Ok(workspace.php("local.php"))),
            Self::Stateless => sidecar::start(workspace, "stateless", "hello"),
            Self::Resident => sidecar::start(workspace, "resident", "hello_resident"),
            Self::Gearman => gearman::start(workspace),
            Self::Fpm => fpm::start(workspace),
            Self::Redis => redis::start(workspace),
        }
    }
}

pub(crate) struct Contestant {
    /// The first measures latency, while the others wait. Ended before the servers.
    subjects: Vec<Subject>,
    _servers: Vec<Server>,
}

impl Contestant {
    /// With [`CLIENTS`] clients.
    pub(crate) fn new(servers: Vec<Server>, client: impl Fn() -> Result<Command>) -> Result<Self> {
        let subjects = (0..CLIENTS).map(|_| Subject::start(client()?)).collect::<Result<_>>()?;
        Ok(Self { subjects, _servers: servers })
    }

    /// With one client: its calls are timed, but not counted from many.
    pub(crate) fn with_one_client(servers: Vec<Server>, client: Command) -> Result<Self> {
        Ok(Self { subjects: vec![Subject::start(client)?], _servers: servers })
    }

    pub(crate) fn has_many_clients(&self) -> bool {
        self.subjects.len() == CLIENTS
    }

    /// Durations of the calls of one client, in nanoseconds.
    pub(crate) fn latency(&mut self, length: Duration, pause: Duration) -> Result<Vec<u64>> {
        self.subjects[0].latency(length, pause)
    }

    /// Calls a second of all clients together, within one window common to all.
    pub(crate) fn calls_per_second(&mut self, length: Duration) -> Result<u64> {
        let start = monotonic_ns()? + u64::try_from(WINDOW_LEAD.as_nanos())?;
        let stop = start + u64::try_from(length.as_nanos())?;
        for subject in &mut self.subjects {
            subject.begin_window(start, stop)?;
        }
        let mut calls = 0;
        for subject in &mut self.subjects {
            calls += subject.end_window(WINDOW_LEAD + length)?;
        }
        Ok(calls * 1000 / u64::try_from(length.as_millis())?)
    }
}
