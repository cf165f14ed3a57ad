//! Sockets to workers: addresses, connecting, sending, receiving, waiting. Knows no PHP.

pub(crate) mod address;
mod connect;
mod socket;
mod tls;
mod wait;

pub(crate) use address::{Address, Entry};
pub(crate) use connect::connect;
pub(crate) use socket::Socket;
pub(crate) use tls::Credentials;
pub(crate) use wait::{Ready, Waiting, wait, wait_any};
