//! The contest: everybody in turn, several times over, so that a disturbance of the machine hits all
//! alike; the figures are medians over the rounds.

use crate::contestant::{Contestant, Name};
use crate::options::MeasureArgs;
use crate::report::{Entry, Report};
use crate::statistics::{Latency, median};
use crate::workspace::Workspace;
use anyhow::Result;
use std::time::Duration;

/// Of each figure in each round.
const LENGTH: Duration = Duration::from_secs(1);
/// The pause that lets both sides fall asleep.
const PAUSE: Duration = Duration::from_millis(1);

/// A contestant and what was measured of it, a figure a round.
struct Competing {
    name: Name,
    contestant: Contestant,
    hot: Vec<Latency>,
    apart: Vec<Latency>,
    rates: Vec<u64>,
}

pub(crate) fn measure(workspace: &Workspace, args: &MeasureArgs, report: &mut Report) {
    let mut field = start(workspace, args, report);
    let length = args.shortened(LENGTH);
    if field.is_empty() {
        return;
    }
    for round in 1..=args.rounds() {
        eprintln!("round {round} of {}", args.rounds());
        for step in [Competing::measure_hot, Competing::measure_apart, Competing::measure_rate] {
            field.retain_mut(|competing| match step(competing, length) {
                Ok(()) => true,
                Err(error) => {
                    report.skip(competing.name.label(), &error);
                    false
                }
            });
        }
    }
    for competing in field {
        report.contestants.insert(competing.name, competing.result());
    }
}

fn start(workspace: &Workspace, args: &MeasureArgs, report: &mut Report) -> Vec<Competing> {
    let mut field = Vec::new();
    for name in Name::ALL {
        if !args.wants(name.part()) {
            continue;
        }
        eprintln!("starting {}", name.label());
        match name.start(workspace) {
            Ok(contestant) => field.push(Competing {
                name,
                contestant,
                hot: Vec::new(),
                apart: Vec::new(),
                rates: Vec::new(),
            }),
            Err(error) => report.skip(name.label(), &error),
        }
    }
    field
}

impl Competing {
    fn measure_hot(&mut self, length: Duration) -> Result<()> {
        self.hot.extend(Latency::of_samples(self.contestant.latency(length, Duration::ZERO)?));
        Ok(())
    }

    fn measure_apart(&mut self, length: Duration) -> Result<()> {
        self.apart.extend(Latency::of_samples(self.contestant.latency(length, PAUSE)?));
        Ok(())
    }

    fn measure_rate(&mut self, length: Duration) -> Result<()> {
        if self.contestant.has_many_clients() {
            self.rates.push(self.contestant.calls_per_second(length)?);
        }
        Ok(())
    }

    fn result(self) -> Entry {
        Entry {
            hot: Latency::median_of(&self.hot),
            apart: Latency::median_of(&self.apart),
            calls_per_second: median(self.rates),
        }
    }
}
