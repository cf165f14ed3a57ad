//! Shared memory between processes that may be killed at any instant.
//!
//! Contract of everything in this crate: plain atomics only, no lock, no pointer, no length that is
//! read from the page and then trusted. Whoever maps a page checks its size against the file, and
//! every value read from it is data, never an index used without a bound.
#![deny(unsafe_code)]

mod board;
pub mod histogram;
mod page;
mod scoreboard;

pub use board::{Board, BoardReader, SLOTS, Scope, slot};
pub use scoreboard::{Cell, Command, FunctionCounters, Orders, Running, Scoreboard, State};
