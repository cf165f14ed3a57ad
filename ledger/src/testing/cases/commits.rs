//! Batches: whole, in order, and one after the other.

use super::{Opener, commit, insert};
use crate::testing::{Model, Rng, seeds};
use crate::{Change, Entry, Error, Misuse};

pub fn commits_all_or_nothing(open: &mut Opener<'_>) {
    let mut ledger = open();
    let mut model = Model::default();
    let fact = Change::SetFact { kind: 1, key: b"a".into(), value: b"1".into() };
    commit(ledger.as_mut(), &mut model, &[insert(1, 100), fact]);
    let wrong = [
        (insert(2, 5), Misuse::NotAscending { seq: 2, last_seq: 2 }),
        (Change::Remove { seq: 9 }, Misuse::NoEntry { seq: 9 }),
        (Change::Update { seq: 9, state: 1, head: vec![], tail: None }, Misuse::NoEntry { seq: 9 }),
        (
            Change::Update { seq: 9, state: 1, head: vec![], tail: Some(vec![1; 600]) },
            Misuse::NoEntry { seq: 9 },
        ),
        (Change::Remove { seq: 1 }, Misuse::NoEntry { seq: 1 }),
    ];
    for (change, misuse) in wrong {
        let changes = [
            insert(2, 9000),
            Change::SetFact { kind: 1, key: b"a".into(), value: b"2".into() },
            Change::Remove { seq: 1 },
            change,
        ];
        assert_eq!(ledger.commit(&changes), Err(Error::Misuse(misuse)));
        assert_eq!(Model::of(ledger.as_ref()), model);
    }
    commit(ledger.as_mut(), &mut model, &[insert(2, 5)]);
    drop(ledger);
    assert_eq!(Model::of(open().as_ref()), model);
}

pub fn applies_changes_in_order(open: &mut Opener<'_>) {
    let mut ledger = open();
    let fact = |value: &[u8]| Change::SetFact { kind: 2, key: b"k".into(), value: value.into() };
    let update = |head: &[u8], tail: Option<&[u8]>| {
        let tail = tail.map(<[u8]>::to_vec);
        Change::Update { seq: 1, state: 2, head: head.into(), tail }
    };
    let changes = [
        insert(1, 3),
        update(b"first", Some(b"tail")),
        update(b"second", None),
        fact(b"first"),
        Change::RemoveFact { kind: 2, key: b"k".into() },
        fact(b"second"),
        insert(5, 3),
        Change::Remove { seq: 5 },
    ];
    assert_eq!(ledger.commit(&changes), Ok(()));
    let (head, tail) = (b"second".into(), Some(b"tail".into()));
    let entry = Entry { state: 2, head, body: vec![1; 3], tail };
    assert_eq!(ledger.read().entry(1), Ok(Some(entry)));
    assert_eq!(ledger.read().entry(5), Ok(None));
    assert_eq!(ledger.read().fact(2, b"k"), Ok(Some(b"second".into())));
}

pub fn accepts_an_empty_commit(open: &mut Opener<'_>) {
    let mut ledger = open();
    assert_eq!(ledger.commit(&[]), Ok(()));
    assert_eq!(Model::of(ledger.as_ref()), Model::default());
}

pub fn changes_nothing_by_tidying(open: &mut Opener<'_>) {
    let mut ledger = open();
    let mut model = Model::default();
    let inserts: Vec<_> = (1..=5000).map(|seq| insert(seq, 900)).collect();
    let removes: Vec<_> =
        (1..5000).filter(|seq| seq % 100 != 0).map(|seq| Change::Remove { seq }).collect();
    for changes in inserts.chunks(500).chain(removes.chunks(500)) {
        commit(ledger.as_mut(), &mut model, changes);
    }
    let before = ledger.size().expect("a size");
    let mut slices = 0;
    while ledger.tidy().expect("tidy") {
        slices += 1;
        assert!(slices < 10_000, "tidy never says that it is done");
    }
    let after = ledger.size().expect("a size");
    assert!(after.file_bytes <= before.file_bytes, "{before:?}, {after:?}");
    assert!(after.live_bytes >= 50 * 900, "{after:?}");
    assert_eq!(Model::of(ledger.as_ref()), model);
    drop(ledger);
    assert_eq!(Model::of(open().as_ref()), model);
}

pub fn does_what_the_model_does(open: &mut Opener<'_>) {
    let mut ledger = open();
    let mut model = Model::of(ledger.as_ref());
    for seed in seeds(4) {
        let mut rng = Rng::new(seed);
        for step in 0..40 {
            let mut changes = model.random_batch(&mut rng, 20);
            let is_wrong = rng.once_in(5);
            if is_wrong {
                changes.push(insert(model.last_seq, 10));
            }
            let result = ledger.commit(&changes);
            assert_eq!(result.is_err(), is_wrong, "seed {seed}, step {step}: {result:?}");
            if !is_wrong {
                model.apply(&changes);
            }
            match rng.below(10) {
                0 => {
                    drop(ledger);
                    ledger = open();
                }
                1..3 => {
                    ledger.tidy().expect("tidy");
                }
                _ => {}
            }
            assert_eq!(Model::of(ledger.as_ref()), model, "seed {seed}, step {step}");
        }
    }
}
