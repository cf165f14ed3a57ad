//! `appserver-php`: the process in which an application's PHP code runs.
//!
//! The supervisor starts one per release. It becomes the release's *prototype*: it starts PHP once,
//! preloads the code, and forks *executors*, each of which runs one call at a time.
//!
//! Contract of the whole program: one thread, for ever. PHP's state belongs to it, and `fork`
//! without `exec` is sound only because no other thread can hold a lock at that moment.
#![deny(unsafe_code)]

mod boot;
mod catalog;
mod control;
mod deployed;
mod descriptors;
mod executor;
mod prototype;

use std::process::ExitCode;

const HELP: &str = "\
appserver-php runs the PHP code of an application for the application server.

It is started by `appserver serve`, which hands it its configuration on descriptor 3 and talks to it
on descriptor 4. It is of no use by hand: run `appserver serve --app DIR --listen unix:PATH` instead.

Options:
  -h, --help     this text
  -V, --version  version of this program and of its PHP
";

/// `EX_USAGE`: the program was called in a way it cannot serve.
const EXIT_USAGE: u8 = 64;

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("-h" | "--help") => print!("{HELP}"),
        Some("-V" | "--version") => {
            println!("appserver-php {} (PHP {})", env!("CARGO_PKG_VERSION"), embed::php_version());
        }
        Some(other) => {
            eprintln!("appserver-php: unknown option {other}; try --help");
            return ExitCode::from(EXIT_USAGE);
        }
        None => return serve(),
    }
    ExitCode::SUCCESS
}

fn serve() -> ExitCode {
    let (boot, control) = match boot::receive() {
        Ok(received) => received,
        Err(error) => {
            eprintln!("appserver-php: {error:#}. It is started by `appserver serve`; try --help");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match prototype::run(&boot, &control) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("appserver-php: release {} of {}: {error:#}", boot.release, boot.app);
            ExitCode::FAILURE
        }
    }
}
