//! What the ledger promises, for every implementation, and for the one on SQLite what happens when
//! processes and disks fail.

mod memory;
mod sqlite;
