//! appserver: supervisor and command line.
mod admin;
mod cli;
mod config;
mod control_client;
mod file_body;
mod proxy;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(cli::parse()) {
        Ok(()) => cli::Exit::Ok.into(),
        Err(stop) => stop.report(),
    }
}
