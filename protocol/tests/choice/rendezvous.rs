use proptest::prelude::*;
use protocol::{rank, score};

type Workers = Vec<(String, u16)>;

fn workers(most: usize) -> impl Strategy<Value = Workers> {
    let names = prop::collection::btree_set("[a-z0-9:.]{1,16}", 1..=most);
    names.prop_flat_map(|names| {
        let weights = prop::collection::vec(1u16..=8, names.len());
        weights.prop_map(move |weights| names.iter().cloned().zip(weights).collect())
    })
}

fn ranked<'a>(workers: &'a [(String, u16)], key: &[u8]) -> Vec<&'a str> {
    let order = rank(workers.iter().map(|(name, weight)| (name.as_str(), *weight)), key);
    order.into_iter().map(|index| workers[index].0.as_str()).collect()
}

proptest! {
    #[test]
    fn every_worker_is_ranked_once(workers in workers(12), key: Vec<u8>) {
        let mut order = ranked(&workers, &key);
        order.sort_unstable();
        let mut names: Vec<_> = workers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        prop_assert_eq!(order, names);
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(workers in workers(8), key: Vec<u8>) {
        let mut reversed = workers.clone();
        reversed.reverse();
        prop_assert_eq!(ranked(&workers, &key), ranked(&reversed, &key));
    }

    /// Removing a worker moves its own keys to their second choice, and no other key; read
    /// backwards, a worker that is added takes keys and moves none between the others.
    #[test]
    fn removing_a_worker_leaves_the_order_of_the_others(
        workers in workers(8),
        key: Vec<u8>,
        gone: prop::sample::Index,
    ) {
        let gone = gone.index(workers.len());
        let name = workers[gone].0.clone();
        let mut rest = workers.clone();
        rest.remove(gone);
        let mut expected = ranked(&workers, &key);
        expected.retain(|worker| *worker != name);
        prop_assert_eq!(ranked(&rest, &key), expected);
    }

    #[test]
    fn a_worker_of_weight_zero_comes_last(workers in workers(6), key: Vec<u8>) {
        let mut workers = workers;
        workers.insert(0, ("drained".to_owned(), 0));
        prop_assert_eq!(ranked(&workers, &key).pop(), Some("drained"));
    }
}

/// Shares of the keys by weight, over keys that are as alike as real ones.
#[test]
fn keys_are_spread_by_weight() {
    let workers = [("tcp:10.0.0.1:25887", 1u16), ("tcp:10.0.0.2:25887", 2), ("unix:/run/a", 3)];
    const KEYS: u32 = 60_000;
    let mut counts = [0u32; 3];
    for key in 0..KEYS {
        counts[rank(workers, format!("customer-{key}").as_bytes())[0]] += 1;
    }
    for ((_, weight), count) in workers.iter().zip(counts) {
        let expected = KEYS * u32::from(*weight) / 6;
        let off = count.abs_diff(expected);
        assert!(off < expected / 20, "weight {weight}: {count} keys, {expected} expected");
    }
}

/// Frozen: other languages, and other versions of this crate, must choose alike. An independent
/// implementation (Python) computed them too.
#[test]
fn golden_vectors() {
    let workers =
        [("unix:/run/appserver.sock", 1u16), ("tls:10.0.0.2:25887", 1), ("tls:10.0.0.3:25887", 3)];
    let cases: [(&[u8], [usize; 3], [f64; 3]); 4] = [
        (b"", [1, 2, 0], [0.5762567414978844, 75.69481166091262, 6.595863987121597]),
        (b"customer-1", [2, 0, 1], [2.198834479887266, 0.5499244847643934, 8.709990773952011]),
        (b"customer-2", [2, 0, 1], [1.205964563166761, 0.8397185248599448, 16.859247834570674]),
        (b"\x00\xff", [2, 0, 1], [1.2801265660583037, 0.9978434195836863, 13.96416378129751]),
    ];
    for (key, order, scores) in cases {
        let found = workers.map(|(name, weight)| score(name, weight, key));
        // The logarithm's last digits are the platform's.
        let close =
            found.iter().zip(scores).all(|(found, score)| (found / score - 1.0).abs() < 1e-9);
        assert!(close, "{key:?}: {found:?}");
        assert_eq!(rank(workers, key), order, "{key:?}");
    }
}
