//! The command line.

use crate::jobs::Speech;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(
    about = "Measures appserver against a floor and its peers, in one run; prints and writes a report",
    version,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Options {
    /// Then compare the figures with what is needed; exit with 1 if one is below it or missing.
    #[arg(long)]
    pub(crate) check: bool,
    /// Measure nothing: print, or check, this report.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "quick", "rounds", "json"])]
    pub(crate) from: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) measure: MeasureArgs,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// What this program does when the bench starts it as a peer.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// The answering half of the floor.
    #[command(hide = true)]
    FloorServer { socket: PathBuf, busy_poll_us: u32 },
    /// The asking half of the floor.
    #[command(hide = true)]
    FloorClient { socket: PathBuf, busy_poll_us: u32 },
    /// Many producers of jobs in one thread.
    #[command(hide = true)]
    Producers { speech: Speech, address: String, connections: usize },
}

#[derive(Debug, Args)]
pub(crate) struct MeasureArgs {
    /// Measure only these, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// A fifth of the time for each figure, and two rounds: for a first look.
    #[arg(long)]
    pub(crate) quick: bool,
    /// How often each subject is measured; the figures are the medians. [default: 5, quick: 2]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Where the report is written; by default a new file in bench/results.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Two processes and a unix socket, in Rust.
    Floor,
    /// The function called in the same process.
    Local,
    /// appserver, each call in a request of its own.
    Stateless,
    /// appserver, state kept between calls.
    Resident,
    Gearman,
    Fpm,
    Redis,
    /// Opening and closing a PHP request.
    Context,
    /// Values to bytes and back, against igbinary, msgpack and serialize.
    Codec,
    /// Memory and processor time of an idle sidecar.
    Idle,
    /// A million calls, and whether a process grows.
    Growth,
    /// Results that are kept, against APCu and symfony/cache over it.
    Cache,
    /// Durable jobs: storing, starting, draining and recovering them.
    Jobs,
}

impl MeasureArgs {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 })
    }

    /// Length of one measurement in one round, given the full one.
    pub(crate) fn shortened(&self, full: Duration) -> Duration {
        if self.quick { full / 5 } else { full }
    }
}
