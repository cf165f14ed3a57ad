//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(about = "Measures appserver against a floor and its peers, in one run", version)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure, print a table, and write a report.
    Run(MeasureArgs),
    /// Compare a report with what is needed; exits 1 if a figure is below it or missing.
    Check {
        /// Report to judge; without it everything is measured anew.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        #[command(flatten)]
        args: MeasureArgs,
    },
    /// The answering half of the floor.
    #[command(hide = true)]
    FloorServer { socket: PathBuf, busy_poll_us: u32 },
    /// The asking half of the floor.
    #[command(hide = true)]
    FloorClient { socket: PathBuf, busy_poll_us: u32 },
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
    /// Values to bytes and back, against igbinary, msgpack and serialize.
    Codec,
    /// Memory and processor time of an idle sidecar.
    Idle,
    /// A million calls, and whether a process grows.
    Growth,
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
