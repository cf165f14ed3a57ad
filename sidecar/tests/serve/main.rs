//! The supervisor, spoken to over its sockets, with real PHP behind it.

mod connections;
mod control;
mod edge;
mod failed_starts;
mod invalidation;
mod pool;
mod start_and_stop;
mod wire;
mod worker;
