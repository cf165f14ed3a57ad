//! Sorted items that are few, mostly: one of them costs no memory beside it, and some cost little.

use crate::order::Order;
use std::collections::VecDeque;

/// So many are some.
const SOME_MAX: usize = 64;

#[derive(Debug, Default)]
pub(crate) enum Places<T> {
    #[default]
    None,
    One(T),
    #[expect(clippy::box_collection, reason = "a quarter of the size, where there are very many")]
    Some(Box<VecDeque<T>>),
    Many(Box<Order<T>>),
}

impl<T: Copy + Ord> Places<T> {
    pub(crate) fn first(&self) -> Option<T> {
        match self {
            Self::None => None,
            Self::One(item) => Some(*item),
            Self::Some(items) => items.front().copied(),
            Self::Many(order) => order.first(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Some(items) => items.len(),
            Self::Many(order) => order.len(),
        }
    }

    pub(crate) fn insert(&mut self, item: T) {
        match self {
            Self::None => *self = Self::One(item),
            Self::One(other) if *other == item => {}
            Self::One(other) => {
                let both = [item.min(*other), item.max(*other)];
                *self = Self::Some(Box::new(VecDeque::from(both)));
            }
            Self::Some(items) => {
                if let Err(at) = items.binary_search(&item) {
                    items.insert(at, item);
                }
                if items.len() > SOME_MAX {
                    let mut order = Order::default();
                    for item in items.iter() {
                        order.insert(*item);
                    }
                    *self = Self::Many(Box::new(order));
                }
            }
            Self::Many(order) => {
                order.insert(item);
            }
        }
    }

    pub(crate) fn remove(&mut self, item: T) {
        match self {
            Self::One(other) if *other == item => *self = Self::None,
            Self::None | Self::One(_) => {}
            Self::Some(items) => {
                if let Ok(at) = items.binary_search(&item) {
                    items.remove(at);
                }
                if let (1, Some(last)) = (items.len(), items.front().copied()) {
                    *self = Self::One(last);
                }
            }
            Self::Many(order) => {
                order.remove(item);
                if order.len() == 0 {
                    *self = Self::None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn none_one_some_and_many() {
        let (mut places, mut set) = (Places::default(), BTreeSet::new());
        // In an order of their own, each twice, and the same on the way back.
        let items = (0..400u32).map(|at| (at / 2 * 37) % 101);
        for item in items.clone() {
            places.insert(item);
            set.insert(item);
            assert_eq!((places.first(), places.len()), (set.first().copied(), set.len()));
        }
        assert!(matches!(places, Places::Many(_)));
        for item in items {
            places.remove(item);
            set.remove(&item);
            assert_eq!((places.first(), places.len()), (set.first().copied(), set.len()));
        }
        assert!(matches!(places, Places::None));
        for item in [5, 7, 3, 3, 9] {
            places.insert(item);
        }
        for (item, len, first) in
            [(4, 4, Some(3)), (3, 3, Some(5)), (5, 2, Some(7)), (9, 1, Some(7))]
        {
            places.remove(item);
            assert_eq!((places.len(), places.first()), (len, first));
        }
        assert!(matches!(places, Places::One(7)));
    }
}
