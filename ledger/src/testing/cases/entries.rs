//! Entries, their parts and their numbers.

use super::{Opener, commit, insert, seqs};
use crate::testing::{Model, Rng};
use crate::{
    Change, Error, HEAD_BYTES_MAX, KEY_BYTES_MAX, Misuse, SEQ_MAX, STATE_MAX, States, TAG_MAX,
};

pub fn is_empty_at_first(open: &mut Opener<'_>) {
    let mut ledger = open();
    assert_eq!(Model::of(ledger.as_ref()), Model::default());
    assert_eq!(ledger.read().entry(1), Ok(None));
    assert_eq!(ledger.read().fact(1, b"key"), Ok(None));
    assert_eq!(ledger.tidy(), Ok(false));
}

pub fn keeps_its_tag(open: &mut Opener<'_>) {
    let tag = open().tag();
    assert!(tag <= TAG_MAX);
    assert_eq!(open().tag(), tag);
}

/// Lengths around every border that an implementation may have.
const LENGTHS: [usize; 10] = [0, 1, 255, 511, 512, 513, 4000, 4096, 5000, 300_000];

pub fn reads_back_what_was_inserted(open: &mut Opener<'_>) {
    let mut ledger = open();
    let mut model = Model::default();
    let mut rng = Rng::new(1);
    for (seq, length) in (1..).zip(LENGTHS) {
        let (head, body) = (rng.bytes(length.min(HEAD_BYTES_MAX)), rng.bytes(length));
        let changes = [Change::Insert { seq, state: seq as u8, head, body }];
        commit(ledger.as_mut(), &mut model, &changes);
    }
    assert_eq!(Model::of(ledger.as_ref()), model);
    drop(ledger);
    assert_eq!(Model::of(open().as_ref()), model);
}

pub fn replaces_state_head_and_tail(open: &mut Opener<'_>) {
    let mut ledger = open();
    let mut model = Model::default();
    let mut rng = Rng::new(2);
    commit(ledger.as_mut(), &mut model, &[insert(1, 100), insert(2, 9000)]);
    let there_and_back = LENGTHS.into_iter().chain(LENGTHS.into_iter().rev());
    for length in there_and_back {
        for seq in [1, 2] {
            let (head, tail) = (rng.bytes(length.min(900)), rng.bytes(length));
            let with_tail = Change::Update { seq, state: 3, head, tail: Some(tail) };
            let without = Change::Update { seq, state: 4, head: rng.bytes(20), tail: None };
            commit(ledger.as_mut(), &mut model, &[with_tail]);
            assert_eq!(Model::of(ledger.as_ref()), model);
            commit(ledger.as_mut(), &mut model, &[without]);
            assert_eq!(Model::of(ledger.as_ref()), model);
        }
    }
}

pub fn removes_whole_entries(open: &mut Opener<'_>) {
    let mut ledger = open();
    let mut model = Model::default();
    let tail = Some(vec![7; 9000]);
    let update = Change::Update { seq: 2, state: 1, head: vec![], tail };
    commit(ledger.as_mut(), &mut model, &[insert(1, 10), insert(2, 9000), update, insert(3, 10)]);
    commit(ledger.as_mut(), &mut model, &[Change::Remove { seq: 2 }]);
    assert_eq!(ledger.read().entry(2), Ok(None));
    assert_eq!(Model::of(ledger.as_ref()), model);
    drop(ledger);
    assert_eq!(Model::of(open().as_ref()), model);
}

pub fn never_uses_a_number_again(open: &mut Opener<'_>) {
    let mut ledger = open();
    let mut last_seq = 0;
    // Removed with others, alone, and in the same commit.
    let removals: [&[Change]; 4] = [
        &[insert(1, 5), insert(2, 900)],
        &[Change::Remove { seq: 2 }],
        &[insert(7, 5), Change::Remove { seq: 7 }, Change::Remove { seq: 1 }],
        &[insert(8, 5)],
    ];
    for changes in removals {
        assert_eq!(ledger.commit(changes), Ok(()));
        for _ in 0..2 {
            let known = ledger.last_seq();
            assert!(known >= last_seq);
            last_seq = known;
            for seq in [1, last_seq] {
                let refused = Error::Misuse(Misuse::NotAscending { seq, last_seq });
                assert_eq!(ledger.commit(&[insert(seq, 5)]), Err(refused));
            }
            drop(ledger);
            ledger = open();
        }
    }
    assert_eq!(last_seq, 8);
}

pub fn refuses_what_is_out_of_range(open: &mut Opener<'_>) {
    let mut ledger = open();
    let head = vec![0; HEAD_BYTES_MAX + 1];
    let key = vec![0; KEY_BYTES_MAX + 1];
    let state = STATE_MAX + 1;
    let refused = [
        insert(0, 1),
        insert(SEQ_MAX + 1, 1),
        Change::Insert { seq: 1, state, head: vec![], body: vec![] },
        Change::Insert { seq: 1, state: 0, head, body: vec![] },
        Change::Update { seq: 1, state, head: vec![], tail: None },
        Change::SetFact { kind: 1, key: key.clone(), value: vec![] },
        Change::RemoveFact { kind: 1, key },
    ];
    for change in refused {
        let result = ledger.commit(&[insert(1, 1), change.clone()]);
        assert!(matches!(result, Err(Error::Misuse(_))), "{change:?}: {result:?}");
        assert!(!result.is_err_and(|error| error.is_temporary()));
    }
    assert_eq!(Model::of(ledger.as_ref()), Model::default());
    assert_eq!(ledger.read().entry(u64::MAX), Ok(None));
    assert_eq!(ledger.commit(&[insert(SEQ_MAX, 1)]), Ok(()));
    assert_eq!(seqs(ledger.read(), SEQ_MAX, States::ALL), [SEQ_MAX]);
    assert_eq!(seqs(ledger.read(), u64::MAX, States::ALL), []);
}
