//! Entries as they are read.

use crate::{Error, Misuse};

/// The highest state that an entry can have.
pub const STATE_MAX: u8 = 63;

/// An entry without its body, as a scan shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    pub seq: u64,
    pub state: u8,
    pub head: &'a [u8],
}

/// A whole entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub state: u8,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    /// `None` until an update gave one.
    pub tail: Option<Vec<u8>>,
}

/// A set of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct States(u64);

impl States {
    pub const ALL: Self = Self(u64::MAX);
    pub const NONE: Self = Self(0);

    /// The set of these. States above [`STATE_MAX`] do not exist and are left out.
    pub const fn of(states: &[u8]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < states.len() {
            if states[index] <= STATE_MAX {
                bits |= 1 << states[index];
            }
            index += 1;
        }
        Self(bits)
    }

    pub const fn contains(self, state: u8) -> bool {
        state <= STATE_MAX && self.0 & (1 << state) != 0
    }
}

pub(crate) fn checked_state(state: u8) -> Result<u8, Error> {
    if state > STATE_MAX {
        return Err(Misuse::State { state }.into());
    }
    Ok(state)
}
