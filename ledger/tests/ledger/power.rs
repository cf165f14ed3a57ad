//! Kills and losses of power at every operation: what was acknowledged is there, and nothing is half.

use crate::disk::{Disk, End};
use ledger::testing::{Model, Rng, seeds};
use ledger::{Change, Ledger};

/// Ends one fixed history at each of its operations.
#[test]
fn every_operation_may_be_the_last() {
    let whole = Disk::new(0);
    history(&whole, &mut Rng::new(0), &mut Model::default(), 12);
    let operations = whole.operations();
    assert!(operations > 100, "{operations}");
    for last in 1..=operations {
        for (seed, end) in [(0, End::Kill), (1, End::Power), (2, End::Power), (3, End::Power)] {
            let disk = Disk::new(last * 4 + seed);
            let mut model = Model::default();
            disk.end_after(last);
            let attempt = history(&disk, &mut Rng::new(0), &mut model, 12);
            check(&disk, end, &mut model, attempt, &format!("operation {last}, seed {seed}"));
        }
    }
}

/// Lives of many processes on one disk, each of which ends somewhere.
#[test]
fn any_number_of_times() {
    for seed in seeds(60) {
        let (disk, mut rng, mut model) = (Disk::new(seed), Rng::new(seed), Model::default());
        for life in 0..20 {
            let commits = 1 + rng.below(20);
            disk.end_after(1 + rng.below(commits * 8));
            let attempt = history(&disk, &mut rng, &mut model, commits);
            let end = *rng.pick(&[End::Kill, End::Power, End::Power]);
            check(&disk, end, &mut model, attempt, &format!("LEDGER_SEED={seed}, life {life}"));
        }
    }
}

/// Commits, tidies and opens again, until the disk ends or all is done. Acknowledged changes are in
/// the model; those whose commit met the end are returned.
fn history(disk: &Disk, rng: &mut Rng, model: &mut Model, commits: u64) -> Option<Vec<Change>> {
    let mut ledger = disk.open().ok()?;
    for _ in 0..commits {
        let changes = model.random_batch(rng, 12);
        match ledger.commit(&changes) {
            Ok(()) => model.apply(&changes),
            Err(error) => {
                assert!(disk.has_ended(), "{error}");
                return Some(changes);
            }
        }
        match rng.below(6) {
            0 => {
                drop(ledger);
                ledger = disk.open().ok()?;
            }
            1..3 => drop(ledger.tidy()),
            3 => drop(ledger.rest()),
            _ => {}
        }
    }
    None
}

/// Starts again; what is there is the model, or the model with the last attempt.
fn check(disk: &Disk, end: End, model: &mut Model, attempt: Option<Vec<Change>>, round: &str) {
    disk.end_now();
    disk.restart(end);
    let ledger = disk.open().unwrap_or_else(|error| panic!("{round}, {end:?}: {error}"));
    let found = Model::of(&ledger);
    let attempted = attempt.map(|changes| model.after(&changes));
    let is_right = found == *model || attempted.is_some_and(|attempted| found == attempted);
    assert!(is_right, "{round}, {end:?}: {}", model.difference(&found));
    *model = found;
}
