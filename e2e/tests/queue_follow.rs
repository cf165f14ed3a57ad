//! Following jobs from the command line: from one to what it made, and as they are made.

use e2e::{Artifacts, Sidecar};
use protocol::JobId;
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const FUNCTIONS: &str = "
function first(): string { return 'first'; }
function second(string $before): string { return $before; }
#[AppServer\\Schedule('* * * * * *')]
function tick(): void {}
";

fn queue(sidecar: &Sidecar, args: &[&str]) -> Command {
    let mut command = Command::new(&Artifacts::find().appserver);
    command.arg("queue").args(args).stdin(Stdio::null());
    command.arg("--workers").arg(format!("unix:{}", sidecar.control().display()));
    command
}

fn said(sidecar: &Sidecar, args: &[&str]) -> String {
    let output = queue(sidecar, args).output().expect("appserver runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_job_leads_to_what_it_made() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let ids = sidecar.php(
        "$first = (new AppServer\\Chain())->add('first')->add('second')->queue();
         AppServer\\Job::find($first)->await(20);
         $batch = (new AppServer\\Batch('two'))->add('first')->then('second')->catch('second')->queue();
         $then = AppServer\\Batch::find($batch)->await(20)->then;
         echo json_encode([$first, AppServer\\Job::find($first)->next, $batch, $then]);",
    );
    let ids: Vec<String> = serde_json::from_str(&ids.ok()).expect("ids");
    let [first, next, batch, then] = ids.as_slice() else { panic!("{ids:?}") };
    let shown = said(&sidecar, &["show", first]);
    assert!(shown.contains(&format!("{next}, the next step of its chain")), "{shown}");
    let why = said(&sidecar, &["explain", first]);
    assert!(why.contains(&format!("its chain goes on with {next}")), "{why}");

    let listed = said(&sidecar, &["list", "--function", "first", "--json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let jobs = listed[0]["result"].as_array().expect("jobs");
    let member = jobs.iter().find(|job| job["batch"] == batch.as_str()).expect("its job");
    let member = member["id"].as_str().expect("an id");
    let shown = said(&sidecar, &["show", member]);
    let expected = format!("{batch} \"two\": 1 of 1 done, 0 failed, 0 cancelled");
    assert!(shown.contains(&expected), "{shown}");
    assert!(shown.contains(&format!("{then}, of the batch")), "{shown}");
    let json = said(&sidecar, &["show", member, "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["batch_status"]["then"], then.as_str());
    assert_eq!(json["batch_status"]["catch"], Value::Null);
}

/// `queue tail --json` that has begun to follow.
fn follow(sidecar: &Sidecar) -> Child {
    let mut tail = queue(sidecar, &["tail", "--json"]);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let said = tail.stderr.as_mut().expect("piped");
    BufReader::new(said).read_line(&mut String::new()).expect("it says when it follows");
    tail
}

#[test]
fn the_end_of_a_job_that_is_not_kept_is_seen() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let mut tail = follow(&sidecar);
    // It may be over, and unknown, before anybody asks for it.
    let over = sidecar.php(
        "$id = AppServer\\queue('first', keep: 0);
         try { AppServer\\Job::find($id)?->await(20); } catch (AppServer\\UnknownJobException) {}
         echo floor(microtime(true) * 1000);",
    );
    let over_ms: u64 = over.ok().parse().expect("a time");
    let mut seen = Vec::new();
    for event in BufReader::new(tail.stdout.take().expect("piped")).lines() {
        let event: Value = serde_json::from_str(&event.expect("text")).expect("JSON");
        let what = event["what"].as_str().expect("what happened").to_owned();
        let id: JobId = event["id"].as_str().expect("an id").parse().expect("an id");
        if event["function"] == "first" {
            assert_eq!(event["queue"], "default");
            seen.push(what);
        }
        // A tick that is made after it is over is told after it.
        if seen.last().is_some_and(|what| what == "done") || id.at_ms() > over_ms {
            break;
        }
    }
    e2e::send_signal(tail.id(), Signal::KILL);
    tail.wait().expect("a child of ours");
    assert_eq!(seen, ["made", "began", "done"]);
}

#[test]
fn jobs_that_nobody_asked_for_are_seen_when_they_are_made() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let mut tail = follow(&sidecar);
    let over = sidecar.php(
        "$first = AppServer\\Job::find((new AppServer\\Chain())->add('first')->add('second')->queue());
         $first->await(20);
         AppServer\\Job::find($first->refresh()->next)->await(20);
         echo floor(microtime(true) * 1000);",
    );
    let over_ms: u64 = over.ok().parse().expect("a time");
    let mut missing = BTreeSet::from(["first", "second", "tick"]);
    for event in BufReader::new(tail.stdout.take().expect("piped")).lines() {
        let event: Value = serde_json::from_str(&event.expect("text")).expect("JSON");
        if event["what"] != "made" {
            continue;
        }
        missing.remove(event["function"].as_str().expect("a function"));
        // What is made after the chain is over is told after it.
        let id: JobId = event["id"].as_str().expect("an id").parse().expect("an id");
        if missing.is_empty() || id.at_ms() > over_ms {
            break;
        }
    }
    e2e::send_signal(tail.id(), Signal::KILL);
    tail.wait().expect("a child of ours");
    assert!(missing.is_empty(), "not seen when they were made: {missing:?}");
}
