//! What the ledger promises, for every implementation, and for the one on SQLite what happens when
//! processes and disks fail.

mod child;
mod disk;
mod fatal;
mod faults;
mod full;
mod kill;
mod local;
mod memory;
mod others;
mod power;
