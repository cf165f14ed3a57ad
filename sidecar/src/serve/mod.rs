//! The supervisor: accepts and authenticates connections, hands them to executors, keeps those
//! running, and answers for those that died. It runs no PHP.

mod absent;
mod admission;
mod channel;
mod connections;
mod control;
mod credentials;
mod deployed;
mod descriptors;
mod directories;
mod door;
mod edge;
mod error;
mod event;
mod executor;
mod gate;
mod handshake;
mod identity;
mod interrupt;
mod key;
mod launch;
mod listeners;
mod logging;
mod notify;
mod options;
mod orphan;
mod peer_groups;
mod peers;
mod pool;
mod prototype;
mod ready;
mod relay;
mod release;
mod reload;
mod settings;
mod settle;
mod staff;
mod start;
mod status;
mod stop;
mod supervisor;
mod tls;
mod watch;

pub(crate) use error::Error;
pub(crate) use options::Options;
pub(crate) use start::run;
