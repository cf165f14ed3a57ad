//! Feeds mutated inputs to each decoder. A panic, a crash or a hang of a target is a failure, and the
//! input that did it is printed.
//!
//! Runs are repeatable: the same seed gives the same inputs on every machine. Each target runs in a
//! process of its own, so that a crash in native code is told like any other failure.

mod archives;
mod campaign;
mod child;
mod frames;
mod messages;
mod mutator;
mod php;
mod random;
mod target;
mod values;

use anyhow::{Result, bail};
use clap::Parser;
use std::process::ExitCode;
use target::Target;

/// Feed mutated inputs to the decoders.
#[derive(Debug, Parser)]
struct Options {
    /// Inputs per target.
    #[arg(long, default_value_t = 200_000)]
    runs: u64,
    /// Start of the random numbers; the same seed gives the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this target.
    #[arg(long)]
    target: Option<String>,
    /// Run the target on one input, given in hexadecimal, instead.
    #[arg(long, requires = "target")]
    input: Option<String>,
    /// In the child: file that holds the input of the moment.
    #[arg(long, hide = true, requires = "target")]
    trace: Option<std::path::PathBuf>,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let targets = chosen(options.target.as_deref())?;
    if let Some(input) = &options.input {
        targets[0].run_once(&child::from_hex(input)?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(trace) = &options.trace {
        campaign::run(&targets[0], options.runs, options.seed, trace)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut failed = 0;
    for target in &targets {
        failed += usize::from(!child::run(target, options.runs, options.seed)?);
    }
    eprintln!("fuzz: {} passed, {failed} failed", targets.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(name: Option<&str>) -> Result<Vec<Target>> {
    let mut targets = target::all();
    if let Some(name) = name {
        let known: Vec<&str> = targets.iter().map(|target| target.name).collect();
        let known = known.join(", ");
        targets.retain(|target| target.name == name);
        if targets.is_empty() {
            bail!("there is no target \"{name}\": use one of {known}");
        }
    }
    Ok(targets)
}
