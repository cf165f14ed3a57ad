//! A store of limited size that keeps what is asked for again: S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak:
//! "FIFO queues are all you need for cache eviction", SOSP 2023).
//!
//! What is new goes through a small queue, and into the main one only if it was asked for meanwhile; what
//! comes back soon after it fell out of the small queue goes to the main one at once. So a scan of many
//! keys that are asked for once washes nothing out.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;

/// The small queue's part of the whole, as a divisor.
const SMALL_PART: usize = 10;
/// What an item takes beside its value, its two keys and its slot: its places in a queue and in the index
/// with their spare room, what is remembered of it when it is gone, and malloc's own share of all.
const ITEM_BYTES: usize = 200;
/// Uses beyond so many count no more.
const USES_MAX: u8 = 3;
/// Keys that fell out and are remembered by their hashes: as many as there are items, and some.
const GHOSTS_LEAST: usize = 1024;
/// Places of items that are gone are given up when there are as many as items, and so many.
const STALE_LEAST: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Store<V> {
    bytes_max: usize,
    bytes: usize,
    small_bytes: usize,
    index: HashMap<Box<[u8]>, usize>,
    slots: Vec<Option<Slot<V>>>,
    free: Vec<usize>,
    small: VecDeque<Ticket>,
    main: VecDeque<Ticket>,
    ghosts: VecDeque<u64>,
    is_ghost: HashSet<u64>,
    hasher: RandomState,
    /// Of the slot that was filled last.
    stamp: u64,
}

#[derive(Debug)]
struct Slot<V> {
    key: Box<[u8]>,
    value: V,
    bytes: usize,
    uses: u8,
    in_small: bool,
    stamp: u64,
}

/// A place in a queue: of the item that a slot had when its stamp was this one.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    slot: usize,
    stamp: u64,
}

impl<V> Store<V> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            small_bytes: 0,
            index: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            ghosts: VecDeque::new(),
            is_ghost: HashSet::new(),
            hasher: RandomState::new(),
            stamp: 0,
        }
    }

    /// Slots stand in a vector that doubles.
    const fn item_bytes() -> usize {
        2 * size_of::<Option<Slot<V>>>() + ITEM_BYTES
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// What all items take, keys and bookkeeping included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// From now on all items may take so much.
    pub(crate) fn limit(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// Counts as a use if it is found to be `good`.
    pub(crate) fn get(&mut self, key: &[u8], good: impl FnOnce(&mut V) -> bool) -> Option<&V> {
        let slot = self.slots[*self.index.get(key)?].as_mut()?;
        if !good(&mut slot.value) {
            return None;
        }
        slot.uses = (slot.uses + 1).min(USES_MAX);
        Some(&slot.value)
    }

    /// As [`Self::get`], without counting.
    pub(crate) fn peek(&self, key: &[u8]) -> Option<&V> {
        let slot = self.slots[*self.index.get(key)?].as_ref()?;
        Some(&slot.value)
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let index = self.index.remove(key)?;
        self.vacate(index).map(|slot| slot.value)
    }

    /// Takes the place of what the key had. `dropped` gets that, and everything that has to go; the value
    /// itself when it is larger than all that there may be. Whether it was kept.
    pub(crate) fn insert(
        &mut self,
        key: &[u8],
        value: V,
        value_bytes: usize,
        dropped: &mut dyn FnMut(V),
    ) -> bool {
        if let Some(old) = self.remove(key) {
            dropped(old);
        }
        let bytes = value_bytes.saturating_add(key.len() * 2).saturating_add(Self::item_bytes());
        if bytes > self.bytes_max {
            dropped(value);
            return false;
        }
        while self.bytes + bytes > self.bytes_max {
            if !self.evict(dropped) {
                break;
            }
        }
        let in_small = !self.is_ghost.remove(&self.hasher.hash_one(key));
        self.fill(key, value, bytes, in_small);
        true
    }

    /// Everything goes.
    pub(crate) fn clear(&mut self, dropped: &mut dyn FnMut(V)) {
        self.slots.drain(..).flatten().for_each(|slot| dropped(slot.value));
        *self = Self::new(self.bytes_max);
    }

    fn fill(&mut self, key: &[u8], value: V, bytes: usize, in_small: bool) {
        self.stamp += 1;
        let stamp = self.stamp;
        let slot = Slot { key: key.into(), value, bytes, uses: 0, in_small, stamp };
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        self.slots[index] = Some(slot);
        self.index.insert(key.into(), index);
        self.bytes += bytes;
        let ticket = Ticket { slot: index, stamp };
        if in_small {
            self.small_bytes += bytes;
            self.small.push_back(ticket);
        } else {
            self.main.push_back(ticket);
        }
        self.give_places_up();
    }

    fn give_places_up(&mut self) {
        if self.small.len() + self.main.len() <= 2 * self.index.len() + STALE_LEAST {
            return;
        }
        let slots = &self.slots;
        let is_taken = |ticket: &Ticket| {
            slots[ticket.slot].as_ref().is_some_and(|slot| slot.stamp == ticket.stamp)
        };
        self.small.retain(is_taken);
        self.main.retain(is_taken);
    }

    /// The item that is to be left out of the index already.
    fn vacate(&mut self, index: usize) -> Option<Slot<V>> {
        let slot = self.slots[index].take()?;
        self.free.push(index);
        self.bytes -= slot.bytes;
        if slot.in_small {
            self.small_bytes -= slot.bytes;
        }
        Some(slot)
    }

    /// Makes room by one item, or finds that there is none.
    fn evict(&mut self, dropped: &mut dyn FnMut(V)) -> bool {
        loop {
            let small_is_full = self.small_bytes > self.bytes_max / SMALL_PART;
            let from_small = small_is_full || self.main.is_empty();
            let queue = if from_small { &mut self.small } else { &mut self.main };
            let Some(ticket) = queue.pop_front() else {
                // The main queue had nothing but places of what is gone.
                if self.small.is_empty() && self.main.is_empty() {
                    return false;
                }
                continue;
            };
            let small_bytes = &mut self.small_bytes;
            let held = self.slots[ticket.slot].as_mut().filter(|slot| slot.stamp == ticket.stamp);
            let Some(slot) = held else {
                continue;
            };
            match (from_small, slot.uses) {
                (true, 2..) => {
                    (slot.uses, slot.in_small) = (0, false);
                    *small_bytes -= slot.bytes;
                    self.main.push_back(ticket);
                }
                (false, 1..) => {
                    slot.uses -= 1;
                    self.main.push_back(ticket);
                }
                _ => {
                    let Some(slot) = self.vacate(ticket.slot) else { continue };
                    self.index.remove(&slot.key);
                    if from_small {
                        self.remember(&slot.key);
                    }
                    dropped(slot.value);
                    return true;
                }
            }
        }
    }

    fn remember(&mut self, key: &[u8]) {
        let hash = self.hasher.hash_one(key);
        if self.is_ghost.insert(hash) {
            self.ghosts.push_back(hash);
        }
        while self.ghosts.len() > self.index.len().max(GHOSTS_LEAST) {
            if let Some(oldest) = self.ghosts.pop_front() {
                self.is_ghost.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for about so many items of 100 bytes with keys of 8.
    fn room(items: usize) -> usize {
        items * (100 + 16 + Store::<u64>::item_bytes())
    }

    fn put(store: &mut Store<u64>, number: u64) -> Vec<u64> {
        let mut dropped = Vec::new();
        store.insert(&number.to_be_bytes(), number, 100, &mut |value| dropped.push(value));
        dropped
    }

    #[test]
    fn what_is_kept_is_found_and_what_is_removed_is_not() {
        let mut store = Store::new(room(10));
        assert!(put(&mut store, 1).is_empty());
        assert_eq!(store.get(&1_u64.to_be_bytes(), |_| true), Some(&1));
        assert_eq!(put(&mut store, 1), [1]);
        assert_eq!((store.len(), store.remove(&1_u64.to_be_bytes())), (1, Some(1)));
        assert_eq!(
            (store.len(), store.bytes(), store.get(&1_u64.to_be_bytes(), |_| true)),
            (0, 0, None)
        );
    }

    #[test]
    fn it_never_takes_more_than_it_may() {
        let mut store = Store::new(room(50));
        let mut dropped = 0;
        for number in 0..10_000 {
            dropped += put(&mut store, number % 977).len();
            if number % 3 == 0 {
                store.get(&(number % 50).to_be_bytes(), |_| true);
            }
            if number % 7 == 0 && store.remove(&(number % 977).to_be_bytes()).is_some() {
                dropped += 1;
            }
            assert!(store.bytes() <= room(50), "{} bytes", store.bytes());
            assert_eq!(dropped + store.len(), number as usize + 1, "none is lost, none kept twice");
        }
        store.clear(&mut |_| dropped += 1);
        assert_eq!((dropped, store.len(), store.bytes()), (10_000, 0, 0));
    }

    #[test]
    fn what_is_larger_than_everything_is_not_kept() {
        let mut store = Store::new(2000);
        let mut dropped = Vec::new();
        assert!(!store.insert(b"key", 7, 5000, &mut |value| dropped.push(value)));
        assert_eq!((dropped, store.len()), (vec![7], 0));
    }

    #[test]
    fn a_scan_washes_nothing_out_that_is_in_use() {
        let mut store = Store::new(room(100));
        let hot: Vec<u64> = (0..50).collect();
        for _ in 0..3 {
            for number in &hot {
                if store.get(&number.to_be_bytes(), |_| true).is_none() {
                    put(&mut store, *number);
                }
            }
        }
        for cold in 1000..6000 {
            put(&mut store, cold);
            // Each is asked for once in a hundred.
            store.get(&hot[cold as usize % 50].to_be_bytes(), |_| true);
        }
        let kept = hot
            .iter()
            .filter(|number| store.get(&number.to_be_bytes(), |_| true).is_some())
            .count();
        assert_eq!(kept, 50);
    }

    #[test]
    fn what_comes_back_soon_is_kept_longer() {
        let mut store = Store::new(room(20));
        put(&mut store, 1);
        for cold in 100..140 {
            put(&mut store, cold);
        }
        assert_eq!(store.get(&1_u64.to_be_bytes(), |_| true), None);
        put(&mut store, 1);
        for cold in 200..240 {
            put(&mut store, cold);
        }
        assert_eq!(store.get(&1_u64.to_be_bytes(), |_| true), Some(&1));
    }

    #[test]
    fn places_of_what_was_removed_are_given_up() {
        let mut store = Store::new(room(20));
        for number in 0..100_000_u64 {
            put(&mut store, number % 5);
            store.remove(&(number % 5).to_be_bytes());
        }
        assert!(store.small.len() < 200, "{} places", store.small.len());
        assert!(store.slots.len() < 20);
    }
}
