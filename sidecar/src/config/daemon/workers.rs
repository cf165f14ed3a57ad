//! `[membership]`: the list of workers.

use super::super::control;
use net::Address;
use protocol::Member;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// `[membership]`: the workers that clients of this one should know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Workers {
    pub(crate) epoch: u32,
    pub(crate) workers: Vec<Worker>,
    /// For their control APIs.
    pub(crate) control_token_file: Option<PathBuf>,
    pub(crate) control_ca: Option<PathBuf>,
}

/// One of `membership.workers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Worker {
    pub(crate) address: Address,
    #[serde(default = "one")]
    pub(crate) weight: u16,
    #[serde(
        default,
        deserialize_with = "control_address",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) control: Option<Address>,
}

fn control_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Address>, D::Error> {
    let text = String::deserialize(deserializer)?;
    control::remote_address(&text).map(Some).map_err(serde::de::Error::custom)
}

fn one() -> u16 {
    1
}

impl From<&Worker> for Member {
    fn from(worker: &Worker) -> Self {
        Self { address: worker.address.to_string(), weight: worker.weight }
    }
}
