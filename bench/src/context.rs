//! What a PHP request context costs an executor.

use crate::example;
use crate::options::MeasureArgs;
use crate::report::Report;
use crate::statistics::median;
use crate::workspace::repository;
use anyhow::{Context, Result};

pub(crate) fn measure(args: &MeasureArgs, report: &mut Report) {
    eprintln!("measuring the request context");
    match request_context_ns(args.rounds()) {
        Ok(cost) => report.request_context_ns = cost,
        Err(error) => report.skip("request context", &error),
    }
}

fn request_context_ns(rounds: u32) -> Result<Option<u64>> {
    let application = repository().join("bench/app/functions.php");
    let application = application.to_str().context("the repository's path is not UTF-8")?;
    let mut costs = Vec::new();
    for _ in 0..rounds {
        let output = example::output(env!("CARGO_PKG_NAME"), "request_context", &[application])?;
        costs.push(output.trim().parse()?);
    }
    Ok(median(costs))
}
