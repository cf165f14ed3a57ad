//! Queues: paused, drained, full.

use crate::worker::{With, Worker, app, job};
use jobs::Settings;
use protocol::{JobRefusal, JobState};

#[test]
fn a_paused_queue_begins_nothing() {
    let mut worker = Worker::new().slots(3);
    let runs = worker.put(job("work").queue("q"));
    worker.step();
    worker.engine.pause(&app(), "q");
    let waits = worker.put(job("work").queue("q"));
    let free = worker.put(job("work"));
    assert_eq!(worker.step(), [free]);
    worker.done(runs);
    worker.restart();
    assert!(worker.engine.queues().iter().any(|queue| queue.queue == "q" && queue.paused));
    let why = "its queue \"q\" is paused; it goes on after: appserver queue resume q --app shop";
    assert_eq!(worker.why(waits), why);
    worker.engine.resume(&app(), "q");
    assert!(worker.step().contains(&waits));
}

#[test]
fn a_draining_queue_takes_nothing_and_empties() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").queue("q"));
    worker.engine.drain(&app(), "q");
    for _ in 0..2 {
        let refusal = worker.try_put(job("work").queue("q")).unwrap_err();
        assert!(
            matches!(&refusal, JobRefusal::Unavailable { reason } if reason.contains("drained"))
        );
        worker.restart();
    }
    assert_eq!(worker.drain(), [id]);
    worker.engine.resume(&app(), "q");
    worker.put(job("work").queue("q"));
}

#[test]
fn a_full_queue_refuses() {
    let settings = Settings { queue_len_max: 2, ..Settings::default() };
    let mut worker = Worker::with(settings);
    let first = worker.put(job("work"));
    worker.put(job("work"));
    worker.put(job("work").queue("another"));
    let full = JobRefusal::QueueFull {
        queue: "default".to_owned(),
        setting: "jobs.queue_len_max".to_owned(),
        limit: 2,
    };
    assert_eq!(worker.try_put(job("work")), Err(full.clone()));
    worker.step();
    assert_eq!(worker.try_put(job("work")), Err(full), "what runs counts");
    worker.done(first);
    worker.put(job("work"));
    let two = vec![job("work").queue("a"), job("work").queue("b")];
    worker.try_put_all(two.clone(), None).expect("each has room");
    worker.try_put_all(two, None).expect("each has room for one more");
}

#[test]
fn all_of_a_request_or_nothing() {
    let settings = Settings { queue_len_max: 2, ..Settings::default() };
    let mut worker = Worker::with(settings);
    let three = vec![job("work"); 3];
    assert!(matches!(worker.try_put_all(three, None), Err(JobRefusal::QueueFull { .. })));
    let bad = vec![job("work"), job("nowork")];
    assert!(matches!(worker.try_put_all(bad, None), Err(JobRefusal::UnknownFunction { .. })));
    assert!(worker.step().is_empty());
}

#[test]
fn too_many_jobs_in_all_queues_are_refused() {
    let settings = Settings { len_max: 2, ..Settings::default() };
    let mut worker = Worker::with(settings);
    let first = worker.put(job("work").queue("a"));
    worker.put(job("work").queue("b"));
    worker.step();
    let full = JobRefusal::QueueFull {
        queue: "c".to_owned(),
        setting: "jobs.len_max".to_owned(),
        limit: 2,
    };
    assert_eq!(worker.try_put(job("work").queue("c")), Err(full.clone()));
    worker.restart();
    assert_eq!(worker.try_put(job("work").queue("c")), Err(full.clone()));
    worker.cancel(first);
    let two = vec![job("work").queue("c"), job("work").queue("c")];
    assert_eq!(worker.try_put_all(two, None), Err(full));
    worker.put(job("work").queue("c"));
}

#[test]
fn too_many_bytes_are_refused() {
    let settings = Settings { queue_bytes_max: 2000, ..Settings::default() };
    let mut worker = Worker::with(settings);
    let mut large = job("work");
    large.arguments = vec![0xc0; 900];
    let first = worker.put(large.clone());
    let second = worker.put(large.clone());
    let refused = worker.try_put(large.clone()).unwrap_err();
    assert!(
        matches!(refused, JobRefusal::QueueFull { setting, .. } if setting.ends_with("bytes_max"))
    );
    worker.restart();
    worker.cancel(second);
    let third = worker.put(large.clone());
    assert_eq!(worker.drain(), [first, third]);
    assert_eq!(worker.engine.bytes(), 0);
}

#[test]
fn queues_tell_what_waits_and_runs() {
    let mut worker = Worker::new();
    (0..3).for_each(|_| {
        worker.put(job("work"));
    });
    worker.step();
    let queue = worker.engine.queues().remove(0);
    assert_eq!((queue.queue.as_str(), queue.waiting, queue.running), ("default", 2, 1));
}

#[test]
fn queues_are_not_made_without_end() {
    let mut worker = Worker::new().slots(0);
    for number in 0..4096 {
        worker.put(job("work").queue(&format!("q{number}")));
    }
    let refused = worker.try_put(job("work").queue("one-more")).unwrap_err();
    assert!(matches!(refused, JobRefusal::BadOption { option, .. } if option == "queue"));
    let id = worker.put(job("work").queue("q17"));
    assert_eq!(worker.state(id), Some(JobState::Waiting));
}
