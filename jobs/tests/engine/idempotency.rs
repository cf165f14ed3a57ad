//! Idempotency keys.

use crate::worker::{With, Worker, job};
use jobs::Settings;
use ledger::Ledger as _;
use protocol::{JobRefusal, UniqueMode};
use std::ops::ControlFlow;

#[test]
fn the_same_key_gives_the_same_job() {
    let mut worker = Worker::new();
    let both = vec![job("work").idempotent("k"), job("work").idempotent("k")];
    let made = worker.try_put_all(both, None).expect("accepted").jobs;
    assert_eq!((made[0].id, made[0].existing), (made[1].id, false));
    assert!(made[1].existing);
    assert_eq!(worker.drain(), [made[0].id]);
    for _ in 0..2 {
        let again = worker.try_put(job("work").idempotent("k")).expect("accepted");
        assert_eq!((again.id, again.existing), (made[0].id, true));
        worker.restart();
    }
}

#[test]
fn two_requests_before_one_commit_make_one_job() {
    let mut worker = Worker::new();
    let put = |worker: &mut Worker| {
        let jobs = vec![job("work").idempotent("k")];
        let made = worker.engine.enqueue(&crate::worker::app(), jobs, None, worker.ledger.read());
        made.expect("readable").expect("accepted").jobs[0]
    };
    let (first, second) = (put(&mut worker), put(&mut worker));
    assert_eq!((second.id, second.existing), (first.id, true));
}

#[test]
fn a_key_is_known_for_its_time() {
    let settings = Settings { idempotency_ms: 1000, keep_ms: 0, ..Settings::default() };
    let mut worker = Worker::with(settings);
    let first = worker.put(job("work").idempotent("k"));
    worker.drain();
    worker.advance(999);
    assert_eq!(worker.try_put(job("work").idempotent("k")).expect("accepted").id, first);
    worker.advance(1);
    worker.put(job("work").idempotent("k"));
}

#[test]
fn what_is_sent_again_is_answered_however_things_stand_now() {
    let settings = Settings { queue_len_max: 1, ..Settings::default() };
    let mut worker = Worker::with(settings);
    let sent = job("work").idempotent("k").unique("u", UniqueMode::Reject);
    let first = worker.put(sent.clone());
    assert_eq!(worker.try_put(sent).map(|again| (again.id, again.existing)), Ok((first, true)));
    assert!(matches!(worker.try_put(job("work")), Err(JobRefusal::QueueFull { .. })));
}

#[test]
fn sweeps_remove_all_that_is_past_and_say_whether_there_is_more() {
    let settings = Settings { idempotency_ms: 1000, queue_len_max: 1 << 20, ..Settings::default() };
    let mut worker = Worker::with(settings).slots(0);
    for key in 0..5_000 {
        worker.put(job("work").idempotent(&format!("past {key}")));
    }
    worker.advance(1000);
    worker.put(job("work").idempotent("known"));
    // Made anew: the first time is over, the second is not.
    worker.put(job("work").idempotent("past 7"));
    assert_eq!(keys(&worker).len(), 5_001);
    let mut sweeps = 1;
    while sweep(&mut worker) {
        sweeps += 1;
    }
    assert!((3..10).contains(&sweeps), "{sweeps} commits");
    assert_eq!(keys(&worker), ["shop\0known", "shop\0past 7"]);
    assert!(!sweep(&mut worker));
    worker.advance(1000);
    assert!(!sweep(&mut worker));
    assert!(keys(&worker).is_empty());
    assert_eq!(facts(&worker, 9), 0, "nor is there anything else of them");
}

#[test]
fn it_says_when_there_is_something_to_sweep() {
    let settings = Settings { idempotency_ms: 1000, ..Settings::default() };
    let mut worker = Worker::with(settings);
    assert_eq!(worker.engine.sweeps_in_ms(), Some(0), "nobody knows what the ledger has");
    sweep(&mut worker);
    assert_eq!(worker.engine.sweeps_in_ms(), None);
    worker.put(job("work").idempotent("first"));
    worker.advance(400);
    worker.put(job("work").idempotent("second"));
    assert_eq!(worker.engine.sweeps_in_ms(), Some(600));
    sweep(&mut worker);
    assert_eq!(worker.engine.sweeps_in_ms(), Some(600));
    worker.advance(600);
    assert_eq!(worker.engine.sweeps_in_ms(), Some(0));
    sweep(&mut worker);
    assert_eq!(
        (keys(&worker), worker.engine.sweeps_in_ms()),
        (vec!["shop\0second".to_owned()], Some(400))
    );
    worker.restart();
    assert_eq!(worker.engine.sweeps_in_ms(), Some(0));
}

#[test]
fn a_sweep_does_not_overlook_what_is_committed_with_it() {
    let settings = Settings { idempotency_ms: 1000, ..Settings::default() };
    let mut worker = Worker::with(settings);
    let jobs = vec![job("work").idempotent("k")];
    let made = worker.engine.enqueue(&crate::worker::app(), jobs, None, worker.ledger.read());
    made.expect("readable").expect("accepted");
    sweep(&mut worker);
    worker.advance(1000);
    assert_eq!(worker.engine.sweeps_in_ms(), Some(0));
    sweep(&mut worker);
    assert!(keys(&worker).is_empty());
}

/// A client that sends again must not make a second job because somebody sets the clock.
#[test]
fn keys_are_known_for_their_time_on_any_clock() {
    for jump in [48 * 3_600_000, -48 * 3_600_000] {
        let settings = Settings { idempotency_ms: 10_000, ..Settings::default() };
        let mut worker = Worker::with(settings);
        let before = worker.put(job("work").idempotent("before"));
        worker.jump(jump);
        let after = worker.put(job("work").idempotent("after"));
        worker.advance(9_999);
        sweep(&mut worker);
        for (key, id) in [("before", before), ("after", after)] {
            let again = worker.try_put(job("work").idempotent(key)).expect("accepted");
            assert_eq!(again.id, id, "{key}, {jump}");
        }
        worker.advance(1);
        sweep(&mut worker);
        assert!(keys(&worker).is_empty(), "{jump}");
        worker.put(job("work").idempotent("before"));
    }
}

fn sweep(worker: &mut Worker) -> bool {
    let more = worker.engine.sweep(worker.ledger.read()).expect("readable");
    worker.commit();
    more
}

fn keys(worker: &Worker) -> Vec<String> {
    let mut keys = Vec::new();
    let each = &mut |key: &[u8], _: &[u8]| {
        keys.push(String::from_utf8_lossy(key).into_owned());
        ControlFlow::Continue(())
    };
    worker.ledger.read().facts(5, each).expect("readable");
    keys
}

fn facts(worker: &Worker, kind: u8) -> usize {
    let mut count = 0;
    let each = &mut |_: &[u8], _: &[u8]| {
        count += 1;
        ControlFlow::Continue(())
    };
    worker.ledger.read().facts(kind, each).expect("readable");
    count
}

#[test]
fn the_job_sees_its_key() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").idempotent("k"));
    worker.step();
    assert_eq!(worker.running[&id].context.idempotency_key.as_deref(), Some("k"));
}
