//! `appserver.so`: calls PHP functions in another process.
//!
//! `client` (calls, workers, retries) and `deployed` (settings, resources) know no PHP; `php` wraps
//! the engine, with all of its `unsafe`; `api` is what PHP code sees. Nothing is opened, started, or
//! allocated to speak of before the first call: FPM forks after MINIT, and a request that makes no call
//! pays a counter.
#![deny(unsafe_code)]

#[cfg(test)]
use embed as _;

mod api;
mod cache;
mod client;
mod deployed;
mod deployed_abi;
mod module;
mod php;
