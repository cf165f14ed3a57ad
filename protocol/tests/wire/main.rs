//! The bytes of the protocol: frozen, reversible, and harmless whatever they are.

mod calls;
mod frames;
mod golden;
mod handshake;
mod hostile;
mod job_golden;
mod job_samples;
mod messages;
mod samples;
