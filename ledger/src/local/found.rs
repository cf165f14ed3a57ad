//! What is found in the files of a log.

use super::record::{self, ALIGNED, Key};
use crate::{Change, Error};
use std::ops::Range;

/// What the two files had when they were opened, beyond what has been moved: commits in order.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Of the file whose turn was before.
    pub(super) frozen: Vec<Vec<Change>>,
    pub(super) active: Vec<Vec<Change>>,
}

/// Records from the start of a file, each with the number after that of the one before.
pub(super) struct Records<'a> {
    /// Changes by number, of commits that were not moved.
    pub(super) live: Vec<(u64, &'a [u8])>,
    /// Where the last record is.
    pub(super) last: Option<Range<usize>>,
    /// Where the next record goes; the start, where nothing is live.
    pub(super) end: u64,
}

impl<'a> Records<'a> {
    pub(super) fn of(content: &'a [u8], key: &Key, moved: u64) -> Self {
        let mut all = Vec::new();
        let (mut last, mut end) = (None, 0);
        while let Some((number, changes, bytes)) =
            record::decode(key, &content[end.min(content.len())..])
        {
            if all.last().is_some_and(|(last, _)| number != last + 1) {
                break;
            }
            all.push((number, changes));
            last = Some(end..end + record::HEADER_BYTES + changes.len());
            end += bytes;
        }
        all.retain(|(number, _)| *number > moved);
        match all.is_empty() {
            true => Self { live: all, last: None, end: 0 },
            false => Self { live: all, last, end: end as u64 },
        }
    }

    pub(super) fn last_or(&self, moved: u64) -> u64 {
        self.live.last().map_or(moved, |(number, _)| *number)
    }

    /// Whether its first one is the next after `number`.
    pub(super) fn begins_behind(&self, number: u64) -> bool {
        self.live.first().is_none_or(|(first, _)| *first == number + 1)
    }

    pub(super) fn changes(&self) -> Result<Vec<Vec<Change>>, Error> {
        let changes = |(number, bytes): &(u64, &[u8])| {
            let message = || format!("commit {number} in its log is not to be understood");
            record::changes(bytes).ok_or_else(|| Error::Corrupt { message: message() })
        };
        self.live.iter().map(changes).collect()
    }
}

/// Whether there is a commit behind `number` although the one that follows it is not there. Each is on
/// disk before the next is written: then a part of the log was lost.
pub(super) fn goes_on(contents: &[Vec<u8>; 2], key: &Key, number: u64) -> bool {
    let is_later =
        |bytes: &[u8]| record::decode(key, bytes).is_some_and(|(found, ..)| found > number + 1);
    contents.iter().any(|content| {
        (0..content.len()).step_by(ALIGNED).any(|offset| is_later(&content[offset..]))
    })
}
