//! Release archives: built from a folder, a PHAR, a zip, a tar or a commit; signed; verified; unpacked.
//!
//! A deployer [`build`]s an archive from a [`Source`] and [`Built::seal`]s it into a signed envelope.
//! A worker [`verify`]s the envelope against the keys it trusts and its [`Policy`], and
//! [`Verified::unpack`]s it into a new folder. What a release is called follows from its files alone:
//! [`identify`] says it for a folder, and every kind of source with the same files gives the same.
//!
//! Archives are hostile until proven otherwise, also at the deployer: nothing is written outside the
//! new folder, everything is within [`Limits`], and what is refused leaves nothing behind. The causes
//! are [`Fault`]s with the path of the entry ([`Refusal`]).
//!
//! The payload is a tar in one spelling, compressed with zstd: `tar --zstd` reads it.
#![forbid(unsafe_code)]

mod built;
mod chunks;
mod content;
mod decompress;
mod entry;
mod envelope;
mod error;
mod fault;
mod folder;
mod git;
mod ignored;
mod inventory;
mod key;
mod limits;
mod link;
mod magic;
mod new_folder;
mod path;
mod payload;
mod phar;
mod policy;
mod rejected;
mod snapshot;
mod source;
mod tar;
mod trust;
mod unloading;
mod verified;
mod window;
mod zip;

pub use built::{Built, Label, build};
pub use content::{ContentId, InvalidContentId};
pub use envelope::{DEPLOYER_BYTES_MAX, Header, NOTE_BYTES_MAX};
pub use error::Error;
pub use fault::{Fault, Refusal};
pub use folder::identify;
pub use ignored::{IGNORE_FILE, Ignored};
pub use inventory::Totals;
pub use key::{DeployKey, KeyError, KeyId, PublicKey};
pub use limits::{Limits, RATIO_FREE_BYTES};
pub use new_folder::remove_release;
pub use policy::{Accepted, Policy};
pub use rejected::Rejected;
pub use snapshot::{Snapshot, each_folder, snapshot};
pub use source::Source;
pub use trust::TrustedKeys;
pub use verified::{Unpacking, Verified, verify};
