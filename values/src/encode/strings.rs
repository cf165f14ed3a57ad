//! Strings written before, so that a repeated one becomes a reference.
//!
//! An open-addressing table over the *output*: an entry is the place of the bytes that were written,
//! never a pointer to a PHP string, so it cannot dangle however user code behaves meanwhile.

/// Entries looked at before giving up. The cost of strings made to collide stays bounded; what is
/// lost is a reference.
const PROBES_MAX: usize = 8;
const SLOTS_MIN: usize = 64;
/// Bytes in the middle of a long string that are left out of its hash.
const HASHED_BYTES_MAX: usize = 128;

#[derive(Clone, Copy, Default)]
struct Entry {
    /// The entry counts only if this is the table's.
    generation: u32,
    hash: u32,
    offset: u32,
    length: u32,
    number: u32,
}

pub(super) struct Strings {
    entries: Vec<Entry>,
    generation: u32,
    used: usize,
    next: u32,
}

impl Default for Strings {
    fn default() -> Self {
        Self { entries: vec![Entry::default(); SLOTS_MIN], generation: 1, used: 0, next: 0 }
    }
}

impl Strings {
    /// Forgets all strings, in constant time.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.next == 0 {
            return;
        }
        self.used = 0;
        self.next = 0;
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.entries.fill(Entry::default());
            self.generation = 1;
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// Memory kept for the next encoding, in entries.
    pub(super) fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// The number of an equal string already in `out`; else gives the string the next number, and
    /// takes it to be written at `offset`.
    #[inline]
    pub(super) fn find_or_add(&mut self, bytes: &[u8], out: &[u8], offset: usize) -> Option<u32> {
        let hash = hash(bytes);
        let mask = self.entries.len() - 1;
        let mut free = None;
        for probe in 0..PROBES_MAX {
            let slot = (hash as usize).wrapping_add(probe) & mask;
            let entry = &self.entries[slot];
            if entry.generation != self.generation {
                free = Some(slot);
                break;
            }
            if entry.hash == hash && entry.length as usize == bytes.len() {
                let start = entry.offset as usize;
                if out.get(start..start + bytes.len()).is_some_and(|known| same(known, bytes)) {
                    return Some(entry.number);
                }
            }
        }
        self.add(free, hash, offset, bytes.len());
        None
    }

    /// Gives a string that is not there the next number.
    #[inline]
    pub(super) fn add_new(&mut self, hash: u32, offset: usize, length: usize) {
        let mask = self.entries.len() - 1;
        let free = (0..PROBES_MAX)
            .map(|probe| (hash as usize).wrapping_add(probe) & mask)
            .find(|slot| self.entries[*slot].generation != self.generation);
        self.add(free, hash, offset, length);
    }

    #[inline]
    fn add(&mut self, free: Option<usize>, hash: u32, offset: usize, length: usize) {
        let number = self.next;
        self.next += 1;
        // Offsets and lengths fit: Limits bounds the output to 4 GiB.
        let (Some(slot), Ok(offset), Ok(length)) =
            (free, u32::try_from(offset), u32::try_from(length))
        else {
            return;
        };
        self.entries[slot] = Entry { generation: self.generation, hash, offset, length, number };
        self.used += 1;
        if self.used * 2 > self.entries.len() {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![Entry::default(); self.entries.len() * 4];
        let old = std::mem::replace(&mut self.entries, larger);
        let mask = self.entries.len() - 1;
        for entry in old.into_iter().filter(|entry| entry.generation == self.generation) {
            let free = (0..PROBES_MAX)
                .map(|probe| (entry.hash as usize).wrapping_add(probe) & mask)
                .find(|slot| self.entries[*slot].generation != self.generation);
            if let Some(slot) = free {
                self.entries[slot] = entry;
            }
        }
    }
}

/// Whether two strings are equal, without a call for the short ones that most are.
#[inline]
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        length @ 8..=16 => {
            word(one, 0) == word(other, 0) && word(one, length - 8) == word(other, length - 8)
        }
        length @ 4..8 => {
            half(one, 0) == half(other, 0) && half(one, length - 4) == half(other, length - 4)
        }
        0..4 => one.iter().eq(other),
        _ => one == other,
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn half(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u64::from(u32::from_le_bytes(word))
}

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    let bytes = product.to_le_bytes();
    word(&bytes, 0) ^ word(&bytes, 8)
}

/// A multiply-and-fold hash; every byte counts up to [`HASHED_BYTES_MAX`].
#[inline]
pub(super) fn hash(bytes: &[u8]) -> u32 {
    let length = bytes.len();
    let mixed = if length > 16 {
        let mut state = length as u64;
        let mut at = 0;
        while at + 16 < length && at < HASHED_BYTES_MAX {
            state = mix(word(bytes, at) ^ state, word(bytes, at + 8));
            at += 16;
        }
        mix(word(bytes, length - 16) ^ state, word(bytes, length - 8))
    } else if length >= 8 {
        mix(word(bytes, 0) ^ length as u64, word(bytes, length - 8))
    } else if length >= 4 {
        mix(half(bytes, 0) ^ length as u64, half(bytes, length - 4))
    } else {
        let low = bytes.iter().fold(0, |low, byte| low << 8 | u64::from(*byte));
        mix(low, length as u64)
    };
    (mixed >> 32) as u32 ^ mixed as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes each string as the encoder would, and returns the numbers found.
    fn numbers(table: &mut Strings, strings: &[&[u8]]) -> Vec<Option<u32>> {
        let mut out = Vec::new();
        let mut found = Vec::new();
        for string in strings {
            let number = table.find_or_add(string, &out, out.len());
            if number.is_none() {
                out.extend_from_slice(string);
            }
            found.push(number);
        }
        found
    }

    #[test]
    fn a_repeated_string_has_the_number_of_the_first() {
        let mut table = Strings::default();
        let found = numbers(&mut table, &[b"alpha", b"beta", b"alpha", b"gamma", b"beta"]);
        assert_eq!(found, [None, None, Some(0), None, Some(1)]);
    }

    #[test]
    fn nothing_is_remembered_after_clear() {
        let mut table = Strings::default();
        numbers(&mut table, &[b"alpha"]);
        table.clear();
        assert_eq!(numbers(&mut table, &[b"alpha", b"alpha"]), [None, Some(0)]);
    }

    #[test]
    fn growing_keeps_numbers() {
        let mut table = Strings::default();
        let strings: Vec<String> = (0..5000).map(|number| format!("string {number}")).collect();
        let twice: Vec<&[u8]> =
            strings.iter().chain(&strings).map(|string| string.as_bytes()).collect();
        let found = numbers(&mut table, &twice);
        let hits = found[5000..].iter().flatten().count();
        assert!(hits > 4900, "{hits} of 5000 found again");
        for (expected, number) in found[5000..].iter().enumerate() {
            assert!(number.is_none_or(|number| number as usize == expected));
        }
    }
}
