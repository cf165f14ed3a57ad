//! Batches.

use crate::worker::{Release, With, Worker, function, job};
use jobs::{QueueLimits, Rules, Settings, batch_on_disk};
use ledger::Ledger as _;
use protocol::{
    AppName, BatchReport, Catalog, Followed, JobId, JobRefusal, JobState, NewBatch, NewJob,
    UniqueMode,
};

fn worker() -> Worker {
    Worker::new().slots(9).release(Release::of(&["work", "all", "broken", "over", "next"]))
}

fn batch() -> NewBatch {
    NewBatch {
        name: "import".to_owned(),
        then: Some(job("all")),
        catch: Some(job("broken")),
        finally: Some(job("over")),
        allow_failures: true,
    }
}

fn put(worker: &mut Worker, jobs: Vec<NewJob>, batch: NewBatch) -> (JobId, Vec<JobId>) {
    let made = worker.try_put_all(jobs, Some(batch)).expect("accepted");
    (made.batch.expect("a batch"), made.jobs.iter().map(|job| job.id).collect())
}

/// Names of functions that begin.
fn begun(worker: &mut Worker) -> Vec<String> {
    let ids = worker.step();
    ids.iter().map(|id| worker.running[id].function.clone()).collect()
}

fn counts(worker: &Worker, id: JobId) -> (u32, u32, u32, u32) {
    let BatchReport { total, done, failed, cancelled, .. } =
        worker.engine.batch_report(id).expect("known");
    (total, done, failed, cancelled)
}

#[test]
fn a_batch_leads_to_what_followed_it() {
    let mut worker = worker();
    let (id, jobs) = put(&mut worker, vec![job("work").attempts(1), job("work")], batch());
    let followed = |worker: &Worker| worker.engine.batch_report(id).expect("known").followed;
    assert_eq!(followed(&worker), Followed::default());
    worker.step();
    worker.fail(jobs[0]);
    worker.restart();
    let catch = followed(&worker).catch.expect("it is made");
    assert_eq!(worker.report(catch).function, "broken");
    assert_eq!((followed(&worker).then, followed(&worker).finally), (None, None));
    worker.step();
    worker.done(jobs[1]);
    worker.restart();
    let finally = followed(&worker).finally.expect("it is made");
    assert_eq!(worker.report(finally).function, "over");
    assert_eq!(followed(&worker).catch, Some(catch));

    let (id, jobs) = put(&mut worker, vec![job("work")], batch());
    worker.step();
    worker.done(jobs[0]);
    let then = worker.engine.batch_report(id).expect("known").followed.then;
    assert_eq!(worker.report(then.expect("it is made")).function, "all");
    // Nothing of it is left when the batch is forgotten.
    worker.drain();
    worker.step_after(Settings::default().keep_ms + 1);
    for kind in 6..=9 {
        let none = worker.ledger.read().facts(kind, &mut |key, _| panic!("{kind}: {key:?}"));
        none.expect("readable");
    }
}

#[test]
fn then_and_finally_follow_when_all_are_done() {
    let mut worker = worker();
    let (id, jobs) = put(&mut worker, vec![job("work"), job("work")], batch());
    worker.step();
    worker.done(jobs[0]);
    assert!(begun(&mut worker).is_empty());
    assert_eq!(counts(&worker, id), (2, 1, 0, 0));
    worker.restart();
    worker.step();
    worker.done(jobs[1]);
    assert_eq!(worker.engine.take_batches_over(), [id.seq()]);
    worker.restart();
    assert_eq!(begun(&mut worker), ["all", "over"]);
    let inputs = worker.running.values().map(|start| start.context.input.clone());
    let text = inputs.flatten().map(|input| String::from_utf8_lossy(&input[1..]).into_owned());
    assert!(text.collect::<Vec<_>>().iter().all(|text| *text == id.to_string()));
    worker.restart();
    assert_eq!(begun(&mut worker), ["all", "over"], "the same ones again");
    worker.drain();
    assert!(begun(&mut worker).is_empty());
}

#[test]
fn a_dead_job_is_caught_once_and_others_go_on() {
    let mut worker = worker();
    let jobs = vec![job("work").attempts(1); 3];
    let (id, jobs) = put(&mut worker, jobs, batch());
    worker.step();
    worker.fail(jobs[0]);
    assert_eq!(begun(&mut worker), ["broken"]);
    worker.fail(jobs[1]);
    worker.done(jobs[2]);
    assert_eq!(begun(&mut worker), ["over"]);
    assert_eq!(counts(&worker, id), (3, 1, 2, 0));
}

#[test]
fn a_dead_job_ends_the_others_where_failures_are_not_allowed() {
    for lost in [false, true] {
        let mut worker = worker().slots(2);
        let batch = NewBatch { allow_failures: false, ..batch() };
        let jobs = vec![job("work").attempts(1); 4];
        let (id, jobs) = put(&mut worker, jobs, batch);
        worker.step();
        let start = worker.running.remove(&jobs[0]).expect("runs");
        let ended = jobs::Ended::Failed("no".to_owned());
        assert!(worker.engine.finish(start.seq, start.context.attempt, ended));
        worker.commit();
        if lost {
            worker.reopen();
        }
        worker.step();
        for waiting in &jobs[2..] {
            assert_eq!(worker.state(*waiting), Some(JobState::Cancelled), "{lost}");
        }
        assert_eq!(worker.engine.take_interrupts(), [jobs[1].seq()]);
        worker.fail(jobs[1]);
        assert_eq!(counts(&worker, id), (4, 0, 1, 3));
        worker.step();
        let mut names: Vec<_> =
            worker.running.values().map(|start| start.function.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["broken", "over"]);
    }
}

#[test]
fn jobs_join_an_open_batch() {
    let mut worker = worker();
    let (id, jobs) = put(&mut worker, vec![job("work")], batch());
    let mut late = job("work");
    late.batch = Some(id);
    let late_id = worker.put(late.clone());
    worker.step();
    worker.done(jobs[0]);
    assert!(begun(&mut worker).is_empty());
    worker.done(late_id);
    assert_eq!(begun(&mut worker), ["all", "over"]);
    assert_eq!(worker.try_put(late), Err(JobRefusal::UnknownBatch { id }));
}

#[test]
fn who_joins_a_batch_after_one_is_dead_is_cancelled_like_the_others() {
    let mut worker = worker().slots(2);
    let batch = NewBatch { allow_failures: false, ..batch() };
    let (id, jobs) = put(&mut worker, vec![job("work").attempts(1); 2], batch);
    worker.step();
    worker.fail(jobs[0]);
    let late = worker.put(NewJob { batch: Some(id), ..job("work") });
    worker.step();
    assert_eq!(worker.state(late), Some(JobState::Cancelled));
    worker.done(jobs[1]);
    assert_eq!(counts(&worker, id), (3, 0, 1, 2));
}

#[test]
fn one_that_is_found_expired_when_its_turn_comes_ends_the_others_at_once() {
    let mut worker = worker();
    let batch = NewBatch { allow_failures: false, ..batch() };
    let (id, jobs) = put(&mut worker, vec![job("work").expires(1000), job("work")], batch);
    worker.jump(2000);
    assert_eq!(begun(&mut worker), ["broken", "over"]);
    assert_eq!(worker.state(jobs[1]), Some(JobState::Cancelled));
    assert_eq!(counts(&worker, id), (2, 0, 1, 1));
}

#[test]
fn steps_of_a_chain_belong_to_its_batch() {
    let mut worker = worker();
    let mut chain = job("work");
    chain.then = vec![job("next"), job("next")];
    let (id, jobs) = put(&mut worker, vec![chain], batch());
    worker.step();
    worker.done(jobs[0]);
    assert_eq!(begun(&mut worker), ["next"]);
    assert_eq!(counts(&worker, id), (2, 1, 0, 0));
    worker.restart();
    worker.step();
    worker.drain();
    assert_eq!(counts(&worker, id), (3, 3, 0, 0));
}

#[test]
fn a_cancelled_batch_runs_what_follows_whatever_the_end() {
    let mut worker = worker().slots(1);
    let (id, jobs) = put(&mut worker, vec![job("work"), job("work")], batch());
    worker.step();
    use ledger::Ledger as _;
    assert!(worker.engine.cancel_batch(id, worker.ledger.read()).expect("readable"));
    worker.commit();
    assert_eq!(worker.engine.take_interrupts(), [jobs[0].seq()]);
    assert_eq!(worker.state(jobs[1]), Some(JobState::Cancelled));
    worker.end(jobs[0], jobs::Ended::Interrupted);
    assert_eq!(counts(&worker, id), (2, 0, 0, 2));
    assert_eq!(begun(&mut worker), ["over"]);
    assert!(!worker.engine.cancel_batch(id, worker.ledger.read()).expect("readable"));
}

#[test]
fn a_batch_of_jobs_that_are_there_already_is_over_at_once() {
    let mut worker = worker();
    worker.put(job("work").idempotent("k"));
    let (id, _) = put(&mut worker, vec![job("work").idempotent("k")], batch());
    assert_eq!(counts(&worker, id), (0, 0, 0, 0));
    assert_eq!(begun(&mut worker), ["work", "all", "over"]);
}

#[test]
fn a_batch_is_kept_for_a_time() {
    let mut worker = worker();
    let (id, jobs) = put(&mut worker, vec![job("work")], NewBatch::default());
    worker.step();
    worker.done(jobs[0]);
    worker.restart();
    worker.step_after(Settings::default().keep_ms - 1);
    assert!(worker.engine.batch_report(id).is_some());
    worker.step_after(1);
    assert!(worker.engine.batch_report(id).is_none());
    worker.restart();
    assert!(worker.engine.batch_report(id).is_none());
}

#[test]
fn a_bad_callback_is_refused_with_everything() {
    let mut worker = worker();
    let bad = NewBatch { finally: Some(job("unknown")), ..NewBatch::default() };
    let refused = worker.try_put_all(vec![job("work")], Some(bad));
    assert!(matches!(refused, Err(JobRefusal::UnknownFunction { .. })));
    assert!(worker.step().is_empty());
}

/// Its last job is not over before the one in its place is there.
#[test]
fn a_batch_is_not_over_while_its_last_job_is_replaced() {
    for mode in [UniqueMode::Replace, UniqueMode::Debounce] {
        let mut worker = worker();
        let waiting = job("work").delay(1000).unique("k", mode);
        let (id, _) = put(&mut worker, vec![waiting.clone()], batch());
        let instead = NewJob { batch: Some(id), ..waiting };
        worker.put(instead);
        assert!(begun(&mut worker).is_empty(), "{mode:?}");
        assert_eq!(counts(&worker, id), (2, 0, 0, 1));
        assert!(worker.engine.take_batches_over().is_empty());
        worker.advance(1000);
        assert_eq!(begun(&mut worker), ["work"]);
        let [last] = worker.running.keys().copied().collect::<Vec<_>>()[..] else { panic!() };
        worker.done(last);
        assert_eq!(worker.engine.take_batches_over(), [id.seq()]);
        assert!(worker.engine.batch_report(id).expect("known").is_over());
        assert_eq!(begun(&mut worker), ["over"]);
    }
}

#[test]
fn what_follows_a_batch_joins_none() {
    let mut worker = worker();
    let (id, _) = put(&mut worker, vec![job("work")], batch());
    let joining = NewJob { batch: Some(id), ..job("all") };
    let batch = NewBatch { then: Some(joining), ..batch() };
    let refusal = worker.try_put_all(vec![job("work")], Some(batch)).unwrap_err();
    assert!(matches!(refusal, JobRefusal::BadOption { ref option, .. } if option == "batch"));
}

#[test]
fn a_batch_is_joined_by_jobs_of_its_application() {
    let mut worker = worker();
    let (id, _) = put(&mut worker, vec![job("work")], batch());
    let other = AppName::new("blog").expect("a name");
    let catalog = Catalog { functions: vec![function("work", &[])], ..Catalog::default() };
    worker.engine.set_rules(&other, Some(Rules::new(&catalog, QueueLimits::new())));
    let joining = vec![NewJob { batch: Some(id), ..job("work") }];
    let made = worker.engine.enqueue(&other, joining, None, worker.ledger.read());
    assert_eq!(made.expect("readable"), Err(JobRefusal::UnknownBatch { id }));
}

/// What follows them is held until they are over, and so counts as arguments of jobs do.
#[test]
fn what_follows_batches_fills_the_queue() {
    let settings = Settings { queue_bytes_max: 1500, ..Settings::default() };
    let mut worker = Worker::with(settings).release(Release::of(&["work", "over"]));
    let over = NewJob { arguments: vec![0; 1000], ..job("over") };
    let large = NewBatch { finally: Some(over), ..NewBatch::default() };
    let one = |worker: &mut Worker| worker.try_put_all(vec![job("work")], Some(large.clone()));
    let first = one(&mut worker).expect("there is room").jobs[0].id;
    for _ in 0..2 {
        let refusal = one(&mut worker).unwrap_err();
        let is_right = matches!(&refusal, JobRefusal::QueueFull { setting, .. } if setting == "jobs.queue_bytes_max");
        assert!(is_right, "{refusal:?}");
        worker.restart();
    }
    assert_eq!(worker.step(), [first]);
    worker.done(first);
    assert!(worker.engine.bytes() < 1200, "it is that of a job now");
    worker.drain();
    assert_eq!(worker.engine.bytes(), 0);
    assert!(one(&mut worker).is_ok());
}

/// Of a later version, say.
#[test]
fn a_batch_that_cannot_be_read_is_left_alone() {
    for kind in [BATCH, BATCH_COUNTS] {
        let mut worker = worker();
        let (id, jobs) = put(&mut worker, vec![job("work")], batch());
        let key = id.seq().to_be_bytes().to_vec();
        let change = ledger::Change::SetFact { kind, key: key.clone(), value: vec![0xff; 3] };
        worker.ledger.commit(&[change]).expect("a commit");
        assert_eq!(
            batch_on_disk(id, worker.ledger.read()),
            Ok(None),
            "what stands there is not known"
        );
        worker.restart();
        let troubles = worker.engine.take_troubles();
        assert!(
            troubles[0].contains(&format!("batch {} cannot be read", id.seq())),
            "{troubles:?}"
        );
        assert_eq!(worker.step(), jobs);
        worker.done(jobs[0]);
        assert!(begun(&mut worker).is_empty());
        assert_eq!(worker.ledger.read().fact(kind, &key), Ok(Some(vec![0xff; 3])));
        assert_ne!(worker.put(job("work")).seq(), id.seq());
    }
}

/// Kinds of facts.
const BATCH: u8 = 6;
const BATCH_COUNTS: u8 = 7;
