//! The conformance suite: what the documentation of [`Ledger`] says, one promise a function.

use crate::testing::{Model, Rng, seeds};
use crate::{
    Change, Entry, Error, HEAD_BYTES_MAX, KEY_BYTES_MAX, Ledger, Misuse, Reader, SEQ_MAX,
    STATE_MAX, States, TAG_MAX,
};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Opens the ledger of one test, again and again; the first time it is new.
pub type Opener<'a> = dyn FnMut() -> Box<dyn Ledger> + 'a;

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

pub fn scans_by_state_and_from_a_number(open: &mut Opener<'_>) {
    let mut ledger = open();
    let changes: Vec<_> = (1..=200).map(|seq| in_state(seq, (seq % 64) as u8)).collect();
    assert_eq!(ledger.commit(&changes), Ok(()));
    let reader = ledger.read();
    assert_eq!(seqs(reader, 0, States::of(&[0, 63])), [63, 64, 127, 128, 191, 192]);
    assert_eq!(seqs(reader, 65, States::of(&[0, 63, 200])), [127, 128, 191, 192]);
    assert_eq!(seqs(reader, 0, States::NONE), []);
    assert_eq!(seqs(reader, 199, States::ALL), [199, 200]);
    assert_eq!(seqs(reader, 201, States::ALL), []);
}

pub fn scans_more_than_fits_in_memory_at_once(open: &mut Opener<'_>) {
    let mut ledger = open();
    let count = 20_000;
    for chunk in 0..count / 1000 {
        let changes: Vec<_> = (1..=1000).map(|seq| in_state(chunk * 1000 + seq, 1)).collect();
        assert_eq!(ledger.commit(&changes), Ok(()));
        let facts = (0..1000_u64).map(|key| Change::SetFact {
            kind: 1,
            key: (chunk * 1000 + key).to_be_bytes().to_vec(),
            value: vec![1; 100],
        });
        assert_eq!(ledger.commit(&facts.collect::<Vec<_>>()), Ok(()));
    }
    let all: Vec<_> = (1..=count).collect();
    assert_eq!(seqs(ledger.read(), 0, States::ALL), all);
    let mut next = 0;
    let each = &mut |key: &[u8], _: &[u8]| {
        assert_eq!(key, u64::to_be_bytes(next));
        next += 1;
        ControlFlow::Continue(())
    };
    assert_eq!(ledger.read().facts(1, each), Ok(()));
    assert_eq!(next, count);
}

pub fn stops_when_told(open: &mut Opener<'_>) {
    let mut ledger = open();
    let facts = (0..9).map(|key| Change::SetFact { kind: 1, key: vec![key], value: vec![] });
    let changes: Vec<_> = (1..=100).map(|seq| in_state(seq, 1)).chain(facts).collect();
    assert_eq!(ledger.commit(&changes), Ok(()));
    let mut called = 0;
    let mut third = || {
        called += 1;
        if called % 3 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    assert_eq!(ledger.read().scan(0, States::ALL, &mut |_| third()), Ok(()));
    assert_eq!(ledger.read().facts(1, &mut |_, _| third()), Ok(()));
    assert_eq!(called, 6);
}

pub fn holds_nothing_while_it_calls_back(open: &mut Opener<'_>) {
    let mut ledger = open();
    let fact = Change::SetFact { kind: 1, key: b"key".into(), value: b"value".into() };
    assert_eq!(ledger.commit(&[insert(1, 9), insert(2, 9), fact]), Ok(()));
    let reader = ledger.reader().expect("a reader");
    let mut seen = Vec::new();
    let result = reader.scan(0, States::ALL, &mut |row| {
        // The writer can commit and tidy, and the same reader can be asked something else.
        let update = Change::Update { seq: row.seq, state: 9, head: vec![], tail: None };
        assert_eq!(ledger.commit(&[update]), Ok(()));
        assert!(ledger.tidy().is_ok());
        let entry = reader.entry(row.seq).expect("a read").expect("an entry");
        let each = &mut |_: &[u8], _: &[u8]| {
            assert_eq!(ledger.commit(&[insert(10 + row.seq, 9)]), Ok(()));
            seen.push((row.seq, entry.state));
            ControlFlow::Break(())
        };
        assert_eq!(reader.facts(1, each), Ok(()));
        if row.seq == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(result, Ok(()));
    assert_eq!(seen, [(1, 9), (2, 9)]);
}

pub fn sorts_facts_by_the_bytes_of_their_keys(open: &mut Opener<'_>) {
    let mut ledger = open();
    let keys: [&[u8]; 7] = [b"", b"\0", b"\0\0", b"a", b"a\0", b"ab", b"\xff"];
    for (kind, key) in [(0, 3), (1, 5), (1, 0), (255, 2), (1, 6), (1, 1), (1, 3), (1, 4), (1, 2)] {
        let (key, value) = (keys[key].to_vec(), vec![key as u8]);
        assert_eq!(ledger.commit(&[Change::SetFact { kind, key, value }]), Ok(()));
    }
    let mut found = Vec::new();
    let each = &mut |key: &[u8], value: &[u8]| {
        assert_eq!(keys[usize::from(value[0])], key);
        found.push(value[0]);
        ControlFlow::Continue(())
    };
    assert_eq!(ledger.read().facts(1, each), Ok(()));
    assert_eq!(found, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(ledger.read().fact(255, b"\0\0"), Ok(Some(vec![2])));
    assert_eq!(ledger.read().fact(255, b"a"), Ok(None));
}

pub fn shows_readers_what_is_committed_only(open: &mut Opener<'_>) {
    let mut ledger = open();
    let reader = ledger.reader().expect("a reader");
    assert_eq!(seqs(reader.as_ref(), 0, States::ALL), []);
    assert_eq!(ledger.commit(&[insert(1, 5), insert(2, 5)]), Ok(()));
    assert_eq!(seqs(reader.as_ref(), 0, States::ALL), [1, 2]);
    assert!(ledger.commit(&[insert(3, 5), Change::Remove { seq: 9 }]).is_err());
    assert_eq!(seqs(reader.as_ref(), 0, States::ALL), [1, 2]);
    assert_eq!(ledger.commit(&[Change::Remove { seq: 1 }]), Ok(()));
    assert_eq!(seqs(reader.as_ref(), 0, States::ALL), [2]);
}

/// Each commit writes the same number into three places that one read returns together.
pub fn reads_on_other_threads_while_it_commits(open: &mut Opener<'_>) {
    let mut ledger = open();
    assert_eq!(ledger.commit(&[insert(1, 5000), numbered(0, Some(0))]), Ok(()));
    let readers = [ledger.reader().expect("a reader"), ledger.reader().expect("a reader")];
    let (ended, committed) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for reader in readers {
            let (ended, committed) = (&ended, &committed);
            scope.spawn(move || {
                let mut last = 0;
                while !ended.load(Ordering::Acquire) {
                    let known = committed.load(Ordering::Acquire);
                    let entry = reader.entry(1).expect("a read").expect("an entry");
                    let number = number_of(&entry);
                    assert!(number >= known && number >= last, "{number} after {known}, {last}");
                    last = number;
                }
            });
        }
        for number in 1..=300 {
            let result = ledger.commit(&[numbered(number, None), numbered(number, Some(number))]);
            committed.store(number, Ordering::Release);
            let tidied = ledger.tidy();
            if result.is_err() || tidied.is_err() || number == 300 {
                ended.store(true, Ordering::Release);
            }
            assert_eq!(result, Ok(()));
        }
    });
}

fn numbered(number: u64, tail: Option<u64>) -> Change {
    let long = |number: u64| number.to_le_bytes().repeat(200);
    Change::Update { seq: 1, state: (number % 64) as u8, head: long(number), tail: tail.map(long) }
}

fn number_of(entry: &Entry) -> u64 {
    let mut numbers = entry.head.chunks(8).chain(entry.tail.iter().flat_map(|tail| tail.chunks(8)));
    let first = numbers.next().expect("a number");
    assert!(numbers.all(|number| number == first), "half a commit: {entry:?}");
    let number = u64::from_le_bytes(first.try_into().expect("8 bytes"));
    assert_eq!(u64::from(entry.state), number % 64);
    number
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

fn insert(seq: u64, body_bytes: usize) -> Change {
    Change::Insert { seq, state: 1, head: vec![2; 40], body: vec![1; body_bytes] }
}

fn in_state(seq: u64, state: u8) -> Change {
    Change::Insert { seq, state, head: seq.to_le_bytes().to_vec(), body: vec![] }
}

fn commit(ledger: &mut dyn Ledger, model: &mut Model, changes: &[Change]) {
    assert_eq!(ledger.commit(changes), Ok(()));
    model.apply(changes);
    assert_eq!(ledger.last_seq(), model.last_seq);
}

fn seqs(reader: &dyn Reader, from: u64, states: States) -> Vec<u64> {
    let mut seqs = Vec::new();
    let each = &mut |row: crate::Row<'_>| {
        seqs.push(row.seq);
        ControlFlow::Continue(())
    };
    reader.scan(from, states, each).expect("a scan");
    seqs
}
