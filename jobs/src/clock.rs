//! Time as the engine is told it.

use serde::{Deserialize, Serialize};

/// One moment on two clocks. The wall clock can jump; pauses are counted by the steady one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970.
    pub wall_ms: u64,
    /// Milliseconds since any fixed moment of this process.
    pub steady_ms: u64,
}

/// The end of a pause, so that it can be stored: by the wall clock, with the pause's length, beyond
/// which no jump of the clock can lengthen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub ends_ms: u64,
    pub length_ms: u64,
}

impl Pause {
    pub fn of(length_ms: u64, now: Now) -> Self {
        Self { ends_ms: now.wall_ms.saturating_add(length_ms), length_ms }
    }

    /// When it ends by the steady clock of the process that read it from the disk.
    pub fn ends_steady_ms(self, now: Now) -> u64 {
        let left = self.ends_ms.saturating_sub(now.wall_ms).min(self.length_ms);
        now.steady_ms.saturating_add(left)
    }
}

/// When a job may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Due {
    #[default]
    Now,
    After(Pause),
    /// Milliseconds since 1970, whatever the clock did meanwhile.
    At(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_back_lengthens_no_stored_pause() {
        let pause = Pause::of(5_000, Now { wall_ms: 9_000_000, steady_ms: 0 });
        let hour_back = Now { wall_ms: 5_400_000, steady_ms: 7 };
        assert_eq!(pause.ends_steady_ms(hour_back), 5_007);
        let later = Now { wall_ms: 9_004_000, steady_ms: 7 };
        assert_eq!(pause.ends_steady_ms(later), 1_007);
        let hour_on = Now { wall_ms: 12_600_000, steady_ms: 7 };
        assert_eq!(pause.ends_steady_ms(hour_on), 7);
    }
}
