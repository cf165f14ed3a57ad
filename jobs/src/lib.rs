//! Jobs: which one runs next, what becomes of it, and what is stored of it.
//!
//! Pure: time and randomness come in as arguments, and all effects go out as changes for a
//! [`ledger::Ledger`], attempts to begin, and answers. The promises that it keeps are those of
//! `docs/jobs.md`; [`Engine`] says how it is driven.
#![forbid(unsafe_code)]

mod clock;
mod cron;
mod deadlines;
mod encoded;
mod engine;
mod fingerprint;
mod limiter;
mod numbered;
mod order;
mod pending;
mod places;
mod planned;
mod random;
mod record;
mod rules;
mod settings;
mod window;

pub use clock::{Due, Now, Pause};
pub use cron::check_schedule;
pub use engine::{
    Cancelled, Ended, Engine, Enqueued, Slots, Start, batch_on_disk, check_count, report_on_disk,
};
pub use pending::ReadError;
pub use planned::Planned;
pub use record::{Body, Head, Step, Tail, Unreadable};
pub use rules::Rules;
pub use settings::{Limits, QueueLimits, Settings};
