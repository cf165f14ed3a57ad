//! Results of calls that this process keeps.

use super::entry::{Entry, Worth};
use super::random::Random;
use super::store::Store;
use super::{Guards, Wish};

/// What became of questions and answers, since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) hits: u64,
    /// There was none.
    pub(crate) absent: u64,
    pub(crate) expired: u64,
    pub(crate) early: u64,
    pub(crate) invalidated: u64,
    pub(crate) too_old: u64,
    /// Callers who wanted it fresh.
    pub(crate) bypassed: u64,
    pub(crate) kept: u64,
    /// Went for others' sake.
    pub(crate) evicted: u64,
    /// Results that were too large, or for which there was no room.
    pub(crate) refused: u64,
}

/// See the module. It never takes more than it may: what was given to the PHP request that runs cannot be
/// freed before its end, and counts until then.
#[derive(Debug)]
pub(crate) struct Results<V> {
    store: Store<Entry<V>>,
    bytes_max: usize,
    /// What is gone and was given to the PHP request that runs.
    retired: Vec<Entry<V>>,
    retired_bytes: usize,
    request: u64,
    pub(crate) counts: Counts,
    random: Random,
    /// Whether a value is given as it is, and not a copy.
    lends: fn(&V) -> bool,
}

/// A result that is to be kept.
pub(crate) struct Fresh<V> {
    pub(crate) value: V,
    pub(crate) bytes: usize,
    pub(crate) ttl_ms: u64,
    /// When its call was sent, before which nothing of it was known.
    pub(crate) sent_ms: u64,
    pub(crate) guards: Guards,
}

impl<V> Results<V> {
    pub(crate) fn new(bytes_max: usize, lends: fn(&V) -> bool) -> Self {
        Self {
            store: Store::new(bytes_max),
            bytes_max,
            retired: Vec::new(),
            retired_bytes: 0,
            request: 1,
            counts: Counts::default(),
            random: Random::new(),
            lends,
        }
    }

    /// Another limit; what is too much goes.
    pub(crate) fn limit(&mut self, bytes_max: usize) {
        if self.bytes_max != bytes_max {
            self.bytes_max = bytes_max;
            self.clear();
        }
    }

    /// What is kept under the key, if it is worth giving. `count` reads the board.
    pub(crate) fn find(
        &mut self,
        key: &[u8],
        now_ms: u64,
        wish: Wish,
        count: impl Fn(u16) -> Option<u64>,
    ) -> Option<&V> {
        if wish.fresh {
            self.counts.bypassed += 1;
            return None;
        }
        let chance = self.random.chance();
        let (mut worth, request, lends) = (None, self.request, self.lends);
        self.store.get(key, |entry| {
            let found = entry.worth(now_ms, wish.max_age_ms, chance, count);
            worth = Some(found);
            if found == Worth::Good && lends(&entry.value) {
                entry.given_in = request;
            }
            found == Worth::Good
        });
        let counter = match worth {
            None => &mut self.counts.absent,
            Some(Worth::Good) => &mut self.counts.hits,
            Some(Worth::Expired) => &mut self.counts.expired,
            Some(Worth::Early) => &mut self.counts.early,
            Some(Worth::Invalidated) => &mut self.counts.invalidated,
            Some(Worth::TooOld) => &mut self.counts.too_old,
        };
        *counter += 1;
        match worth {
            Some(Worth::Good) => self.store.peek(key).map(|entry| &entry.value),
            Some(Worth::Expired | Worth::Invalidated) => {
                if let Some(entry) = self.store.remove(key) {
                    self.retire([entry]);
                }
                None
            }
            _ => None,
        }
    }

    pub(crate) fn keep(&mut self, key: &[u8], fresh: Fresh<V>, now_ms: u64) {
        let Fresh { value, bytes, ttl_ms, sent_ms, guards } = fresh;
        let all_bytes = bytes + guards.bytes();
        let chance = self.random.chance();
        let entry = Entry::new((value, all_bytes), ttl_ms, (sent_ms, now_ms), guards, chance);
        self.store.limit(self.bytes_max.saturating_sub(self.retired_bytes));
        self.forget(key);
        let mut gone = Vec::new();
        let is_kept = self.store.insert(key, entry, all_bytes, &mut |entry| gone.push(entry));
        if is_kept {
            self.counts.evicted += gone.len() as u64;
            self.retire(gone);
        }
        // What had to go may be in use.
        let is_kept = is_kept && self.bytes() <= self.bytes_max;
        if is_kept {
            self.counts.kept += 1;
        } else {
            self.store.remove(key);
            self.counts.refused += 1;
        }
    }

    /// What is kept under the key is not what the function returns now.
    pub(crate) fn forget(&mut self, key: &[u8]) {
        let forgotten = self.store.remove(key);
        self.retire(forgotten);
    }

    /// Results that the PHP request that runs may hold go at its end, others at once.
    fn retire(&mut self, gone: impl IntoIterator<Item = Entry<V>>) {
        for entry in gone {
            if entry.given_in == self.request {
                self.retired_bytes += entry.bytes + 2 * size_of::<Entry<V>>();
                self.retired.push(entry);
            }
        }
    }

    /// All go.
    pub(crate) fn clear(&mut self) {
        let mut gone = Vec::new();
        self.store.clear(&mut |entry| gone.push(entry));
        self.retire(gone);
    }

    /// A PHP request has ended: nothing that was given to it is held any more.
    pub(crate) fn request_ended(&mut self) {
        self.request += 1;
        // It may run in another process, which was forked from the last one's.
        self.random.stir(std::process::id());
        self.retired.clear();
        self.retired_bytes = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }

    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Everything that is held, bookkeeping included.
    pub(crate) fn bytes(&self) -> usize {
        self.store.bytes() + self.retired_bytes
    }

    pub(crate) fn retired_bytes(&self) -> usize {
        self.retired_bytes
    }
}
