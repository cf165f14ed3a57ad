//! `appserver queue` over several workers: each is asked, one that is down is named, and the others' answers
//! are told.

use e2e::{JobsWire, Queue, Sidecar, eventually};
use protocol::{JobOptions, JobReply};
use serde_json::Value;

const FUNCTIONS: &str = r"
function nothing(): void {}
function fail(): void { throw new RuntimeException('no'); }
";

/// Exit codes: some workers failed, none could be reached.
const PARTIAL: Option<i32> = Some(5);
const UNAVAILABLE: Option<i32> = Some(69);

fn job(worker: &Sidecar, function: &str) -> String {
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let delay_ms = (function == "nothing").then_some(86_400_000);
    let options = JobOptions { delay_ms, attempts: Some(1), ..JobOptions::default() };
    match wire.queue(function, options).unwrap() {
        JobReply::Accepted { jobs, .. } => jobs[0].id.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Two workers, each with a job that waits and a dead one: the ids, by worker.
fn workers() -> (Vec<Sidecar>, Vec<[String; 2]>) {
    let workers: Vec<Sidecar> = (0..2).map(|_| Sidecar::with_functions(FUNCTIONS)).collect();
    let ids = workers.iter().map(|worker| ["nothing", "fail"].map(|name| job(worker, name)));
    let ids: Vec<[String; 2]> = ids.collect();
    for worker in &workers {
        eventually("its job is dead", || {
            (worker.status()["jobs"]["totals"]["dead"] == 1).then_some(())
        });
    }
    (workers, ids)
}

/// Each worker's answer.
fn answers(out: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(out).expect("JSON");
    all.as_array().expect("answers").clone()
}

fn address(worker: &Sidecar) -> String {
    format!("unix:{}", worker.control().display())
}

#[test]
fn every_worker_answers_and_a_job_is_found_on_whichever_has_it() {
    let (workers, ids) = workers();
    let queue = Queue::of(&[&workers[0], &workers[1]]);
    let listed = queue.run(&["list"]).ok();
    for (worker, ids) in workers.iter().zip(&ids) {
        let from = listed.find(&address(worker)).expect(&listed);
        assert!(ids.iter().all(|id| listed[from..].contains(id)), "{listed}");
    }
    eventually("one waits at each", || {
        let stats = answers(&queue.run(&["stats", "--json"]).ok());
        stats.iter().all(|one| one["result"]["queues"][0]["waiting"] == 1).then_some(())
    });
    for (worker, [waits, dead]) in workers.iter().zip(&ids) {
        let shown = answers(&format!("[{}]", queue.run(&["explain", waits, "--json"]).ok()));
        assert_eq!(shown[0]["worker"], address(worker));
        assert!(queue.run(&["show", dead]).ok().contains("RuntimeException: no"));
    }
    queue.run(&["retry", &ids[1][1]]).ok();
    let both = answers(&queue.run(&["delete", "--state", "waiting", "--yes", "--json"]).ok());
    let deleted: Vec<Option<u64>> = both.iter().map(|one| one["result"]["jobs"].as_u64()).collect();
    assert!(deleted.iter().all(|jobs| jobs.is_some_and(|jobs| jobs >= 1)), "{deleted:?}");
    let gone = queue.run(&["show", &ids[0][0]]);
    assert_eq!(gone.code, Some(66), "{}", gone.err);
    let said = queue.run(&["pause", "mails", "--app", "app"]).ok();
    assert!(workers.iter().all(|worker| said.contains(&address(worker))), "{said}");
}

#[test]
fn a_worker_that_is_down_is_named_and_the_others_answer() {
    let (mut workers, ids) = workers();
    let queue = Queue::of(&[&workers[0], &workers[1]]);
    workers[0].kill();
    let down = address(&workers[0]);
    for args in [&["list"][..], &["stats"], &["dead"], &["delete", "--state", "dead", "--dry-run"]]
    {
        let ran = queue.run(args);
        assert_eq!(ran.code, PARTIAL, "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(&format!("appserver: {down}: ")), "{args:?}: {}", ran.err);
        assert!(ran.out.contains(&address(&workers[1])), "{args:?}: {}", ran.out);
        assert!(!ran.out.contains(&down), "{args:?}: {}", ran.out);
    }
    let json = answers(&queue.run(&["list", "--json"]).out);
    assert_eq!((&json[0]["ok"], &json[1]["ok"]), (&Value::Bool(false), &Value::Bool(true)));
    // A job of the other is found, with a word that somebody was not asked.
    for command in ["show", "explain"] {
        let ran = queue.run(&[command, &ids[1][0]]);
        assert!(ran.err.contains(&down), "{command}: {}", ran.err);
        assert!(ran.ok().contains(&ids[1][0]), "{command}");
        // That a job is unknown cannot be said while one is down who may have it.
        let ran = queue.run(&[command, &ids[0][0]]);
        assert!(ran.code != Some(0) && ran.code != Some(66), "{command}: {:?}", ran.code);
        assert!(ran.err.contains(&down), "{command}: {}", ran.err);
    }
    let ran = queue.run(&["delete", "--state", "dead", "--yes"]);
    assert!(ran.code == PARTIAL && ran.err.contains(&down), "{:?} {}", ran.code, ran.err);
    assert!(ran.out.contains("deleted: 1 job\n"), "{}", ran.out);
    workers[1].kill();
    let none = queue.run(&["list"]);
    assert_eq!(none.code, UNAVAILABLE, "{}", none.err);
    workers[0].restart();
    assert!(queue.run(&["dead"]).out.contains(&ids[0][1]), "what was down is untouched");
}
