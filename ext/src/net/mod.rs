//! Sockets to workers: addresses, connecting, sending, receiving, waiting. Knows no PHP.

pub mod address;
mod connect;
mod socket;
mod tls;
mod wait;

pub use address::{Address, Entry};
pub use connect::connect;
pub use socket::Socket;
pub use tls::{Credentials, TlsError};
pub use wait::{Ready, Waiting, wait, wait_any};
