//! Names of jobs: UUIDs of version 7 that tell who keeps the job, and where.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Bits of an id that hold the job's place in its ledger.
const SEQ_BITS: u32 = 40;
/// Bits drawn at random, so that ids are not guessed by counting.
const SALT_BITS: u32 = 22;

/// A UUID of version 7 (RFC 9562): milliseconds since 1970 in 48 bits, the ledger's tag in the 12 bits
/// of `rand_a`, and in the 62 bits of `rand_b` 22 random ones and the job's number in its ledger. So a
/// worker finds the job without an index, and a client the worker without a broker.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId([u8; 16]);

/// A text that is no id of a job.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is not the id of a job: those look like 01932c07-209c-7a4f-8e3f-5c1d00000001")]
pub struct InvalidJobId(pub String);

impl JobId {
    /// What does not fit is cut: 48 bits of `at_ms`, 12 of `tag`, 22 of `salt`, 40 of `seq`.
    pub fn new(at_ms: u64, tag: u16, salt: u32, seq: u64) -> Self {
        let rand_b = (u64::from(salt) & low(SALT_BITS)) << SEQ_BITS | seq & low(SEQ_BITS);
        let high = (at_ms & low(48)) << 16 | 7 << 12 | u64::from(tag) & low(12);
        Self((u128::from(high) << 64 | u128::from(2 << 62 | rand_b)).to_be_bytes())
    }

    /// When it was made, in milliseconds since 1970, by the clock of the worker.
    pub fn at_ms(self) -> u64 {
        self.high() >> 16
    }

    /// Tag of the ledger that keeps the job.
    pub fn tag(self) -> u16 {
        u16::try_from(self.high() & low(12)).expect("12 bits")
    }

    pub fn salt(self) -> u32 {
        u32::try_from(self.low() >> SEQ_BITS & low(SALT_BITS)).expect("22 bits")
    }

    /// The job's number in its ledger.
    pub fn seq(self) -> u64 {
        self.low() & low(SEQ_BITS)
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn high(self) -> u64 {
        u64::from_be_bytes(*self.0.first_chunk().expect("16 bytes"))
    }

    fn low(self) -> u64 {
        u64::from_be_bytes(*self.0.last_chunk().expect("16 bytes"))
    }
}

const fn low(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low_half) = (self.high(), self.low());
        let (time, version) = (high >> 16, high & low(16));
        let (variant, node) = (low_half >> 48, low_half & low(48));
        write!(
            f,
            "{:08x}-{:04x}-{version:04x}-{variant:04x}-{node:012x}",
            time >> 16,
            time & low(16)
        )
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for JobId {
    type Err = InvalidJobId;

    fn from_str(text: &str) -> Result<Self, InvalidJobId> {
        let invalid = || InvalidJobId(text.chars().take(64).collect());
        let dashes_at = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        let well_formed = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match dashes_at(at) {
                true => byte == b'-',
                false => byte.is_ascii_hexdigit(),
            });
        if !well_formed {
            return Err(invalid());
        }
        let digits = text.replace('-', "");
        let id = Self(u128::from_str_radix(&digits, 16).map_err(|_| invalid())?.to_be_bytes());
        let is_ours = id.high() >> 12 & low(4) == 7 && id.low() >> 62 == 2;
        is_ours.then_some(id).ok_or_else(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_as_a_uuid_of_version_7() {
        let id = JobId::new(0x0193_2c07_209c, 0xa4f, 0x3f_ffff, 1);
        assert_eq!(id.to_string(), "01932c07-209c-7a4f-bfff-ff0000000001");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn refuses_what_is_no_job() {
        for text in [
            "",
            "01932c07-209c-4a4f-bfff-ff0000000001",
            "01932c07-209c-7a4f-7fff-ff0000000001",
            "01932c07209c7a4fbfffff0000000001",
            "01932c07-209c-7a4f-bfff-ff000000000g",
        ] {
            assert_eq!(text.parse::<JobId>(), Err(InvalidJobId(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn gives_back_its_parts(at in 0u64..1 << 48, tag in 0u16..1 << 12, salt in 0u32..1 << 22,
            seq in 0u64..1 << 40) {
            let id = JobId::new(at, tag, salt, seq);
            prop_assert_eq!((id.at_ms(), id.tag(), id.salt(), id.seq()), (at, tag, salt, seq));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
