//! When a function is to be queued again and again.

use serde::{Deserialize, Serialize};

/// One schedule of a function that can be called without arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Minute, hour, day of the month, month, day of the week; or six with seconds before them; or
    /// `@hourly` and the like.
    pub cron: String,
    /// As in `Europe/Berlin`; UTC where nobody says.
    #[serde(default)]
    pub timezone: Option<String>,
    #[serde(default)]
    pub missed: Missed,
}

/// What becomes of ticks that passed while no worker looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// One job for all of them together.
    #[default]
    Once,
    /// None.
    Skip,
    /// One job for each, up to a bound that the worker sets.
    All,
}
