//! Keys that jobs are given, as memory holds them: the texts are in the ledger, and may be long.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

/// 128 bits of an application and a key. They are hashed under a secret of the process, so nobody can
/// look for two that are equal; among 10⁹ keys there are two by chance in one of 10²⁰ processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint([u64; 2]);

/// Makes them. Two engines have different ones of the same key.
#[derive(Debug)]
pub(crate) struct Fingerprints([RandomState; 2]);

/// A map by fingerprints, which need no further hashing.
pub(crate) type ByFingerprint<T> = HashMap<Fingerprint, T, BuildHasherDefault<Hashed>>;

impl Default for Fingerprints {
    fn default() -> Self {
        Self([RandomState::new(), RandomState::new()])
    }
}

impl Fingerprints {
    pub(crate) fn of(&self, app: u32, key: &str) -> Fingerprint {
        Fingerprint([0, 1].map(|half: usize| self.0[half].hash_one((app, key))))
    }
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// What is hashed already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Nothing but fingerprints is hashed by this.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_for_the_same_key_of_the_same_application_only() {
        let fingerprints = Fingerprints::default();
        let one = fingerprints.of(1, "key");
        assert_eq!(one, fingerprints.of(1, "key"));
        assert_ne!(one, fingerprints.of(2, "key"));
        assert_ne!(one, fingerprints.of(1, "kez"));
        let mut map = ByFingerprint::default();
        map.insert(one, 'a');
        assert_eq!(map.get(&fingerprints.of(1, "key")), Some(&'a'));
    }
}
