//! Addresses seen before: objects and references for identity, classes for their plans. Every
//! address in it is of something held, so none can be used anew meanwhile.

const SLOTS_MIN: usize = 64;

#[derive(Clone, Copy, Default)]
struct Entry {
    address: usize,
    generation: u32,
    number: u32,
}

pub(super) struct Pointers {
    entries: Vec<Entry>,
    generation: u32,
    used: usize,
}

impl Default for Pointers {
    fn default() -> Self {
        Self { entries: vec![Entry::default(); SLOTS_MIN], generation: 1, used: 0 }
    }
}

impl Pointers {
    /// Forgets all addresses, in constant time.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.used == 0 {
            return;
        }
        self.used = 0;
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.entries.fill(Entry::default());
            self.generation = 1;
        }
    }

    /// Memory kept for the next encoding, in entries.
    pub(super) fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// The number the address has, or else `None`, and from now on it has `number`.
    #[inline]
    pub(super) fn find_or_add(&mut self, address: usize, number: u32) -> Option<u32> {
        let mask = self.entries.len() - 1;
        let mut slot = spread(address) & mask;
        loop {
            let entry = &mut self.entries[slot];
            if entry.generation != self.generation {
                *entry = Entry { address, generation: self.generation, number };
                break;
            }
            if entry.address == address {
                return Some(entry.number);
            }
            slot = (slot + 1) & mask;
        }
        self.used += 1;
        if self.used * 2 > self.entries.len() {
            self.grow();
        }
        None
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![Entry::default(); self.entries.len() * 4];
        let old = std::mem::replace(&mut self.entries, larger);
        self.used = 0;
        let generation = self.generation;
        for entry in old.into_iter().filter(|entry| entry.generation == generation) {
            self.find_or_add(entry.address, entry.number);
        }
    }
}

/// Addresses are multiples of eight, and close together.
fn spread(address: usize) -> usize {
    let product = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (product >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_first_number_through_growth() {
        let mut table = Pointers::default();
        for number in 0..1000_u32 {
            assert_eq!(table.find_or_add(0x1000 + number as usize * 8, number), None);
        }
        for number in 0..1000_u32 {
            assert_eq!(table.find_or_add(0x1000 + number as usize * 8, 7), Some(number));
        }
        table.clear();
        assert_eq!(table.find_or_add(0x1000, 3), None);
    }
}
