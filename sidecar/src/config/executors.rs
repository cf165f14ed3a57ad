//! `[executors]`: how many processes a pool has, and when they are replaced.

use serde::{Deserialize, Serialize};

/// What holds for each pool of an application, or for one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Executors {
    pub(crate) min: u16,
    pub(crate) max: u16,
    pub(crate) max_calls: u64,
    pub(crate) memory_bytes_max: u64,
    pub(crate) idle_timeout_ms: u64,
    pub(crate) grace_ms: u64,
}

impl Default for Executors {
    fn default() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let cpus = u16::try_from(cpus).unwrap_or(u16::MAX / 4).min(u16::MAX / 4);
        Self {
            min: cpus,
            max: (4 * cpus).max(8),
            max_calls: 0,
            memory_bytes_max: 0,
            idle_timeout_ms: 60_000,
            grace_ms: 500,
        }
    }
}

/// What one layer says of them; the rest is what the layers below say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExecutorsGiven {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_calls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grace_ms: Option<u64>,
}

impl Executors {
    /// Puts a layer on top.
    pub(super) fn overlay(&mut self, given: &ExecutorsGiven) {
        fn over<T: Copy>(given: Option<T>, value: &mut T) {
            if let Some(given) = given {
                *value = given;
            }
        }
        over(given.max_calls, &mut self.max_calls);
        over(given.memory_bytes_max, &mut self.memory_bytes_max);
        over(given.idle_timeout_ms, &mut self.idle_timeout_ms);
        over(given.grace_ms, &mut self.grace_ms);
        over(given.min, &mut self.min);
        over(given.max, &mut self.max);
        // Each moves the other one along unless that is given as well.
        match (given.min, given.max) {
            (None, Some(max)) => self.min = self.min.min(max),
            (Some(min), None) => self.max = self.max.max(min),
            _ => {}
        }
    }

    /// No more than `max`, whatever any layer says.
    pub(super) fn bound(&mut self, max: u16) {
        (self.max, self.min) = (max, self.min.min(max));
    }
}

impl ExecutorsGiven {
    /// The key that is wrong, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        match (self.min, self.max) {
            (Some(0), _) => Err(("min", "must be at least 1".to_owned())),
            (_, Some(0)) => Err(("max", "must be at least 1".to_owned())),
            (Some(min), Some(max)) if max < min => {
                Err(("max", format!("executors.min is {min} and executors.max {max}")))
            }
            _ => Ok(()),
        }
    }
}
