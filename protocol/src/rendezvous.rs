//! Choice of a worker by weighted rendezvous hashing (highest random weight).
//!
//! Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); weights as in
//! Schindelhauer and Schomaker, "Weighted distributed hash tables" (2005): each worker scores
//! `-weight / ln(u)` with `u` uniform in (0, 1) drawn from hash(worker, key). Adding or removing one
//! of n workers moves 1/n of the keys and no others. The hash is FNV-1a with the finaliser of
//! MurmurHash3, chosen because any language can repeat it in ten lines; golden vectors hold it.

/// Score of `worker` for `key`; the highest wins. A weight of 0 scores 0: last resort.
pub fn score(worker: &str, weight: u16, key: &[u8]) -> f64 {
    if weight == 0 {
        return 0.0;
    }
    let hash = mix(fnv1a(key, fnv1a(&[0], fnv1a(worker.as_bytes(), FNV_OFFSET))));
    -f64::from(weight) / uniform(hash).ln()
}

/// Indices of `workers` in the order in which they should be tried for `key`.
pub fn rank<'a>(workers: impl IntoIterator<Item = (&'a str, u16)>, key: &[u8]) -> Vec<usize> {
    let mut scored: Vec<(f64, usize)> = workers
        .into_iter()
        .enumerate()
        .map(|(index, (worker, weight))| (score(worker, weight, key), index))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, index)| index).collect()
}

/// Where `key` falls when all keys are spread over ten thousand places, differently for each `salt`.
pub(crate) fn share(salt: &[u8], key: &[u8]) -> u32 {
    let hash = mix(fnv1a(key, fnv1a(&[0], fnv1a(salt, FNV_OFFSET))));
    // The upper half, scaled: no remainder, which would favour the lower places.
    u32::try_from(((hash >> 32) * 10_000) >> 32).unwrap_or(u32::MAX)
}

/// 64 well-mixed bits of `bytes`, the same everywhere and for ever.
pub fn hash64(bytes: &[u8]) -> u64 {
    mix(fnv1a(bytes, FNV_OFFSET))
}

/// The upper 52 bits as a number in (0, 1), exclusive at both ends so that the logarithm is finite
/// and not zero. 52, because with the half added they fill a double's 53 exactly.
fn uniform(hash: u64) -> f64 {
    ((hash >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

fn fnv1a(bytes: &[u8], state: u64) -> u64 {
    bytes.iter().fold(state, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// Finaliser of MurmurHash3 (Appleby): FNV alone leaves the high bits of short keys poorly mixed.
fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hash_has_a_score_that_is_not_a_positive_number() {
        for hash in [0, 1, u64::MAX - 1, u64::MAX] {
            let score = -1.0 / uniform(hash).ln();
            assert!(score.is_finite() && score > 0.0, "{hash:#x}: {score}");
        }
        assert!(uniform(0) < uniform(u64::MAX));
    }
}
