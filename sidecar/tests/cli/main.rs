//! The command line, run as a user runs it.

mod appserver;
mod config;
mod deploy;
mod deploy_interrupted;
mod fake_control;
mod fake_worker;
mod help;
mod terminal;
mod top;
mod worker;
