//! What is to happen when: one moment for each number, and which is next.

use crate::order::Order;
use std::collections::HashMap;

/// Moments of one clock, in milliseconds. Each can be taken back, so that nothing is held for what is over.
#[derive(Debug)]
pub(crate) struct Deadlines<T> {
    by_time: Order<(u64, u64)>,
    of: HashMap<u64, (u64, T)>,
}

impl<T> Default for Deadlines<T> {
    fn default() -> Self {
        Self { by_time: Order::default(), of: HashMap::new() }
    }
}

impl<T> Deadlines<T> {
    /// Takes the place of the moment that the number had.
    pub(crate) fn set(&mut self, number: u64, at_ms: u64, what: T) {
        if let Some((before, _)) = self.of.insert(number, (at_ms, what)) {
            self.by_time.remove((before, number));
        }
        self.by_time.insert((at_ms, number));
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let (at, what) = self.of.remove(&number)?;
        self.by_time.remove((at, number));
        Some(what)
    }

    /// The first one that is due by now.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<(u64, T)> {
        self.next_ms().filter(|at| *at <= now_ms)?;
        self.pop_first()
    }

    pub(crate) fn pop_first(&mut self) -> Option<(u64, T)> {
        let (_, number) = self.by_time.pop_first()?;
        self.of.remove(&number).map(|(_, what)| (number, what))
    }

    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.by_time.first().map(|(at, _)| at)
    }

    pub(crate) fn at(&self, number: u64) -> Option<u64> {
        self.of.get(&number).map(|(at, _)| *at)
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.of.get(&number).map(|(_, what)| what)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_moment() {
        let mut deadlines = Deadlines::default();
        deadlines.set(7, 100, 'a');
        deadlines.set(8, 50, 'b');
        deadlines.set(7, 20, 'c');
        assert_eq!(
            (deadlines.len(), deadlines.next_ms(), deadlines.at(7)),
            (2, Some(20), Some(20))
        );
        assert_eq!(deadlines.pop_due(19), None);
        assert_eq!(deadlines.pop_due(20), Some((7, 'c')));
        assert_eq!(deadlines.pop_due(49), None);
        assert_eq!(deadlines.remove(8), Some('b'));
        assert_eq!(deadlines.remove(8), None);
        assert_eq!(deadlines.next_ms(), None);
    }
}
