//! The worker is killed while many queue jobs, at any moment and at each step of a commit: what was
//! acknowledged is there, runs, and has its effect once where the job uses its idempotency key.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{JobId, JobOptions, JobRefusal, JobReply, JobRequest, JobState};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

const PRODUCERS: u32 = 8;
/// How often the worker is killed, where `APPSERVER_PROOF_KILLS` does not say.
const ROUNDS: u32 = 100;
/// Jobs that are acknowledged before the worker is killed, more or less.
const PER_ROUND: u32 = 30;
/// Places at which the worker dies by itself, in turn with kills from outside.
const FAULT_POINTS: [&str; 3] = ["jobs.committing", "jobs.committed", "jobs.answered"];

const FUNCTIONS: &str = r#"<?php
/** An effect that two attempts cannot both have: whoever comes second finds it done. */
function has_an_effect(): void {
    $key = AppServer\Job::current()->idempotencyKey;
    $folder = __DIR__ . '/effects';
    file_put_contents(__DIR__ . '/attempts', "$key\n", FILE_APPEND | LOCK_EX);
    if (@mkdir("$folder/$key")) { file_put_contents(__DIR__ . '/done', "$key\n", FILE_APPEND | LOCK_EX); }
}
"#;

/// Queues one job after the other, each under a key of its own, and asks again with the same key
/// whenever it was not told what became of one.
fn produce(
    socket: &Path,
    name: u32,
    acknowledged: &AtomicU32,
    stop: &AtomicBool,
) -> Vec<(String, JobId)> {
    let (mut told, mut wire) = (Vec::new(), None);
    while !stop.load(Ordering::Relaxed) {
        let key = format!("{name}-{}", told.len());
        let Some(connected) = wire.as_mut() else {
            wire = JobsWire::connect(socket).ok();
            std::thread::yield_now();
            continue;
        };
        // No worker that is killed is a reason to give a job up here.
        let options = JobOptions {
            idempotency_key: Some(key.clone()),
            crash_attempts: Some(1000),
            keep_ms: Some(3_600_000),
            ..JobOptions::default()
        };
        match JobsWire::queue(connected, "has_an_effect", options) {
            Ok(JobReply::Accepted { jobs, .. }) => {
                told.push((key, jobs[0].id));
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            // A release that is not there yet, or the worker ends.
            Ok(JobReply::Refused(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(_) => wire = None,
        }
    }
    told
}

fn lines(worker: &Sidecar, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(worker.app().join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn no_acknowledged_job_is_lost_by_kills_and_none_has_its_effect_twice() {
    let app = "[executors]\nmin = 1\nmax = 1\n[pools.jobs]\nexecutors.max = 3\n";
    let mut worker =
        Sidecar::builder().file("functions.php", FUNCTIONS).file("app.toml", app).start();
    std::fs::create_dir(worker.app().join("effects")).unwrap();
    let rounds =
        std::env::var("APPSERVER_PROOF_KILLS").map_or(ROUNDS, |told| told.parse().unwrap());
    let (socket, acknowledged, stop) = (worker.socket(), AtomicU32::new(0), AtomicBool::new(false));
    let told = std::thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|name| {
                scope.spawn({
                    let (socket, acknowledged, stop) = (&socket, &acknowledged, &stop);
                    move || produce(socket, name, acknowledged, stop)
                })
            })
            .collect();
        for round in 0..rounds {
            let enough = acknowledged.load(Ordering::Relaxed) + 1 + round * 7 % PER_ROUND;
            eventually("jobs are acknowledged", || {
                (acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
            });
            worker.kill();
            if round % 2 == 1 {
                let point = FAULT_POINTS[round as usize / 2 % FAULT_POINTS.len()];
                worker.die_at(&format!("{point}:{}", 2 + round % 13));
            }
            worker.restart();
        }
        stop.store(true, Ordering::Relaxed);
        producers.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(told.len() >= rounds as usize);
    let mut wire = JobsWire::connect(&socket).unwrap();
    for (key, id) in &told {
        let Ok(JobReply::Job(Some(job))) =
            wire.ask(&JobRequest::Await { id: *id, wait_ms: 30_000 })
        else {
            panic!("job {id} of key {key} is lost");
        };
        assert_eq!(job.state, JobState::Done, "{key}: {job:?}");
    }
    let ids: BTreeMap<&String, &JobId> = told.iter().map(|(key, id)| (key, id)).collect();
    assert_eq!(ids.len(), told.len(), "a key was told twice");
    let attempted: BTreeSet<String> = lines(&worker, "attempts").into_iter().collect();
    let done = lines(&worker, "done");
    let once: BTreeSet<String> = done.iter().cloned().collect();
    assert!(told.iter().all(|(key, _)| attempted.contains(key)));
    assert_eq!(done.len(), once.len(), "an effect came twice");
    let attempts = lines(&worker, "attempts").len();
    let report = format!(
        "{rounds} kills: {} jobs acknowledged, none lost, none with two effects; {attempts} attempts\n",
        told.len()
    );
    std::io::stderr().write_all(report.as_bytes()).unwrap();
}

#[test]
fn a_defect_of_what_keeps_jobs_is_told_and_survived() {
    let worker = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", "[pools.jobs]\nexecutors.max = 2\n")
        .env("APPSERVER_FAULT_POINT", "jobs.defect:12")
        .start();
    std::fs::create_dir(worker.app().join("effects")).unwrap();
    let mut told = Vec::new();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    while told.len() < 40 {
        let key = told.len().to_string();
        let options = JobOptions { idempotency_key: Some(key), ..JobOptions::default() };
        match wire.queue("has_an_effect", options) {
            Ok(JobReply::Accepted { jobs, .. }) => told.push(jobs[0].id),
            Ok(JobReply::Refused(JobRefusal::Unavailable { reason })) => {
                assert!(reason.contains("the defect that a test asked for"), "{reason}");
            }
            Ok(other) => panic!("{other:?}"),
            // What became of a request of the round that ended so, nobody can say.
            Err(_) => wire = JobsWire::connect(&worker.socket()).unwrap(),
        }
    }
    for id in told {
        let reply = wire.ask(&JobRequest::Await { id, wait_ms: 30_000 });
        let Ok(JobReply::Job(Some(job))) = reply else { panic!("{reply:?}") };
        assert_eq!(job.state, JobState::Done);
    }
    assert!(worker.log().contains("a defect of the worker"), "{}", worker.log());
    assert_eq!(lines(&worker, "done").len(), 40);
    // Also what came to the disk in the round that ended so.
    eventually("all are counted", || {
        let totals = &worker.status()["jobs"]["totals"];
        (totals["made"] == 40 && totals["done"] == 40).then_some(())
    });
}
