//! Scans, facts, and readers beside the writer.

use super::{Opener, in_state, insert, seqs};
use crate::{Change, Entry, States};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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

pub fn reads_of_the_writer_are_in_no_commits_way(open: &mut Opener<'_>) {
    let mut ledger = open();
    for seq in 1..=300 {
        assert_eq!(ledger.commit(&[insert(seq, 4000)]), Ok(()));
        assert_eq!(seqs(ledger.read(), seq - 1, States::ALL).last(), Some(&seq));
        assert_eq!(ledger.read().entry(seq + 1), Ok(None));
        assert!(ledger.read().entry(seq).is_ok_and(|entry| entry.is_some()));
        if seq % 50 == 0 {
            while ledger.tidy().expect("tidying") {}
            while ledger.rest().expect("tidying") {}
            assert_eq!(seqs(ledger.read(), 0, States::ALL).len(), seq as usize);
        }
    }
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
