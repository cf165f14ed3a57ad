//! The cache of results in this process. Knows no PHP value and no worker: what is kept, and what counts
//! invalidations, is given to it.

mod entry;
mod guards;
mod random;
mod results;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use guards::Guards;
pub(crate) use results::{Counts, Fresh, Results};

/// What a caller asks of kept results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// None is good enough; the new one is kept.
    pub(crate) fresh: bool,
    /// None that is older.
    pub(crate) max_age_ms: Option<u64>,
}
