//! appserver: supervisor and command line.
mod cli;
mod config;
mod serve;

fn main() {}
