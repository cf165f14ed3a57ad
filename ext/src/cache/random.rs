//! Chances; xorshift64* (Vigna 2016). Nothing depends on their being hard to guess.

use std::hash::{BuildHasher, Hasher, RandomState};

#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Different in each process, also in one that was forked before it was made.
    pub(super) fn new() -> Self {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        Self(hasher.finish() | 1)
    }

    /// From here on two that were alike differ if these do.
    pub(super) fn stir(&mut self, with: u32) {
        self.0 = (self.0 ^ u64::from(with).wrapping_mul(0x9e37_79b9_7f4a_7c15)).max(1);
    }

    /// Above 0, and at most 1.
    pub(super) fn chance(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        (bits + 1) as f64 / (1_u64 << 53) as f64
    }
}
