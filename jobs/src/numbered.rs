//! Values that have numbers of 32 bits, and are found by keys that they hold themselves: a key is in
//! memory once, and its place in the index costs five bytes.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use slab::Slab;
use std::hash::{BuildHasher, Hash, RandomState};

/// Most places that are kept for values to come while there are none.
const KEPT_MAX: usize = 4096;

pub(crate) trait Keyed {
    type Key: Hash + Eq;

    fn key(&self) -> &Self::Key;
}

#[derive(Debug)]
pub(crate) struct Numbered<T> {
    all: Slab<T>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { all: Slab::new(), numbers: HashTable::new(), hasher: RandomState::new() }
    }
}

impl<T: Keyed> Numbered<T> {
    pub(crate) fn find(&self, key: &T::Key) -> Option<u32> {
        let is_it = |number: &u32| self.get(*number).key() == key;
        self.numbers.find(self.hasher.hash_one(key), is_it).copied()
    }

    /// Takes the number of the value with this key, if there is one.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let (all, hasher) = (&mut self.all, &self.hasher);
        let hash = hasher.hash_one(value.key());
        let is_it = |number: &u32| all[*number as usize].key() == value.key();
        let hash_of = |number: &u32| hasher.hash_one(all[*number as usize].key());
        match self.numbers.entry(hash, is_it, hash_of) {
            Entry::Occupied(known) => {
                let number = *known.get();
                all[number as usize] = value;
                number
            }
            Entry::Vacant(vacant) => {
                let number = index(all.insert(value));
                vacant.insert(number);
                number
            }
        }
    }

    pub(crate) fn remove(&mut self, number: u32) -> T {
        let value = self.all.remove(number as usize);
        let hash = self.hasher.hash_one(value.key());
        if let Ok(known) = self.numbers.find_entry(hash, |other| *other == number) {
            known.remove();
        }
        // After a long backlog its room is given back.
        if self.all.is_empty() && self.all.capacity() > KEPT_MAX {
            (self.all, self.numbers) = (Slab::new(), HashTable::new());
        }
        value
    }

    pub(crate) fn get(&self, number: u32) -> &T {
        &self.all[number as usize]
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> &mut T {
        &mut self.all[number as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.all.iter().map(|(number, value)| (index(number), value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.all.iter_mut().map(|(number, value)| (index(number), value))
    }
}

/// Places in our tables are numbered in 32 bits.
pub(crate) fn index(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2^32 jobs fit into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Keyed for String {
        type Key = Self;

        fn key(&self) -> &Self {
            self
        }
    }

    #[test]
    fn what_is_gone_is_not_found_and_its_number_is_free() {
        let mut names: Numbered<String> = Numbered::default();
        let numbers: Vec<u32> = (0..100).map(|at| names.insert(format!("{at}"))).collect();
        assert_eq!(names.find(&"42".to_owned()), Some(numbers[42]));
        assert_eq!(names.remove(numbers[42]), "42");
        assert_eq!(names.find(&"42".to_owned()), None);
        assert_eq!(names.insert("again".to_owned()), numbers[42]);
        assert_eq!(names.insert("again".to_owned()), numbers[42]);
        assert_eq!((names.get(numbers[42]).as_str(), names.iter().count()), ("again", 100));
    }

    #[test]
    fn room_is_given_back() {
        let mut names: Numbered<String> = Numbered::default();
        let numbers: Vec<u32> = (0..10_000).map(|at| names.insert(format!("{at}"))).collect();
        for number in numbers {
            names.remove(number);
        }
        assert_eq!((names.all.capacity(), names.numbers.capacity()), (0, 0));
        let number = names.insert("again".to_owned());
        assert_eq!(names.find(&"again".to_owned()), Some(number));
    }
}
