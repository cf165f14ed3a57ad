//! The bytes of the protocol: frozen, reversible, and harmless whatever they are.

mod calls;
mod frames;
mod golden;
mod handshake;
mod hostile;
mod messages;
mod samples;
