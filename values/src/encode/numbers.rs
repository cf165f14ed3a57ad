//! Packed arrays of only integers or only floats, as one run of equal width.

use super::Encoder;
use super::output::{put_count, put_varint};
use crate::engine::Slot;
use crate::engine::value::{FLOAT, INT};
use crate::tag;

/// Below this the head of a run takes more than it saves.
const INTS_MIN: usize = 8;
const FLOATS_MIN: usize = 3;

impl Encoder<'_> {
    /// Writes the run if the `count` values from `first` are one; returns whether they were.
    #[inline]
    pub(super) fn run(&mut self, first: Slot, count: usize) -> bool {
        match first.kind() {
            INT if count >= INTS_MIN => self.int_run(first, count),
            FLOAT if count >= FLOATS_MIN => self.float_run(first, count),
            _ => false,
        }
    }

    /// Integers are written as their distance from the least one, in the width the greatest needs.
    fn int_run(&mut self, first: Slot, count: usize) -> bool {
        // A different last one tells most mixed lists apart at once.
        if first.step(count - 1).kind() != INT {
            return false;
        }
        let (mut least, mut greatest) = (i64::MAX, i64::MIN);
        for position in 0..count {
            let slot = first.step(position);
            if slot.kind() != INT {
                return false;
            }
            let value = slot.int();
            least = least.min(value);
            greatest = greatest.max(value);
        }
        let values = (0..count).map(|position| first.step(position).int());
        let span = greatest.wrapping_sub(least).cast_unsigned();
        let distances = values.clone().map(|value| value.wrapping_sub(least).cast_unsigned());
        match span {
            0..=0xff => {
                self.int_head(tag::INTS_U8, count, least);
                self.extend(count, distances.map(|distance| [distance as u8]));
            }
            0x100..=0xffff => {
                self.int_head(tag::INTS_U16, count, least);
                self.extend(count, distances.map(|distance| (distance as u16).to_le_bytes()));
            }
            0x1_0000..=0xffff_ffff => {
                self.int_head(tag::INTS_U32, count, least);
                self.extend(count, distances.map(|distance| (distance as u32).to_le_bytes()));
            }
            _ => {
                self.out.push(tag::INTS_I64);
                put_count(self.out, count);
                self.extend(count, values.map(i64::to_le_bytes));
            }
        }
        true
    }

    fn int_head(&mut self, tag: u8, count: usize, least: i64) {
        self.out.push(tag);
        put_count(self.out, count);
        put_varint(self.out, zigzag(least));
    }

    fn float_run(&mut self, first: Slot, count: usize) -> bool {
        if (0..count).any(|position| first.step(position).kind() != FLOAT) {
            return false;
        }
        self.out.push(tag::FLOATS);
        put_count(self.out, count);
        let bits = (0..count).map(|position| first.step(position).float_bits());
        self.extend(count, bits.map(u64::to_le_bytes));
        true
    }

    /// Appends `count` numbers of equal width.
    #[inline]
    fn extend<const BYTES: usize>(
        &mut self,
        count: usize,
        numbers: impl Iterator<Item = [u8; BYTES]>,
    ) {
        let start = self.out.len();
        self.out.resize(start + count * BYTES, 0);
        let (targets, _) = self.out[start..].as_chunks_mut::<BYTES>();
        for (target, number) in targets.iter_mut().zip(numbers) {
            *target = number;
        }
    }
}

/// Small magnitudes of either sign become small numbers.
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}
