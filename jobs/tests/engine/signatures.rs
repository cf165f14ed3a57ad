//! Declarations of functions are kept while a job or a release refers to them, and no longer.

use crate::worker::{Release, With, Worker, function, job};
use ledger::Ledger;
use protocol::{NewBatch, NewJob, Param};
use std::ops::ControlFlow;

/// A release in which `work` and `next` take that one optional parameter.
fn release(param: &str) -> Release {
    let declared = |name: &str| {
        let mut function = function(name, &[]);
        let name = param.to_owned();
        function.params.push(Param { name, optional: true, ..Param::default() });
        function
    };
    Release::default().with(declared("work")).with(declared("next"))
}

/// Those that the ledger has, when everything that can go is gone.
fn kept(worker: &mut Worker) -> usize {
    worker.step();
    while worker.engine.quiet_ms() == Some(0) {
        worker.step();
    }
    let mut count = 0;
    let each = &mut |_: &[u8], _: &[u8]| {
        count += 1;
        ControlFlow::Continue(())
    };
    worker.ledger.read().facts(1, each).expect("readable");
    assert_eq!(count, worker.engine.signatures());
    count
}

fn nothing_kept() -> jobs::Settings {
    jobs::Settings { keep_ms: 0, ..jobs::Settings::default() }
}

#[test]
fn releases_without_end_leave_none() {
    let mut worker = Worker::with(nothing_kept());
    for n in 0..50 {
        worker.deploy(Some(release(&format!("param{n}"))));
        worker.put(job("work"));
        worker.drain();
    }
    worker.deploy(Some(release("last")));
    assert_eq!(kept(&mut worker), 0);
    worker.put(job("work"));
    worker.restart();
    assert_eq!(kept(&mut worker), 1, "the release's own");
}

#[test]
fn a_job_that_waits_or_can_run_again_keeps_its_own() {
    let mut worker = Worker::new();
    worker.deploy(Some(release("a")));
    let waits = worker.put(job("work").delay(1000));
    worker.deploy(Some(release("b")));
    let over = worker.put(job("next"));
    worker.drain();
    worker.deploy(Some(release("c")));
    assert_eq!(kept(&mut worker), 2);
    assert!(worker.why(waits).contains("delayed"));
    worker.advance(1000);
    assert!(worker.retry(over));
    worker.step();
    assert!(worker.why(waits).contains("$a is called $c now"), "{}", worker.why(waits));
    assert!(worker.why(over).contains("$b is called $c now"), "{}", worker.why(over));
    for id in [waits, over] {
        worker.cancel(id);
        worker.delete(id);
    }
    worker.deploy(Some(release("d")));
    assert_eq!(kept(&mut worker), 0);
}

#[test]
fn what_is_to_follow_keeps_its_own() {
    let mut worker = Worker::with(nothing_kept());
    worker.deploy(Some(release("a")));
    let chained = worker.put(NewJob { then: vec![job("next")], ..job("work") });
    worker.step();
    // It runs on while releases come: nothing but its body tells what follows it.
    worker.deploy(Some(release("b")));
    assert_eq!(kept(&mut worker), 2);
    worker.restart();
    assert_eq!(kept(&mut worker), 2);
    worker.cancel(chained);
    worker.deploy(Some(release("c")));
    assert_eq!(kept(&mut worker), 0);

    let batch = NewBatch { finally: Some(job("next")), ..NewBatch::default() };
    let made = worker.try_put_all(vec![job("work").delay(1000)], Some(batch)).unwrap();
    worker.deploy(Some(release("d")));
    worker.restart();
    assert_eq!(kept(&mut worker), 2);
    worker.cancel(made.jobs[0].id);
    let last = worker.after(made.jobs[0].id);
    assert!(worker.why(last).contains("$c is called $d now"), "{}", worker.why(last));
}

#[test]
fn what_follows_while_many_are_looked_at_is_not_lost() {
    // The first step ends before it is looked at, or after.
    for slices in 0..8 {
        let mut worker = Worker::with(nothing_kept());
        worker.deploy(Some(release("a")));
        for _ in 0..150 {
            worker.put(job("work").delay(1_000_000));
        }
        let first = worker.put(NewJob { then: vec![job("work"), job("next")], ..job("work") });
        worker.step();
        for _ in 0..150 {
            worker.put(job("work").delay(1_000_000));
        }
        worker.deploy(Some(release("b")));
        assert_eq!(worker.engine.quiet_ms(), Some(0), "it looks");
        (0..slices).for_each(|_| drop(worker.step()));
        worker.done(first);
        assert_eq!(kept(&mut worker), 2, "after {slices}");
    }
}
