//! What invalidates a result: counters of the host's board, as they stood before its call was sent.

/// Slots of the board with their counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guards(Box<[(u16, u64)]>);

impl Guards {
    pub(crate) fn new(counts: impl IntoIterator<Item = (u16, u64)>) -> Self {
        Self(counts.into_iter().collect())
    }

    /// Whether none has moved. `None` = it cannot be told, and so it may have.
    pub(super) fn hold(&self, count: impl Fn(u16) -> Option<u64>) -> bool {
        self.0.iter().all(|(slot, seen)| count(*slot) == Some(*seen))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val::<[(u16, u64)]>(&self.0)
    }
}
