//! Schedules: one job for each tick.

use crate::worker::{Release, Worker, function, job};
use jobs::{Planned, Settings};
use protocol::{Catalog, Function, JobState, Missed, Schedule, Unique, UniqueMode};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn every(cron: &str, missed: Missed) -> Function {
    let schedule = Schedule { cron: cron.to_owned(), timezone: None, missed };
    Function { schedules: vec![schedule], ..function("report", &[]) }
}

fn release(cron: &str, missed: Missed) -> Release {
    Release::of(&["work"]).with(every(cron, missed))
}

/// At 08:00:00 UTC, with a job every ten minutes.
fn worker(missed: Missed) -> Worker {
    let worker = Worker::with(Settings { missed_ticks_max: 5, ..Settings::default() });
    assert_eq!(worker.now.wall_ms % (10 * MINUTE), 0);
    let mut worker = worker.slots(100).release(release("*/10 * * * *", missed));
    worker.commit();
    worker
}

#[test]
fn each_tick_makes_one_job() {
    let mut worker = worker(Missed::Once);
    assert!(worker.step_after(10 * MINUTE - 1).is_empty(), "a new one begins now");
    assert_eq!(worker.engine.quiet_ms(), Some(1));
    for _ in 0..5 {
        let ids = worker.step_after(if worker.running.is_empty() { 1 } else { 10 * MINUTE });
        assert_eq!(ids.len(), 1);
        let start = &worker.running[&ids[0]];
        assert_eq!(
            (start.function.as_str(), start.arguments.as_slice()),
            ("report", [0, 0].as_slice())
        );
        assert!(worker.step().is_empty());
    }
    assert_eq!(worker.report(*worker.running.keys().next().unwrap()).tags, ["schedule"]);
}

#[test]
fn a_restart_brings_no_tick_twice_and_loses_none() {
    let mut worker = worker(Missed::Once);
    assert_eq!(worker.step_after(10 * MINUTE).len(), 1);
    let first = *worker.running.keys().next().unwrap();
    worker.done(first);
    worker.restart();
    assert!(worker.step().is_empty());
    worker.advance(10 * MINUTE - 1);
    worker.restart();
    assert!(worker.step().is_empty());
    assert_eq!(worker.step_after(1).len(), 1);
}

#[test]
fn a_tick_whose_commit_failed_comes_again() {
    let mut worker = worker(Missed::Once);
    worker.fail_next_commit();
    assert!(worker.step_after(10 * MINUTE).is_empty());
    assert_eq!(worker.step().len(), 1);
    assert!(worker.step().is_empty());
}

#[test]
fn missed_ticks_are_made_up_for_as_the_schedule_says() {
    for (missed, hours, expected) in [
        (Missed::Once, 1, 1),
        (Missed::Skip, 1, 0),
        (Missed::All, 0, 3),
        (Missed::All, 1, 5),
        (Missed::All, 24 * 365, 5),
    ] {
        let mut worker = worker(missed);
        worker.advance(hours * HOUR + 35 * MINUTE);
        worker.restart();
        assert_eq!(worker.step().len(), expected, "{missed:?} after {hours} hours");
        assert!(worker.step_after(5 * MINUTE - 1).is_empty());
        assert_eq!(worker.step_after(1).len(), 1, "{missed:?}");
    }
}

#[test]
fn a_worker_that_starts_again_at_the_tick_has_not_missed_it() {
    let mut worker = worker(Missed::Skip);
    worker.advance(10 * MINUTE + 40_000);
    worker.restart();
    assert_eq!(worker.step().len(), 1);
}

#[test]
fn a_clock_that_is_set_back_brings_no_tick_twice() {
    let mut worker = worker(Missed::Once);
    worker.step_after(10 * MINUTE);
    worker.jump(-i64::try_from(9 * MINUTE).unwrap());
    assert!(worker.step_after(9 * MINUTE).is_empty());
    let first = *worker.running.keys().next().unwrap();
    worker.done(first);
    worker.restart();
    assert!(worker.step_after(10 * MINUTE - 1).is_empty());
    assert_eq!(worker.step_after(1).len(), 1);
}

#[test]
fn a_clock_that_is_set_on_has_missed_ticks() {
    let mut worker = worker(Missed::Once);
    worker.jump(i64::try_from(5 * HOUR).unwrap());
    assert_eq!(worker.step().len(), 1);
    assert_eq!(worker.step_after(10 * MINUTE).len(), 1);
}

#[test]
fn a_clock_that_was_wrong_by_years_stops_no_schedule() {
    for restart in [false, true] {
        let mut worker = worker(Missed::Once);
        let years = i64::try_from(3 * 365 * 24 * HOUR).unwrap();
        worker.jump(years);
        worker.step();
        worker.jump(-years);
        if restart {
            worker.restart();
        }
        worker.drain();
        assert!(worker.step_after(10 * MINUTE - 1).is_empty());
        assert_eq!(worker.step_after(1).len(), 1, "{restart}");
    }
}

#[test]
fn a_clock_that_was_wrong_stops_no_schedule_that_comes_late() {
    let mut worker = worker(Missed::Once);
    let years = i64::try_from(3 * 365 * 24 * HOUR).unwrap();
    worker.jump(years);
    worker.step();
    worker.drain();
    worker.deploy(None);
    worker.jump(-years);
    worker.restart();
    // Its release starts after others have been at work.
    worker.step();
    worker.deploy(Some(release("*/10 * * * *", Missed::Once)));
    assert!(worker.step_after(10 * MINUTE - 1).is_empty());
    assert_eq!(worker.step_after(1).len(), 1);
}

/// A release with a day that no month has does not start. Beyond the calendar no schedule has a next time.
#[test]
fn a_schedule_that_finds_no_next_time_stands_still_until_it_finds_one() {
    let mut worker = worker(Missed::Once);
    let years = i64::try_from(8000 * 365 * 24 * HOUR).unwrap();
    worker.jump(years);
    assert!(worker.step().is_empty());
    let troubles = worker.engine.take_troubles();
    assert!(troubles[0].contains("had no tick: it begins anew"), "{troubles:?}");
    assert_eq!(worker.engine.quiet_ms(), None, "it is not due for ever");
    let id = worker.put(job("work"));
    assert_eq!(worker.step_after(HOUR), [id], "it holds up nobody");
    assert!(worker.engine.take_troubles().is_empty(), "it is told once");
    worker.jump(-years);
    assert!(worker.step_after(10 * MINUTE - 1).is_empty());
    assert_eq!(worker.step_after(1).len(), 1);
}

#[test]
fn a_new_schedule_begins_now_and_one_that_is_gone_is_forgotten() {
    let mut worker = worker(Missed::All);
    worker.advance(25 * MINUTE);
    worker.deploy(Some(release("*/5 * * * *", Missed::All)));
    assert!(worker.step().is_empty(), "the old one is gone, the new one begins");
    assert_eq!(worker.step_after(5 * MINUTE).len(), 1);
    worker.drain();
    worker.deploy(Some(Release::of(&["work"])));
    assert!(worker.step_after(HOUR).is_empty());
    assert_eq!(worker.engine.quiet_ms(), None);
    worker.deploy(Some(release("*/10 * * * *", Missed::All)));
    worker.commit();
    worker.restart();
    assert_eq!(worker.step_after(10 * MINUTE).len(), 1, "it began again");
}

#[test]
fn the_same_schedule_goes_on_in_another_release() {
    let mut worker = worker(Missed::Once);
    worker.advance(9 * MINUTE);
    worker.deploy(Some(release("*/10 * * * *", Missed::Skip)));
    assert_eq!(worker.step_after(MINUTE).len(), 1);
    worker.deploy(None);
    assert!(worker.step_after(20 * MINUTE).is_empty());
    worker.deploy(Some(release("*/10 * * * *", Missed::All)));
    assert_eq!(worker.step().len(), 2, "what passed while no release ran was missed");
}

#[test]
fn a_unique_function_does_not_pile_up() {
    for mode in [UniqueMode::Reject, UniqueMode::Existing] {
        let mut report = every("*/10 * * * *", Missed::Once);
        report.job.unique = Some(Unique { key: "report".to_owned(), mode, window_ms: 0 });
        let mut worker = Worker::new().release(Release::default().with(report));
        let first = worker.step_after(10 * MINUTE);
        assert!(worker.step_after(10 * MINUTE).is_empty());
        assert!(worker.engine.take_troubles().is_empty());
        worker.done(first[0]);
        assert_eq!(worker.step_after(10 * MINUTE).len(), 1);
    }
}

#[test]
fn a_tick_that_cannot_be_queued_is_told() {
    let mut worker = worker(Missed::Once);
    worker.engine.drain(&crate::worker::app(), "default");
    assert!(worker.step_after(10 * MINUTE).is_empty());
    let troubles = worker.engine.take_troubles();
    assert!(troubles[0].contains("drained"), "{troubles:?}");
    worker.engine.resume(&crate::worker::app(), "default");
    assert_eq!(worker.step_after(10 * MINUTE).len(), 1);
}

#[test]
fn only_those_of_this_worker_are_run() {
    let catalog = Catalog {
        functions: vec![every("*/10 * * * *", Missed::Once), every("*/5 * * * *", Missed::Once)],
        ..Catalog::default()
    };
    let names: Vec<_> = Planned::of(&catalog).iter().map(Planned::name).collect();
    assert_eq!(names, ["report */10 * * * * UTC", "report */5 * * * * UTC"]);
}

#[test]
fn what_could_never_run_is_said_when_a_release_starts() {
    let check = |function: Function| {
        let catalog = Catalog { functions: vec![function], ..Catalog::default() };
        Planned::of(&catalog)[0].check(&catalog)
    };
    assert_eq!(check(every("@hourly", Missed::Once)), Ok(()));
    assert!(check(every("@never", Missed::Once)).unwrap_err().contains("schedule of report()"));
    let february = check(every("0 0 30 2 *", Missed::Once)).unwrap_err();
    assert!(february.contains("schedule of report()") && february.contains("never comes"));
    let mut needy = function("report", &["required"]);
    needy.schedules = every("@hourly", Missed::Once).schedules;
    assert!(check(needy).unwrap_err().contains("$required"));
    let unknown = Planned {
        function: "nowhere".to_owned(),
        schedule: every("@hourly", Missed::Once).schedules.remove(0),
    };
    assert!(unknown.check(&Catalog::default()).unwrap_err().contains("nowhere"));
}

/// The ledger would refuse it, and with it whatever else is committed.
#[test]
fn a_schedule_that_cannot_be_stored_is_left_out() {
    let minutes: Vec<_> = (0..60).map(|minute| minute.to_string()).collect();
    let long = format!("{} * * * *", vec![minutes.join(","); 8].join(","));
    let named = Function {
        schedules: every("@hourly", Missed::Once).schedules,
        ..function(&"f".repeat(1024), &[])
    };
    let catalog = Catalog { functions: vec![named.clone()], ..Catalog::default() };
    assert!(Planned::of(&catalog)[0].check(&catalog).unwrap_err().contains("at most 512 bytes"));
    for scheduled in [every(&long, Missed::Once), named] {
        let mut worker = Worker::new().release(Release::of(&["work"]).with(scheduled));
        let troubles = worker.engine.take_troubles();
        assert!(troubles[0].contains("a schedule is left out"), "{troubles:?}");
        let id = worker.put(job("work"));
        assert_eq!(worker.step(), [id]);
    }
}

#[test]
fn other_jobs_are_left_alone() {
    let mut worker = worker(Missed::Once);
    let id = worker.put(job("work"));
    assert_eq!(worker.step(), [id]);
    worker.step_after(10 * MINUTE);
    worker.done(id);
    assert_eq!(worker.state(id), Some(JobState::Done));
}
