//! Small damage to valid inputs: what a decoder of lengths and tags is most likely to get wrong.

use crate::random::Random;

/// Longest input, in bytes: longer ones find nothing more and take longer.
const INPUT_BYTES_MAX: usize = 4096;
/// Most changes to one input.
const CHANGES_MAX: usize = 6;
/// Numbers at which decoders go wrong, as bytes: limits of widths, little-endian and as varint.
const EDGES: [&[u8]; 10] = [
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x00\x00\x00\x00\x00\x00\x00\x80",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00",
    b"\xff\xff",
];

/// A changed copy of `input`; `other` lends parts.
pub(crate) fn mutate(random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(CHANGES_MAX) {
        change(random, &mut bytes, other);
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len());
    match random.below(9) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        1 if !bytes.is_empty() => bytes[at] = random.byte(),
        2 if !bytes.is_empty() => bytes[at] = bytes[at].wrapping_add(1),
        3 => bytes.truncate(at),
        4 => bytes.insert(at, random.byte()),
        5 => overwrite(bytes, at, EDGES[random.below(EDGES.len())]),
        6 => {
            let end = at + random.below(bytes.len() - at + 1);
            bytes.drain(at..end);
        }
        7 => {
            let end = at + random.below(bytes.len() - at + 1).min(64);
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            let from = random.below(other.len());
            let end = from + random.below(other.len() - from + 1).min(256);
            bytes.splice(at..at, other[from..end].iter().copied());
        }
    }
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, with: &[u8]) {
    let end = (at + with.len()).min(bytes.len());
    bytes.splice(at..end, with.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let inputs = |seed| {
            let mut random = Random::new(seed);
            (0..100).map(|_| mutate(&mut random, b"input", b"other")).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
    }

    #[test]
    fn an_empty_input_and_an_empty_lender_are_no_obstacle() {
        let mut random = Random::new(1);
        for _ in 0..1000 {
            let input = mutate(&mut random, b"", b"");
            assert!(input.len() <= INPUT_BYTES_MAX);
        }
    }
}
