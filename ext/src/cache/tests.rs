//! The cache against a plain model, with time and invalidations at will.

use super::{Fresh, Guards, Results, Wish};
use std::collections::HashMap;

const TTL_MS: u64 = 1000;
const SLOTS: usize = 8;

/// A number that differs from the last one by chance (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A call on its way: of which key, when it was sent, what the world was then, and what its guards saw.
struct Flight {
    key: u64,
    sent_ms: u64,
    value: Answer,
    guards: Guards,
}

/// What a worker computed: from which state of which slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    key: u64,
    /// The slot's count in the world when it was computed, which is no earlier than when it was sent.
    world: u64,
    computed_ms: u64,
}

fn slot_of(key: u64) -> u16 {
    (key % SLOTS as u64) as u16
}

/// Answers that are given are never older than their time, never of another key, and never from before an
/// invalidation that had returned when the question was asked, whatever is in flight meanwhile.
#[test]
fn it_gives_nothing_that_the_model_would_not() {
    for seed in 1..=40 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let mut results = Results::new(40_000, |_| true);
        let (mut now_ms, mut world) = (10_000, [0_u64; SLOTS]);
        let mut flights: Vec<Flight> = Vec::new();
        let mut model: HashMap<u64, Answer> = HashMap::new();
        let mut hits = 0;
        for _ in 0..20_000 {
            let key = dice.below(60);
            match dice.below(100) {
                0..=59 => {
                    let count = |slot: u16| Some(world[usize::from(slot)]);
                    let found = results.find(&key.to_be_bytes(), now_ms, Wish::default(), count);
                    if let Some(answer) = found.copied() {
                        hits += 1;
                        assert_eq!(Some(&answer), model.get(&key), "seed {seed}");
                        assert!(now_ms < answer.computed_ms + TTL_MS, "seed {seed}: too old");
                        let fits = answer.world == world[usize::from(slot_of(key))];
                        assert!(fits, "seed {seed}: from before an invalidation");
                    } else {
                        let slot = slot_of(key);
                        let value =
                            Answer { key, world: world[usize::from(slot)], computed_ms: now_ms };
                        let guards = Guards::new([(slot, value.world)]);
                        flights.push(Flight { key, sent_ms: now_ms, value, guards });
                    }
                }
                60..=89 if !flights.is_empty() => {
                    let index = dice.below(flights.len() as u64) as usize;
                    let Flight { key, sent_ms, value, guards } = flights.swap_remove(index);
                    let bytes = 100 + dice.below(300) as usize;
                    let fresh = Fresh { value, bytes, ttl_ms: TTL_MS, sent_ms, guards };
                    results.keep(&key.to_be_bytes(), fresh, now_ms);
                    model.insert(key, value);
                }
                90 => world[dice.below(SLOTS as u64) as usize] += 1,
                91 => results.request_ended(),
                _ => now_ms += dice.below(30),
            }
            assert!(results.bytes() <= 40_000, "seed {seed}: {} bytes", results.bytes());
        }
        assert!(hits > 500, "seed {seed}: only {hits} hits");
    }
}

#[test]
fn what_a_request_was_given_counts_until_its_end() {
    let mut results = Results::new(4000, |_| true);
    let keep = |results: &mut Results<u64>, key: u64| {
        let fresh =
            Fresh { value: key, bytes: 500, ttl_ms: TTL_MS, sent_ms: 0, guards: Guards::default() };
        results.keep(&key.to_be_bytes(), fresh, 0);
    };
    let find = |results: &mut Results<u64>, key: u64| {
        results.find(&key.to_be_bytes(), 1, Wish::default(), |_| None).copied()
    };
    for key in 0..2 {
        keep(&mut results, key);
        assert_eq!(find(&mut results, key), Some(key));
    }
    for key in 2..50 {
        keep(&mut results, key);
        assert!(results.bytes() <= 4000, "{} bytes", results.bytes());
    }
    let held = results.retired_bytes() + results.len() * 500;
    assert!(held >= 1000, "what was given is gone before the end of its request");
    results.request_ended();
    assert_eq!(results.retired_bytes(), 0);
    keep(&mut results, 60);
    assert_eq!(find(&mut results, 60), Some(60));
}

#[test]
fn who_wants_it_fresh_or_young_gets_no_other() {
    let mut results = Results::new(4000, |_| true);
    let fresh =
        |value| Fresh { value, bytes: 10, ttl_ms: TTL_MS, sent_ms: 0, guards: Guards::default() };
    results.keep(b"key", fresh(1), 0);
    let young = Wish { fresh: false, max_age_ms: Some(100) };
    assert_eq!(results.find(b"key", 100, young, |_| None), Some(&1));
    assert_eq!(results.find(b"key", 101, young, |_| None), None);
    assert_eq!(results.find(b"key", 101, Wish { fresh: true, max_age_ms: None }, |_| None), None);
    assert_eq!(results.find(b"key", 101, Wish::default(), |_| None), Some(&1));
    results.keep(b"key", fresh(2), 0);
    assert_eq!(results.find(b"key", 101, Wish::default(), |_| None), Some(&2));
    let counts = results.counts;
    assert_eq!((counts.hits, counts.too_old, counts.bypassed, counts.kept), (3, 1, 1, 2));
    assert_eq!(counts.evicted, 0, "what takes its own place is not evicted");
}
