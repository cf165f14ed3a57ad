//! The way to a worker, for every client of one: addresses, connecting, TLS, sending and receiving
//! frames, waiting. Knows neither PHP nor tokio; no operation blocks for longer than its deadline.
#![forbid(unsafe_code)]

mod address;
mod connect;
pub mod denied;
mod exchange;
mod socket;
mod tls;
mod wait;
mod workers;

pub use address::{Address, AddressError};
pub use connect::connect;
pub use exchange::{ExchangeError, is_transient, receive_frame, send_all, shake_hands};
pub use socket::Socket;
pub use tls::{TlsClient, TlsError, TlsFiles};
pub use wait::{Ready, Waiting, wait, wait_any};
pub use workers::{Entry, ListError, WORKERS_MAX, parse_list, parse_worker};
