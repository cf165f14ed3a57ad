//! Which signed releases a worker accepts.

use crate::content::ContentId;
use crate::envelope::Header;
use crate::rejected::Rejected;
use protocol::AppName;

/// What a worker demands of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub app: AppName,
    /// The release with the highest number that was ever accepted; it must survive restarts.
    pub highest: Option<Accepted>,
    /// How long ago it may have been signed.
    pub max_age_ms: u64,
    /// How far the deployer's clock may be ahead.
    pub skew_ms: u64,
    /// Largest archive, in bytes.
    pub payload_bytes_max: u64,
}

/// A release that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub number: u64,
    pub content: ContentId,
}

impl Policy {
    /// Judges a header whose signature is good; `now_ms` is in milliseconds since 1970.
    pub fn judge(&self, header: &Header, now_ms: u64) -> Result<(), Rejected> {
        if header.app != self.app {
            let (expected, found) = (self.app.clone(), header.app.clone());
            return Err(Rejected::OtherApp { expected, found });
        }
        self.highest.map_or(Ok(()), |highest| judge_number(header, highest))?;
        let age_ms = now_ms.saturating_sub(header.signed_at_ms);
        if age_ms > self.max_age_ms {
            return Err(Rejected::TooOld { age_ms, max_ms: self.max_age_ms });
        }
        let ahead_ms = header.signed_at_ms.saturating_sub(now_ms);
        if ahead_ms > self.skew_ms {
            return Err(Rejected::FromTheFuture { ahead_ms, max_ms: self.skew_ms });
        }
        let (bytes, max) = (header.payload_bytes, self.payload_bytes_max);
        if bytes > max { Err(Rejected::PayloadTooLarge { bytes, max }) } else { Ok(()) }
    }
}

fn judge_number(header: &Header, highest: Accepted) -> Result<(), Rejected> {
    let (number, highest_number) = (header.number, highest.number);
    match number.cmp(&highest_number) {
        std::cmp::Ordering::Greater => Ok(()),
        std::cmp::Ordering::Less => Err(Rejected::Older { number, highest: highest_number }),
        std::cmp::Ordering::Equal if header.content == highest.content => {
            Err(Rejected::AlreadyHere { number })
        }
        std::cmp::Ordering::Equal => Err(Rejected::Replayed { number, highest: highest_number }),
    }
}
