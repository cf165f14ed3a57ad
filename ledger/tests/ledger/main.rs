//! What the ledger promises, for every implementation, and for the one on SQLite what happens when
//! processes and disks fail.

mod disk;
mod faults;
mod memory;
mod power;
mod sqlite;
