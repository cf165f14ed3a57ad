//! A durable store of entries and facts, committed in batches. It knows nothing of what they mean.
//!
//! An *entry* has a sequence number, a state, a head (small, what a scan reads), a body (never
//! changed) and later a tail. A *fact* is a small value under a kind and a key.
//!
//! What every [`Ledger`] promises, and the conformance and crash suites hold it to:
//!
//! - A commit is all or nothing, for errors, and for kill -9 and the loss of power at any moment. When
//!   it returned `Ok` it is on disk.
//! - Its changes apply in order; commits apply in the order in which they returned.
//! - A sequence number is used once in the life of a ledger, also when its entry is gone.
//! - Readers see what is committed and nothing else; one read of an entry or fact, one moment.
//! - After an error of a commit nothing has changed. When the cause is gone (room, a disk that works)
//!   the same ledger goes on. The one case in which this cannot be had is [`Error::Unsettled`].
//! - Files grow with what is alive, not with what was: after [`Ledger::tidy`] says that nothing is
//!   left, they are within three times the live data, and a constant.
//!
//! [`Local`] is the ledger of one worker. `Memory` forgets everything at the end: for tests, with the
//! feature `testing`.
#![deny(unsafe_code)]

mod change;
mod entry;
mod error;
mod ledger;
mod local;
#[cfg(feature = "testing")]
mod memory;
mod size;
mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;

pub use change::{Change, HEAD_BYTES_MAX, KEY_BYTES_MAX, PART_BYTES_MAX, SEQ_MAX, TAG_MAX};
pub use entry::{Entry, Row, STATE_MAX, States};
pub use error::{Error, Misuse};
pub use ledger::{EachFact, EachRow, Ledger, Reader};
pub use local::Local;
#[cfg(feature = "testing")]
pub use memory::Memory;
pub use size::Size;
