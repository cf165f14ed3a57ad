//! Disks that fail: a typed error, nothing acknowledged is lost, and it goes on when the cause is gone.

use crate::disk::{Disk, End, Fault, How, Operation};
use ledger::testing::{Model, Rng, seeds};
use ledger::{Change, Error, Ledger, Local, States};

#[test]
fn an_error_changes_nothing() {
    for seed in seeds(200) {
        let mut run = Run::new(seed);
        for _ in 0..6 {
            run.fail_somewhere();
        }
        run.end();
    }
}

struct Run {
    // Dropped before its disk.
    ledger: Option<Local>,
    disk: Disk,
    name: String,
    rng: Rng,
    model: Model,
    /// Could not be taken back.
    unsettled: Option<Vec<Change>>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let (disk, rng) = (Disk::new(seed), Rng::new(seed));
        let ledger = Some(disk.open().expect("a ledger"));
        let (name, model) = (format!("LEDGER_SEED={seed}"), Model::default());
        Self { name, disk, rng, model, ledger, unsettled: None }
    }

    /// Works until a fault is met, and then goes on with it, without it, or at the next start.
    fn fail_somewhere(&mut self) {
        let fault = self.random_fault();
        self.disk.fail(fault);
        for _ in 0..10 {
            self.commit(fault);
            if self.rng.once_in(4) {
                // It may fail; what counts is what is there then.
                let _ = self.ledger().tidy();
            }
            if self.rng.once_in(4) {
                let _ = self.ledger().rest();
            }
            if self.disk.has_failed() && self.rng.once_in(3) {
                break;
            }
        }
        match self.rng.below(4) {
            0 => self.end(),
            1 => {
                // In an orderly way, which fails too.
                self.ledger = None;
                self.restart(End::Power);
            }
            _ => self.repair(),
        }
    }

    fn random_fault(&mut self) -> Fault {
        let operations = [Operation::Write, Operation::Sync, Operation::Sync, Operation::Truncate];
        let operation = *self.rng.pick(&operations);
        let how = match operation {
            Operation::Write => *self.rng.pick(&[How::Io, How::Full, How::Short]),
            Operation::Sync | Operation::Truncate => How::Io,
        };
        let times = *self.rng.pick(&[1, 1, 2, 3, u64::MAX]);
        Fault { operation, how, after: self.rng.below(20), times }
    }

    fn commit(&mut self, fault: Fault) {
        let changes = self.model.random_batch(&mut self.rng, 10);
        match self.ledger().commit(&changes) {
            Ok(()) => {
                self.model.apply(&changes);
                self.unsettled = None;
                return;
            }
            Err(error) => {
                let is_right = match &error {
                    Error::Unsettled { .. } => {
                        // A commit that is refused because of an earlier one wrote nothing.
                        self.unsettled.get_or_insert(changes);
                        true
                    }
                    Error::Full { .. } => fault.how != How::Io,
                    Error::Io { .. } => fault.how == How::Io,
                    _ => false,
                };
                assert!(is_right && error.is_temporary(), "{}, {fault:?}: {error:?}", self.name);
            }
        }
        let found = Model::of(self.ledger());
        let difference = || self.model.difference(&found);
        assert!(found == self.model, "{}, {fault:?}: {}", self.name, difference());
    }

    fn repair(&mut self) {
        self.disk.repair();
        let changes = self.model.random_batch(&mut self.rng, 10);
        let result = self.ledger().commit(&changes);
        assert_eq!(result, Ok(()), "{}", self.name);
        self.model.apply(&changes);
        self.unsettled = None;
    }

    fn end(&mut self) {
        self.disk.end_now();
        self.ledger = None;
        let end = *self.rng.pick(&[End::Kill, End::Power]);
        self.restart(end);
    }

    fn restart(&mut self, end: End) {
        self.disk.restart(end);
        self.ledger = Some(self.disk.open().expect("a ledger"));
        let found = Model::of(self.ledger());
        let unsettled = self.unsettled.take().map(|changes| self.model.after(&changes));
        let is_right = found == self.model || unsettled.is_some_and(|model| found == model);
        assert!(is_right, "{}, {end:?}: {}", self.name, self.model.difference(&found));
        self.model = found;
    }

    fn ledger(&mut self) -> &mut Local {
        self.ledger.as_mut().expect("an open ledger")
    }
}

/// A commit whose sync failed is whole in the page cache. It must not come back with a new process.
#[test]
fn what_was_refused_does_not_come_back() {
    for times in [1, 2] {
        let disk = Disk::new(1);
        let mut ledger = disk.open().expect("a ledger");
        assert_eq!(ledger.commit(&[insert(1)]), Ok(()));
        disk.fail(Fault { operation: Operation::Sync, how: How::Io, after: 0, times });
        let error = ledger.commit(&[insert(2)]).expect_err("a sync that failed");
        // The first failure is the commit's, the second that of taking it back.
        let is_unsettled = matches!(error, Error::Unsettled { .. });
        assert_eq!(is_unsettled, times == 2, "{error}");
        if is_unsettled {
            // Done before anything else.
            assert_eq!(ledger.commit(&[insert(3)]), Ok(()));
        }
        disk.end_now();
        drop(ledger);
        disk.restart(End::Kill);
        let ledger = disk.open().expect("a ledger");
        assert_eq!(ledger.read().entry(2), Ok(None));
        assert_eq!(ledger.last_seq(), if is_unsettled { 3 } else { 1 });
    }
}

/// What the page cache shows after a failed sync is not what is on the disk: a start that found a commit
/// there, or found none, must not be proved wrong by the next loss of power.
#[test]
fn what_a_start_found_holds() {
    for seed in seeds(100) {
        let disk = Disk::new(seed);
        let mut ledger = disk.open().expect("a ledger");
        assert_eq!(ledger.commit(&[insert(1)]), Ok(()));
        disk.fail(Fault { operation: Operation::Sync, how: How::Io, after: 0, times: u64::MAX });
        let error = ledger.commit(&[insert(2)]).expect_err("a sync that failed");
        assert!(matches!(error, Error::Unsettled { .. }), "{error}");
        drop(ledger);
        disk.restart(End::Kill);
        let ledger = disk.open().expect("a ledger");
        let found = Model::of(&ledger);
        disk.end_now();
        drop(ledger);
        disk.restart(End::Power);
        let ledger = disk.open().expect("a ledger");
        let again = Model::of(&ledger);
        assert!(again == found, "LEDGER_SEED={seed}: {}", found.difference(&again));
    }
}

/// Of a write that found no room any part may be there: also all but what nobody looks at.
#[test]
fn a_commit_without_room_does_not_come_back() {
    for seed in seeds(600) {
        let disk = Disk::new(seed);
        let mut ledger = disk.open().expect("a ledger");
        assert_eq!(ledger.commit(&[insert(1)]), Ok(()));
        disk.fail(Fault {
            operation: Operation::Write,
            how: How::Short,
            after: 0,
            times: u64::MAX,
        });
        let mut may_be_there = false;
        for bytes in [seed as usize % 40, seed as usize % 7] {
            let body = vec![1; bytes];
            let changes = [Change::Insert { seq: 2, state: 1, head: vec![], body }];
            let error = ledger.commit(&changes).expect_err("a full disk");
            let is_unsettled = matches!(error, Error::Unsettled { .. });
            assert!(is_unsettled || matches!(error, Error::Full { .. }), "{error}");
            // Zeros were missing, where there are zeros.
            may_be_there |= is_unsettled;
        }
        disk.end_now();
        drop(ledger);
        disk.restart(End::Power);
        let ledger = disk.open().expect("a ledger");
        assert!(ledger.last_seq() == 1 || may_be_there, "LEDGER_SEED={seed}");
    }
}

/// SQLite does not sync what it copies while another program reads, and would never copy it again: not
/// when asked to, and not when it closes in an orderly way.
#[test]
fn pages_that_no_sync_covers_are_not_trusted() {
    for (seed, is_killed) in seeds(20).flat_map(|seed| [(seed, true), (seed, false)]) {
        let disk = Disk::new(seed);
        let mut ledger = disk.open().expect("a ledger");
        let mut model = Model::default();
        // Several pages, most of which nobody writes again.
        let fill = |ledger: &mut Local, model: &mut Model| {
            let changes: Vec<_> = (1..=30).map(|n| insert(model.last_seq + n)).collect();
            assert_eq!(ledger.commit(&changes), Ok(()));
            model.apply(&changes);
            ledger.move_now().expect("a move");
        };
        fill(&mut ledger, &mut model);
        let other = disk.connect();
        other.execute_batch("BEGIN; SELECT * FROM ledger").expect("a read");
        fill(&mut ledger, &mut model);
        assert!(ledger.tidy().is_ok(), "a part");
        drop(other);
        // The log's sync works, the database's does not.
        disk.fail(Fault { operation: Operation::Sync, how: How::Io, after: 1, times: 1 });
        let error = ledger.tidy().expect_err("a sync that fails");
        assert!(disk.has_failed() && matches!(error, Error::Io { .. }), "{error}");
        // It would work now, and then the log would begin again.
        assert!(ledger.tidy().is_err_and(|error| error.to_string().contains("restart")));
        fill(&mut ledger, &mut model);
        if is_killed {
            disk.end_now();
        }
        drop(ledger);
        disk.restart(End::Power);
        let mut ledger = disk.open().expect("a ledger");
        assert_eq!(Model::of(&ledger), model, "LEDGER_SEED={seed}, {is_killed}");
        fill(&mut ledger, &mut model);
        assert!(ledger.tidy().is_ok());
    }
}

/// A ledger whose disk is full at its start can be read, and says what is wrong when it is written.
#[test]
fn opens_on_a_full_disk() {
    let disk = Disk::new(1);
    let mut ledger = disk.open().expect("a ledger");
    assert_eq!(ledger.commit(&[insert(1)]), Ok(()));
    drop(ledger);
    disk.fail(Fault { operation: Operation::Write, how: How::Full, after: 0, times: u64::MAX });
    let mut ledger = disk.open().expect("a ledger");
    assert!(ledger.read().entry(1).is_ok_and(|entry| entry.is_some()));
    let error = ledger.commit(&[insert(2)]).expect_err("a full disk");
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    disk.repair();
    assert_eq!(ledger.commit(&[insert(2)]), Ok(()));
    let mut count = 0;
    let each = &mut |_: ledger::Row<'_>| {
        count += 1;
        std::ops::ControlFlow::Continue(())
    };
    assert_eq!(ledger.read().scan(0, States::ALL, each), Ok(()));
    assert_eq!(count, 2);
}

fn insert(seq: u64) -> Change {
    Change::Insert { seq, state: 1, head: vec![2; 40], body: vec![1; 300] }
}
