//! The command line, run as a user runs it.

mod appserver;
mod config;
mod fake_worker;
mod help;
mod terminal;
mod top;
mod worker;
