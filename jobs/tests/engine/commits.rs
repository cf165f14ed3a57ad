//! No commit takes long, however much is due at once: the rest follows in the next ones.

use crate::worker::{With, Worker, job};
use protocol::{JobState, NewBatch};

#[test]
fn a_dead_job_ends_many_others_in_several_commits() {
    let mut worker = Worker::new();
    let batch = NewBatch { allow_failures: false, ..NewBatch::default() };
    let made = worker.try_put_all(vec![job("work").attempts(1); 5000], Some(batch));
    let made = made.expect("accepted");
    let id = made.batch.expect("a batch");
    let jobs: Vec<_> = made.jobs.iter().map(|job| job.id).collect();
    let cancelled = |worker: &Worker| worker.engine.batch_report(id).expect("known").cancelled;
    worker.step();
    worker.fail(jobs[0]);
    let (mut commits, mut seen) = (0, cancelled(&worker));
    assert!(seen < 2200, "{seen} at once");
    while seen < 4999 {
        assert_eq!(worker.engine.quiet_ms(), Some(0), "it goes on at once");
        if commits == 2 {
            worker.restart();
        }
        worker.step();
        let now = cancelled(&worker);
        assert!(now > seen && now - seen < 2200, "{} at once", now - seen);
        (seen, commits) = (now, commits + 1);
    }
    assert!(!jobs[1..].iter().any(|job| worker.running.contains_key(job)), "none begins");
    worker.step();
    assert_ne!(worker.engine.quiet_ms(), Some(0));
}

#[test]
fn many_jobs_whose_time_is_over_are_ended_in_several_commits() {
    // By the clock alone, and where an executor asks for the next one.
    for slots in [0, 1] {
        let mut worker = Worker::new().slots(slots);
        let jobs = vec![job("work").expires(1000); 5000];
        let last = worker.try_put_all(jobs, None).expect("accepted").jobs[4999].id;
        let alive = worker.put(job("work"));
        worker.advance(1000);
        let mut commits = 0;
        while worker.state(last) == Some(JobState::Waiting) {
            assert_eq!(worker.engine.quiet_ms(), Some(0), "it goes on at once");
            let before = worker.engine.totals().dead;
            assert!(worker.step().iter().all(|id| *id == alive));
            let dead = worker.engine.totals().dead - before;
            assert!((1..1100).contains(&dead), "{dead} at once");
            commits += 1;
        }
        assert!(commits > 4, "{commits}");
        assert!(worker.step().iter().chain(worker.running.keys()).all(|id| *id == alive));
    }
}
