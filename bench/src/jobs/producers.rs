//! Many producers at a time, of jobs that nobody runs meanwhile.

use super::disk::Disk;
use super::load::Worker;
use super::peers;
use super::speech::Speech;
use crate::contestant::WINDOW_LEAD;
use crate::options::MeasureArgs;
use crate::report::Report;
use crate::server::Server;
use crate::statistics::median;
use crate::subject::{Subject, monotonic_ns};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::process::Command;
use std::time::Duration;

/// Connections that store jobs at the same time.
const PRODUCERS: usize = 64;
/// Of each in each round.
const LENGTH: Duration = Duration::from_secs(2);

/// Who stores jobs, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Producer {
    Php,
    Native,
    Batch,
    GearmanPhp,
    GearmanNative,
    BeanstalkdPhp,
    BeanstalkdNative,
    RedisPhp,
    RedisNative,
}

impl Producer {
    pub(crate) const ALL: [Self; 9] = [
        Self::Php,
        Self::GearmanPhp,
        Self::BeanstalkdPhp,
        Self::RedisPhp,
        Self::Native,
        Self::GearmanNative,
        Self::BeanstalkdNative,
        Self::RedisNative,
        Self::Batch,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Php => "64 PHP processes: appserver",
            Self::GearmanPhp => "64 PHP processes: Gearman, in memory",
            Self::BeanstalkdPhp => "64 PHP processes: beanstalkd -f 0",
            Self::RedisPhp => "64 PHP processes: Redis, appendfsync always",
            Self::Native => "64 connections, no PHP: appserver",
            Self::GearmanNative => "64 connections, no PHP: Gearman, in memory",
            Self::BeanstalkdNative => "64 connections, no PHP: beanstalkd -f 0",
            Self::RedisNative => "64 connections, no PHP: Redis, appendfsync always",
            Self::Batch => "1 PHP process, batches of 1,000: appserver",
        }
    }

    fn start(self, workspace: &Workspace, disk: &Disk) -> Result<Field> {
        match self {
            Self::Php => worker(workspace, disk, "jobs-php", |address| {
                Field::of_php(|| workspace.php_with_extension(address, "producer.php"))
            }),
            Self::Native => worker(workspace, disk, "jobs-native", |address| {
                let socket = address.trim_start_matches("unix:");
                Field::native(workspace, Speech::Appserver, socket)
            }),
            Self::Batch => worker(workspace, disk, "jobs-batch", |address| {
                Field::with(1, || workspace.php_with_extension(address, "batch-producer.php"))
            }),
            Self::GearmanPhp => peers::gearman(workspace, "jobs-gearmand", |port| {
                Field::of_php(|| Ok(with(workspace.php("gearman-producer.php"), port)))
            }),
            Self::GearmanNative => peers::gearman(workspace, "jobs-gearmand-native", |port| {
                Field::native(workspace, Speech::Gearman, &format!("127.0.0.1:{port}"))
            }),
            Self::BeanstalkdPhp => peers::beanstalkd(workspace, disk, "beanstalkd", |socket| {
                Field::of_php(|| Ok(with(workspace.php("beanstalkd-producer.php"), socket)))
            }),
            Self::BeanstalkdNative => {
                peers::beanstalkd(workspace, disk, "beanstalkd-native", |socket| {
                    Field::native(workspace, Speech::Beanstalkd, socket)
                })
            }
            Self::RedisPhp => peers::redis(workspace, disk, "jobs-redis", |socket| {
                Field::of_php(|| Ok(with(workspace.php("redis-producer.php"), socket)))
            }),
            Self::RedisNative => peers::redis(workspace, disk, "jobs-redis-native", |socket| {
                Field::native(workspace, Speech::Redis, socket)
            }),
        }
    }
}

/// A worker of our own, and those who store jobs there.
fn worker(
    workspace: &Workspace,
    disk: &Disk,
    name: &str,
    producers: impl FnOnce(&str) -> Result<Field>,
) -> Result<Field> {
    let worker = Worker::start(workspace, &disk.folder(name)?, name)?;
    Ok(producers(&worker.sidecar.address)?.at(worker.sidecar.server))
}

fn with(mut command: Command, address: &str) -> Command {
    command.arg(address);
    command
}

/// A server and those who store jobs there.
pub(super) struct Field {
    producers: Vec<Subject>,
    #[allow(dead_code, reason = "it runs as long as they do")]
    server: Option<Server>,
}

impl Field {
    fn with(count: usize, producer: impl Fn() -> Result<Command>) -> Result<Self> {
        let producers = (0..count).map(|_| Subject::start(producer()?)).collect::<Result<_>>()?;
        Ok(Self { producers, server: None })
    }

    /// Each a process of its own.
    fn of_php(producer: impl Fn() -> Result<Command>) -> Result<Self> {
        Self::with(PRODUCERS, producer)
    }

    /// All in one process.
    fn native(workspace: &Workspace, speech: Speech, address: &str) -> Result<Self> {
        Self::with(1, || {
            let mut command = workspace.this_program()?;
            let speech = speech.to_possible_value().context("a value of the command line")?;
            command.args(["producers", speech.get_name(), address, &PRODUCERS.to_string()]);
            Ok(command)
        })
    }

    /// They end before the server.
    pub(super) fn at(self, server: Server) -> Self {
        Self { server: Some(server), ..self }
    }

    /// Jobs a second of all together, acknowledged within one window common to all.
    fn jobs_per_second(&mut self, length: Duration) -> Result<u64> {
        let start = monotonic_ns()? + u64::try_from(WINDOW_LEAD.as_nanos())?;
        let stop = start + u64::try_from(length.as_nanos())?;
        for producer in &mut self.producers {
            producer.begin_window(start, stop)?;
        }
        let mut jobs = 0;
        for producer in &mut self.producers {
            jobs += producer.end_window(WINDOW_LEAD + length)?;
        }
        Ok(jobs * 1000 / u64::try_from(length.as_millis())?)
    }
}

pub(super) fn measure(
    workspace: &Workspace,
    disk: &Disk,
    args: &MeasureArgs,
    report: &mut Report,
) -> Result<()> {
    let mut fields = Vec::new();
    for producer in Producer::ALL {
        match producer.start(workspace, disk) {
            Ok(field) => fields.push((producer, field, Vec::new())),
            Err(error) => report.skip(producer.label(), &error),
        }
    }
    for _ in 0..args.rounds() {
        fields.retain_mut(|(producer, field, rates)| {
            match field.jobs_per_second(args.shortened(LENGTH)) {
                Ok(rate) => {
                    rates.push(rate);
                    true
                }
                Err(error) => {
                    report.skip(producer.label(), &error);
                    false
                }
            }
        });
    }
    for (producer, _, rates) in fields {
        report.jobs.producers.extend(median(rates).map(|rate| (producer, rate)));
    }
    Ok(())
}
