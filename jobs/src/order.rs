//! A sorted set that is compact and quick at both ends, however long: in chunks, so that what is queued
//! last and what begins next are each in a few lines of cache.
//!
//! A [`std::collections::BTreeSet`] that grows at its end is half empty, 40 bytes for 16, and each of its
//! leaves of some six items is memory that nobody has touched for long when its turn comes.

use std::collections::{BTreeMap, VecDeque};

/// Most items of a chunk.
const CHUNK_MAX: usize = 64;
/// A chunk with fewer is joined with a neighbour, where both fill no more than half of one.
const CHUNK_MIN: usize = CHUNK_MAX / 4;

#[derive(Debug)]
pub(crate) struct Order<T> {
    /// By a lower bound of what is in each; none is empty.
    chunks: BTreeMap<T, VecDeque<T>>,
    len: usize,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { chunks: BTreeMap::new(), len: 0 }
    }
}

impl<T: Copy + Ord> Order<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn first(&self) -> Option<T> {
        self.chunks.first_key_value().and_then(|(_, chunk)| chunk.front()).copied()
    }

    pub(crate) fn pop_first(&mut self) -> Option<T> {
        let mut entry = self.chunks.first_entry()?;
        let first = entry.get_mut().pop_front()?;
        if entry.get().is_empty() {
            entry.remove();
        }
        self.len -= 1;
        Some(first)
    }

    /// `false` if it was there.
    pub(crate) fn insert(&mut self, item: T) -> bool {
        let Some((_, chunk)) = self.chunks.range_mut(..=item).next_back() else {
            return self.insert_first(item);
        };
        let Err(at) = chunk.binary_search(&item) else {
            return false;
        };
        self.len += 1;
        if chunk.len() < CHUNK_MAX {
            chunk.insert(at, item);
        } else if self.chunks.last_key_value().is_some_and(|(_, last)| last.back() < Some(&item)) {
            // What only grows at its end has chunks that are full.
            self.chunks.insert(item, VecDeque::from([item]));
        } else {
            self.split(at, item);
        }
        true
    }

    /// Makes two of a full chunk, and puts an item in its place.
    fn split(&mut self, at: usize, item: T) {
        let Some((_, chunk)) = self.chunks.range_mut(..=item).next_back() else {
            return;
        };
        let mut above = chunk.split_off(CHUNK_MAX / 2);
        match at.checked_sub(CHUNK_MAX / 2) {
            Some(in_above) if in_above > 0 => above.insert(in_above, item),
            _ => chunk.insert(at, item),
        }
        if let Some(bound) = above.front().copied() {
            self.chunks.insert(bound, above);
        }
    }

    /// Below everything that is there.
    fn insert_first(&mut self, item: T) -> bool {
        let room = self.chunks.first_entry().filter(|entry| entry.get().len() < CHUNK_MAX);
        let mut chunk = room.map(|entry| entry.remove()).unwrap_or_default();
        chunk.push_front(item);
        self.chunks.insert(item, chunk);
        self.len += 1;
        true
    }

    /// `false` if it was not there.
    pub(crate) fn remove(&mut self, item: T) -> bool {
        let Some((bound, chunk)) = self.chunks.range_mut(..=item).next_back() else {
            return false;
        };
        let (bound, Ok(at)) = (*bound, chunk.binary_search(&item)) else {
            return false;
        };
        chunk.remove(at);
        self.len -= 1;
        let left = chunk.len();
        if left < CHUNK_MIN {
            self.tidy(bound, left);
        }
        true
    }

    /// After a chunk lost an item, and has few.
    fn tidy(&mut self, bound: T, left: usize) {
        if left == 0 {
            self.chunks.remove(&bound);
            return;
        }
        // There is one first chunk: it is used up from its front, and not worth the effort.
        let Some((before, in_before)) = self.chunks.range(..bound).next_back() else {
            return;
        };
        let (before, in_before) = (*before, in_before.len());
        let after = self.chunks.range(bound..).nth(1).map(|(bound, chunk)| (*bound, chunk.len()));
        if in_before + left <= CHUNK_MAX / 2 {
            self.join(before, bound);
        } else if let Some((after, _)) = after.filter(|(_, len)| len + left <= CHUNK_MAX / 2) {
            self.join(bound, after);
        } else if let Some(chunk) = self.chunks.get_mut(&bound)
            && chunk.capacity() > 4 * left
        {
            chunk.shrink_to(2 * left);
        }
    }

    fn join(&mut self, bound: T, above: T) {
        if let Some(mut above) = self.chunks.remove(&above)
            && let Some(chunk) = self.chunks.get_mut(&bound)
        {
            chunk.append(&mut above);
            chunk.shrink_to(CHUNK_MAX / 2);
        }
    }

    #[cfg(test)]
    fn check(&self) {
        let mut last = None;
        for (bound, chunk) in &self.chunks {
            assert!(!chunk.is_empty() && chunk.len() <= CHUNK_MAX && *bound <= chunk[0]);
            assert!(last < Some(*bound), "chunks overlap");
            assert!(chunk.iter().is_sorted());
            last = chunk.back().copied();
        }
        assert_eq!(self.chunks.values().map(VecDeque::len).sum::<usize>(), self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert(u16),
        /// Behind all.
        Append,
        Remove(u16),
        PopFirst,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0u16..600).prop_map(Step::Insert),
            6 => Just(Step::Append),
            5 => (0u16..900).prop_map(Step::Remove),
            3 => Just(Step::PopFirst),
        ];
        prop::collection::vec(step, 0..2500)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_sorted_set(steps in steps()) {
            let (mut order, mut set) = (Order::default(), BTreeSet::new());
            for (at, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(item) => assert_eq!(order.insert(item), set.insert(item)),
                    Step::Append => {
                        let item = set.last().map_or(0, |last| last + 1);
                        assert_eq!(order.insert(item), set.insert(item));
                    }
                    Step::Remove(item) => assert_eq!(order.remove(item), set.remove(&item)),
                    Step::PopFirst => assert_eq!(order.pop_first(), set.pop_first()),
                }
                assert_eq!((order.first(), order.len()), (set.first().copied(), set.len()));
                if at % 32 == 0 {
                    order.check();
                }
            }
            while let Some(first) = set.pop_first() {
                assert_eq!(order.pop_first(), Some(first));
            }
            assert_eq!(order.pop_first(), None);
        }
    }

    #[test]
    fn nothing_is_wasted_whatever_is_taken_out() {
        let mut order = Order::default();
        for item in 0..100_000u32 {
            order.insert(item);
        }
        assert!(order.chunks.len() <= 100_000 / CHUNK_MAX + 1, "full when they grow at the end");
        for item in (0..100_000).filter(|item| item % 32 != 0) {
            order.remove(item);
        }
        let places: usize = order.chunks.values().map(VecDeque::capacity).sum();
        assert!(places <= 4 * order.len() + CHUNK_MAX, "{places} for {}", order.len());
        assert!(order.chunks.len() <= order.len() / 8, "{} of {}", order.chunks.len(), order.len());
        order.check();
    }
}
