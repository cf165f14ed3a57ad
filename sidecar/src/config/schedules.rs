//! `[[schedule]]` of an `app.toml`: functions that are queued again and again, for whoever would rather
//! not say so in the code.

use jobs::{Planned, check_schedule};
use protocol::{Missed, Schedule};
use serde::{Deserialize, Serialize};

/// One schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scheduled {
    pub(crate) function: String,
    pub(crate) cron: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timezone: Option<String>,
    #[serde(default)]
    pub(crate) missed: Missed,
}

impl Scheduled {
    pub(crate) fn planned(&self) -> Planned {
        let Self { function, cron, timezone, missed } = self.clone();
        Planned { function, schedule: Schedule { cron, timezone, missed } }
    }

    /// What is wrong with it, whatever the release has.
    pub(super) fn check(&self) -> Result<(), String> {
        check_schedule(&self.planned().schedule)
            .map_err(|why| format!("the schedule of {}(): {why}", self.function))
    }
}
