//! Jobs and queues as their administrator sees and changes them: command line, control API, figures.

use e2e::{Deployer, Queue, Ran, Sidecar, control, eventually};
use rustix::process::Signal;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const FUNCTIONS: &str = r"
function note(string $file, string $text = 'x'): string { file_put_contents($file, $text); return $text; }
function fail(string $why): void { throw new RuntimeException($why); }
function until(string $file): string { while (!file_exists($file)) { usleep(2000); } return 'done'; }
";

/// `appserver queue …`
fn queue(sidecar: &Sidecar, args: &[&str]) -> Ran {
    Queue::of(&[sidecar]).run(args)
}

/// The only worker's answer.
fn answer(sidecar: &Sidecar, args: &[&str]) -> Value {
    let out = queue(sidecar, &[args, &["--json"]].concat()).ok();
    let all: Value = serde_json::from_str(&out).expect("JSON");
    all[0]["result"].clone()
}

/// Queues a job by PHP; its id.
fn job(sidecar: &Sidecar, arguments: &str) -> String {
    sidecar.php(&format!("echo AppServer\\queue({arguments});")).ok().to_owned()
}

fn state(sidecar: &Sidecar, id: &str) -> String {
    let out = queue(sidecar, &["show", id, "--json"]).ok();
    let job: Value = serde_json::from_str(&out).expect("JSON");
    job["state"].as_str().expect("a state").to_owned()
}

fn await_state(sidecar: &Sidecar, id: &str, expected: &str) {
    eventually(&format!("the job is {expected}"), || {
        (state(sidecar, id) == expected).then_some(())
    });
}

#[test]
fn a_paused_queue_says_so_until_it_is_resumed_also_after_a_restart() {
    let mut sidecar = Sidecar::with_functions(FUNCTIONS);
    let said = queue(&sidecar, &["pause", "mails", "--app", "app"]).ok();
    assert_eq!(said, "queue mails of app begins nothing until it is resumed\n");
    let file = sidecar.app().join("noted").display().to_string();
    let id = job(&sidecar, &format!("'note', ['{file}'], queue: 'mails'"));
    let why = queue(&sidecar, &["explain", &id]).ok();
    assert!(why.contains("note in queue mails of app, waiting"), "{why}");
    assert!(why.contains("its queue \"mails\" is paused"), "{why}");
    sidecar.kill();
    sidecar.restart();
    let stats = eventually("the queue is shown", || {
        let stats = answer(&sidecar, &["stats"]);
        (stats["queues"][0]["waiting"] == 1).then_some(stats)
    });
    assert_eq!(stats["queues"][0]["paused"], true);
    assert!(stats["queues"][0]["oldest_ms"].is_u64(), "{stats}");
    assert_eq!(state(&sidecar, &id), "waiting");
    queue(&sidecar, &["resume", "mails", "--app", "app"]).ok();
    await_state(&sidecar, &id, "done");
    let unknown = queue(&sidecar, &["pause", "mails", "--app", "other"]);
    assert_eq!(unknown.code, Some(66), "{}", unknown.err);
}

#[test]
fn a_drained_queue_takes_no_new_jobs() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    queue(&sidecar, &["drain", "mails", "--app", "app"]).ok();
    let refused = sidecar.php(
        "try { AppServer\\queue('fail', ['x'], queue: 'mails'); }
         catch (AppServer\\UnavailableException $e) { echo $e->getMessage(); }",
    );
    let refused = refused.ok();
    assert!(refused.contains("queue \"mails\" is being drained"), "{refused}");
    assert!(refused.contains("appserver queue resume mails --app app"), "{refused}");
    queue(&sidecar, &["resume", "mails", "--app", "app"]).ok();
    let id = job(&sidecar, "'fail', ['x'], queue: 'mails', attempts: 1");
    await_state(&sidecar, &id, "dead");
}

#[test]
fn dead_jobs_are_listed_with_why_and_queued_again() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let dead: Vec<String> =
        (0..3).map(|n| job(&sidecar, &format!("'fail', ['no {n}'], attempts: 1"))).collect();
    dead.iter().for_each(|id| await_state(&sidecar, id, "dead"));
    let listed = queue(&sidecar, &["dead"]).ok();
    assert!(dead.iter().all(|id| listed.contains(id)), "{listed}");
    let shown = queue(&sidecar, &["show", &dead[0]]).ok();
    assert!(shown.contains("RuntimeException: no 0"), "{shown}");
    let why = queue(&sidecar, &["explain", &dead[0]]).ok();
    assert!(why.contains(&format!("appserver queue retry {}", dead[0])), "{why}");
    // Nobody is at a terminal to be asked.
    let unasked = queue(&sidecar, &["requeue"]);
    assert!(unasked.code == Some(2) && unasked.err.contains("--yes"), "{}", unasked.err);
    assert_eq!(answer(&sidecar, &["requeue", "--dry-run"])["jobs"], 3);
    assert_eq!(answer(&sidecar, &["dead"]).as_array().map(Vec::len), Some(3));
    assert_eq!(answer(&sidecar, &["requeue", "--yes"])["jobs"], 3);
    // They fail again: attempts are counted anew.
    eventually("each has run twice", || {
        let jobs = answer(&sidecar, &["dead"]);
        let jobs = jobs.as_array().expect("jobs");
        (jobs.len() == 3 && jobs.iter().all(|job| job["attempt"] == 2)).then_some(())
    });
    queue(&sidecar, &["retry", &dead[0]]).ok();
    eventually("it has run three times", || {
        let shown = queue(&sidecar, &["show", &dead[0], "--json"]).ok();
        let job: Value = serde_json::from_str(&shown).expect("JSON");
        (job["state"] == "dead" && job["attempt"] == 3).then_some(())
    });
    let deleted = answer(&sidecar, &["delete", "--state", "dead", "--function", "FAIL", "--yes"]);
    assert_eq!(deleted["jobs"], 3);
    assert_eq!(queue(&sidecar, &["show", &dead[0]]).code, Some(66));
    let audit = control::ask(&sidecar, "GET", "/v1/audit", b"").1;
    for action in ["job-retry", "job-delete"] {
        assert!(audit.contains(&format!("\"action\":\"{action}\"")), "{audit}");
    }
    assert!(audit.contains("state=dead, function=FAIL; 3 jobs"), "{audit}");
}

#[test]
fn jobs_are_cancelled_while_they_wait_and_while_they_run() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let never = sidecar.app().join("never").display().to_string();
    let running = job(&sidecar, &format!("'until', ['{never}']"));
    await_state(&sidecar, &running, "running");
    let waiting = job(&sidecar, &format!("'until', ['{never}'], delay: 3600, tags: ['import']"));
    let why = queue(&sidecar, &["explain", &waiting]).ok();
    assert!(why.contains("it is delayed for another"), "{why}");
    let refused = queue(&sidecar, &["retry", &waiting]);
    assert!(
        refused.code == Some(4) && refused.err.contains("it will run anyway"),
        "{}",
        refused.err
    );
    let refused = queue(&sidecar, &["delete", &running]);
    assert!(refused.code == Some(4) && refused.err.contains("cancel it first"), "{}", refused.err);
    assert_eq!(answer(&sidecar, &["cancel", "--tag", "import", "--yes"])["jobs"], 1);
    assert_eq!(state(&sidecar, &waiting), "cancelled");
    queue(&sidecar, &["cancel", &running]).ok();
    await_state(&sidecar, &running, "cancelled");
    let again = queue(&sidecar, &["cancel", &running]);
    assert_eq!(again.code, Some(4), "{}", again.err);
}

#[test]
fn lists_are_filtered_and_paged() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    queue(&sidecar, &["pause", "default", "--app", "app"]).ok();
    let ids = sidecar.php(
        "for ($n = 0; $n < 30; $n++) {
             echo AppServer\\queue('fail', ['x'], tags: [$n % 3 ? 'other' : 'third']), ' ';
         }",
    );
    let ids: Vec<String> = ids.ok().split_whitespace().map(str::to_owned).collect();
    let listed = |args: &[&str]| -> Vec<String> {
        let jobs = answer(&sidecar, &[&["list"], args].concat());
        let id = |job: &Value| job["id"].as_str().expect("an id").to_owned();
        jobs.as_array().expect("jobs").iter().map(id).collect()
    };
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
    assert_eq!(listed(&["--state", "waiting"]), newest_first);
    assert_eq!(listed(&["--limit", "7"]), newest_first[..7]);
    assert_eq!(listed(&["--tag", "third"]).len(), 10);
    assert!(listed(&["--older-than", "1h"]).is_empty() && listed(&["--state", "dead"]).is_empty());
    let path = "/v1/jobs?limit=8&queue=default";
    let (mut path, mut paged) = (path.to_owned(), Vec::new());
    loop {
        let (status, body) = control::ask(&sidecar, "GET", &path, b"");
        assert_eq!(status, 200, "{body}");
        let page: Value = serde_json::from_str(&body).expect("JSON");
        let jobs = page["jobs"].as_array().expect("jobs");
        paged.extend(jobs.iter().map(|job| job["id"].as_str().expect("an id").to_owned()));
        match page["before"].as_u64() {
            Some(before) => path = format!("/v1/jobs?limit=8&queue=default&before={before}"),
            None => break,
        }
    }
    assert_eq!(paged, newest_first);
}

#[test]
fn whoever_follows_sees_a_job_from_its_making_to_its_end() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let mut tail = Queue::of(&[&sidecar]).command(&["tail", "--json", "--function", "fail"]);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut said = BufReader::new(tail.stderr.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it says when it follows");
    assert!(line.starts_with("following jobs"), "{line}");
    let id = job(&sidecar, "'fail', ['no'], attempts: 2, backoff: 0");
    let mut events = BufReader::new(tail.stdout.take().expect("piped")).lines();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|what| what != "dead") {
        let event: Value =
            serde_json::from_str(&events.next().expect("more").expect("text")).expect("JSON");
        assert_eq!(event["id"], id.as_str());
        seen.push(event["what"].as_str().expect("what").to_owned());
    }
    e2e::send_signal(tail.id(), Signal::KILL);
    tail.wait().expect("a child of ours");
    assert_eq!(seen, ["made", "began", "failed", "began", "failed", "dead"]);
}

#[test]
fn figures_of_jobs_are_in_status_and_metrics() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let id = job(&sidecar, "'fail', ['no'], attempts: 1, queue: 'mails'");
    await_state(&sidecar, &id, "dead");
    eventually("they are shown", || {
        let jobs = sidecar.status()["jobs"].clone();
        (jobs["totals"]["dead"] == 1 && jobs["totals"]["failed"] == 1).then_some(())
    });
    let metrics = control::ask(&sidecar, "GET", "/metrics", b"").1;
    for line in [
        "appserver_jobs_made_total 1",
        "appserver_jobs_dead_total 1",
        "appserver_job_attempts_failed_total 1",
        "appserver_jobs_accepted 1",
        "appserver_jobs_waiting{app=\"app\",queue=\"mails\"} 0",
    ] {
        assert!(metrics.lines().any(|have| have == line), "no {line} in\n{metrics}");
    }
    let commits = metrics.lines().find_map(|line| {
        line.strip_prefix("appserver_jobs_commit_duration_seconds_count ")?.parse::<u64>().ok()
    });
    assert!(commits.is_some_and(|commits| commits >= 2), "{metrics}");
}

#[test]
fn limits_of_queues_hold_and_change_without_a_restart() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php{FUNCTIONS}"))
        .file("app.toml", "[queues.mails]\nconcurrency = 2\nrate = \"1000/s\"\n")
        .config("[apps.app.queues.mails]\nconcurrency = 0\n")
        .start();
    let file = sidecar.app().join("noted").display().to_string();
    let id = job(&sidecar, &format!("'note', ['{file}'], queue: 'mails'"));
    let why = queue(&sidecar, &["explain", &id]).ok();
    assert!(why.contains("its limit is 0"), "{why}");
    let stats = eventually("the queue is shown", || {
        let stats = answer(&sidecar, &["stats"]);
        stats["queues"][0]["waiting"].is_u64().then_some(stats)
    });
    assert_eq!(stats["queues"][0]["concurrency"], 0);
    assert_eq!(stats["queues"][0]["rate"], "1000/s");
    let config = std::fs::read_to_string(sidecar.config_file()).expect("ours");
    let config = config.replace("concurrency = 0", "concurrency = 1");
    std::fs::write(sidecar.config_file(), config).expect("ours");
    sidecar.signal(Signal::HUP);
    await_state(&sidecar, &id, "done");
    let rows = Deployer::output(&[&sidecar], &["config", "explain", "app", "--json"]).stdout;
    let rows: Value = serde_json::from_slice(&rows).expect("JSON");
    let mut rows = rows[0]["result"].as_array().expect("rows").iter();
    let limit = rows.find(|row| row["key"] == "queues.mails.concurrency").expect("it is there");
    assert_eq!((&limit["value"], &limit["layer"]), (&1.into(), &"administrator".into()));
}

#[test]
fn a_worker_without_jobs_says_so_and_makes_no_ledger() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php{FUNCTIONS}"))
        .config("[jobs]\nenabled = false\n")
        .start();
    assert!(!sidecar.state().join("jobs.db").exists());
    let refused = sidecar.php(
        "try { appserver_queue('fail', 'x'); }
         catch (AppServer\\NoJobStoreException $e) { echo $e->getMessage(); }",
    );
    let refused = refused.ok();
    assert!(refused.contains("jobs.enabled"), "{refused}");
    let stats = queue(&sidecar, &["stats"]).ok();
    assert!(stats.starts_with("jobs are refused: jobs are switched off"), "{stats}");
    assert_eq!(queue(&sidecar, &["list"]).code, Some(69));
    let there = sidecar.config_file().display().to_string();
    let call = format!("echo appserver_call('until', '{there}');");
    assert_eq!(sidecar.php(&call).ok(), "done");
    assert!(!sidecar.state().join("jobs.db").exists());
}
