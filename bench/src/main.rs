//! Measures the product, a floor below it and its peers in one run on one machine.

#![forbid(unsafe_code)]

mod cache;
mod check;
mod codec;
mod contestant;
mod context;
mod example;
mod floor;
mod fpm;
mod gearman;
mod growth;
mod idle;
mod jobs;
mod machine;
mod options;
mod pause;
mod processes;
mod redis;
mod report;
mod rounds;
mod server;
mod sidecar;
mod statistics;
mod subject;
mod table;
mod verdict;
mod workspace;

use anyhow::Result;
use clap::Parser;
use options::{MeasureArgs, Options, Part, Role};
use report::Report;
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Some figure is below what is needed, or could not be measured.
const EXIT_BELOW_NEEDED: u8 = 1;
/// Load average up to which the figures of two runs agree.
const QUIET: f64 = 0.5;
/// The bench itself could not do its work.
const EXIT_FAILED: u8 = 2;

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("appserver-bench: {error:#}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

fn run(options: Options) -> Result<ExitCode> {
    match options.role {
        None => bench(&options),
        Some(Role::FloorServer { socket, busy_poll_us }) => {
            floor::serve(&socket, busy_poll_us)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Role::Producers { speech, address, connections }) => {
            jobs::produce(speech, &address, connections)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Role::FloorClient { socket, busy_poll_us }) => {
            floor::call(&socket, busy_poll_us)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn bench(options: &Options) -> Result<ExitCode> {
    let report = match &options.from {
        Some(file) => {
            let report = Report::read(file)?;
            stdout().write_all(table::render(&report).as_bytes())?;
            report
        }
        None => measure(&options.measure)?,
    };
    if options.check { judge(&report) } else { Ok(ExitCode::SUCCESS) }
}

/// Measures what was asked for, prints the table, and writes the report.
fn measure(args: &MeasureArgs) -> Result<Report> {
    let workspace = workspace::Workspace::create()?;
    let mut report = Report::begin(args, &workspace);
    if report.machine.load_average > QUIET {
        eprintln!("the machine is busy (load {}): figures will vary", report.machine.load_average);
    }
    // First what cargo may have to build, so that nothing compiles between measurements.
    if args.wants(Part::Context) {
        context::measure(args, &mut report);
    }
    if args.wants(Part::Codec) {
        codec::measure(&mut report);
    }
    rounds::measure(&workspace, args, &mut report);
    if args.wants(Part::Idle) {
        idle::measure(&workspace, args, &mut report);
    }
    if args.wants(Part::Growth) {
        growth::measure(&workspace, args, &mut report);
    }
    if args.wants(Part::Cache) {
        cache::measure(&workspace, &mut report);
    }
    if args.wants(Part::Jobs) {
        jobs::measure(&workspace, args, &mut report);
    }
    stdout().write_all(table::render(&report).as_bytes())?;
    let file = report.write(args.json.as_deref())?;
    eprintln!("written to {}", file.display());
    Ok(report)
}

fn judge(report: &Report) -> Result<ExitCode> {
    let lines = check::compare(report);
    stdout().write_all(verdict::render(&lines).as_bytes())?;
    let good = lines.iter().all(verdict::Line::is_good_enough);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(EXIT_BELOW_NEEDED) })
}
