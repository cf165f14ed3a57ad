//! Changes to many jobs at once: asked about at a terminal, refused where nobody can be asked, part by part,
//! and while the jobs change by themselves.

use e2e::{FailingDisk, JobsWire, Queue, Sidecar, eventually};
use protocol::{JobOptions, JobReply, JobRequest, NewJob};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};

const FUNCTIONS: &str = r"
function nothing(): void {}
function fail(): void { throw new RuntimeException('no'); }
";

/// More than one question of the control API changes.
const MANY: usize = 5_000;
/// Jobs of one request.
const AT_ONCE: usize = 500;

fn worker() -> Sidecar {
    let worker = Sidecar::builder().file("functions.php", &format!("<?php{FUNCTIONS}"));
    worker.file("app.toml", "[pools.jobs]\nexecutors.max = 2\n").start()
}

/// Queues many, each with options.
fn fill(worker: &Sidecar, function: &str, count: usize, options: &JobOptions) {
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let job = || NewJob {
        function: function.to_owned(),
        arguments: vec![0, 0],
        options: options.clone(),
        ..NewJob::default()
    };
    for from in (0..count).step_by(AT_ONCE) {
        let jobs = (from..count.min(from + AT_ONCE)).map(|_| job()).collect();
        let reply = wire.ask(&JobRequest::Enqueue { jobs, batch: None }).unwrap();
        assert!(matches!(reply, JobReply::Accepted { .. }), "{reply:?}");
    }
}

fn tagged(tag: &str) -> JobOptions {
    let (delay_ms, keep_ms) = (Some(86_400_000), Some(86_400_000));
    JobOptions { delay_ms, keep_ms, tags: vec![tag.to_owned()], ..JobOptions::default() }
}

/// The only worker's answer.
fn answer(worker: &Sidecar, args: &[&str]) -> Value {
    let out = Queue::of(&[worker]).run(&[args, &["--json"]].concat()).ok();
    let all: Value = serde_json::from_str(&out).expect("JSON");
    all[0]["result"].clone()
}

fn count(worker: &Sidecar, args: &[&str]) -> usize {
    let list = [&["list", "--limit", "1000000"], args].concat();
    answer(worker, &list).as_array().expect("jobs").len()
}

/// A command at a terminal, where `typed` is typed: its exit code, and what it showed.
fn at_a_terminal(worker: &Sidecar, args: &[&str], typed: &str) -> (Option<i32>, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut command = Queue::of(&[worker]).command(args);
    command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap());
    let mut child = command.stderr(theirs).spawn().expect("appserver runs");
    // This end hears of the other's only when nobody has that any more.
    drop(command);
    let mut ours = File::from(ours);
    ours.write_all(typed.as_bytes()).unwrap();
    let mut shown = Vec::new();
    // Linux ends a terminal that nobody has any more by an error.
    let _ = ours.read_to_end(&mut shown);
    let code = child.wait().expect("a child of ours").code();
    (code, String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn whoever_sits_at_a_terminal_is_asked_and_a_dry_run_changes_nothing() {
    let worker = worker();
    // Jobs that are queued again are due.
    Queue::of(&[&worker]).run(&["pause", "default", "--app", "app"]).ok();
    fill(&worker, "nothing", AT_ONCE, &tagged("import"));
    for (command, done) in
        [("cancel", "cancelled"), ("retry", "queued again"), ("delete", "deleted")]
    {
        let args = [command, "--tag", "import"];
        let before = answer(&worker, &["list", "--limit", "1000000"]);
        let unasked = Queue::of(&[&worker]).run(&args);
        assert!(unasked.code == Some(2) && unasked.err.contains("--yes"), "{}", unasked.err);
        let dry = Queue::of(&[&worker]).run(&[&args[..], &["--dry-run"]].concat()).ok();
        assert!(dry.starts_with(&format!("would {command}: 500 jobs\n")), "{dry}");
        for no in ["n\n", "\n", "yep\n", "\u{4}"] {
            let (code, shown) = at_a_terminal(&worker, &args, no);
            assert_eq!(code, Some(1), "{shown}");
            assert!(shown.contains(&format!("{command} 500 jobs? [y/N]")), "{shown}");
            assert!(shown.contains("nothing was changed"), "{shown}");
        }
        assert_eq!(answer(&worker, &["list", "--limit", "1000000"]), before, "{command}");
        let (code, shown) = at_a_terminal(&worker, &args, "y\n");
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains(&format!("{done}: 500 jobs")), "{shown}");
    }
    assert_eq!(count(&worker, &[]), 0);
    let none = Queue::of(&[&worker]).run(&["delete", "--tag", "import"]).ok();
    assert_eq!(none, "no such jobs\n", "nobody is asked about nothing");
}

#[test]
fn thousands_of_jobs_are_changed_part_by_part_and_the_command_says_how_far_it_is() {
    let worker = worker();
    fill(&worker, "nothing", MANY, &tagged("old"));
    fill(&worker, "nothing", AT_ONCE, &tagged("new"));
    let dry = answer(&worker, &["delete", "--tag", "old", "--dry-run"]);
    assert_eq!(
        (dry["jobs"].as_u64(), dry["first"].as_array().map(Vec::len)),
        (Some(5_000), Some(10))
    );
    let ran = Queue::of(&[&worker]).run(&["cancel", "--tag", "old", "--yes"]);
    let progress: Vec<&str> = ran.err.lines().collect();
    assert!(progress.len() > 1, "{progress:?}");
    assert!(progress.iter().all(|line| line.starts_with("cancelled so far: ")), "{progress:?}");
    assert!(ran.ok().starts_with("cancelled: 5000 jobs\n"));
    assert_eq!(count(&worker, &["--state", "cancelled", "--tag", "old"]), MANY);
    assert_eq!(count(&worker, &["--state", "waiting"]), AT_ONCE, "others are left alone");
    let again = Queue::of(&[&worker]).run(&["cancel", "--tag", "old", "--yes"]).ok();
    assert!(again.starts_with("cancelled: 0 jobs"), "{again}");
    assert_eq!(answer(&worker, &["delete", "--tag", "old", "--yes"])["jobs"], 5_000);
    assert_eq!(count(&worker, &[]), AT_ONCE);
}

#[test]
fn a_change_that_fails_part_way_says_how_many_it_did() {
    let disk = FailingDisk::new();
    let builder = Sidecar::builder().file("functions.php", &format!("<?php{FUNCTIONS}"));
    let worker = disk.under(builder).start();
    fill(&worker, "nothing", MANY, &tagged("old"));
    let mut told = 0;
    for json in [false, true] {
        // Fewer than what is left has commits, also the second time, and more than the ledger's upkeep needs.
        disk.fail_after(8);
        let args = ["cancel", "--tag", "old", "--yes", "--json"];
        let ran = Queue::of(&[&worker]).run(&args[..if json { 5 } else { 4 }]);
        assert_eq!(ran.code, Some(69), "{}{}", ran.out, ran.err);
        let (count, words) = match json {
            true => {
                let all: Value = serde_json::from_str(&ran.out).expect("JSON");
                let error = &all[0]["error"];
                assert_eq!((&all[0]["ok"], &error["code"]), (&false.into(), &"unavailable".into()));
                (error["jobs"].as_u64(), error["message"].as_str().unwrap_or_default().to_owned())
            }
            false => {
                let count = ran.err.split("; cancelled before that: ").nth(1);
                let count = count.and_then(|rest| rest.split(' ').next()?.parse().ok());
                (count, ran.err)
            }
        };
        assert!(words.contains("until the disk works again"), "{words}");
        let count = count.unwrap_or_else(|| panic!("{words}"));
        assert!(0 < count && count < MANY as u64, "{words}");
        disk.heal();
        told += count as usize;
        assert_eq!(self::count(&worker, &["--state", "cancelled"]), told);
        eventually("the disk works again", || {
            Queue::of(&[&worker]).run(&["resume", "other", "--app", "app"]).code.filter(|c| *c == 0)
        });
    }
}

#[test]
fn jobs_that_change_meanwhile_are_changed_once_or_are_left_alone() {
    let worker = worker();
    let dead = JobOptions { attempts: Some(1), keep_ms: Some(86_400_000), ..JobOptions::default() };
    Queue::of(&[&worker]).run(&["pause", "default", "--app", "app"]).ok();
    // The newest ones run first: just those that are deleted first.
    for priority in 0..100 {
        let dead = JobOptions { priority: Some(priority - 50), ..dead.clone() };
        fill(&worker, "fail", MANY / 100, &dead);
    }
    Queue::of(&[&worker]).run(&["resume", "default", "--app", "app"]).ok();
    eventually("some are dead", || {
        (answer(&worker, &["stats"])["totals"]["dead"].as_u64()? > 100).then_some(())
    });
    let ran = Queue::of(&[&worker]).run(&["delete", "--state", "waiting", "--yes", "--json"]).ok();
    let all: Value = serde_json::from_str(&ran).expect("JSON");
    let deleted = all[0]["result"]["jobs"].as_u64().expect("a number");
    eventually("each is over", || {
        (count(&worker, &["--state", "dead"]) == count(&worker, &[])).then_some(())
    });
    assert_eq!(count(&worker, &[]) as u64 + deleted, 5_000);
}

#[test]
fn whoever_changed_a_queue_sees_it_changed() {
    let worker = worker();
    // What is shown was shown a moment ago, each time.
    for _ in 0..5 {
        for (command, expected) in
            [("pause", (true, false)), ("drain", (false, true)), ("resume", (false, false))]
        {
            Queue::of(&[&worker]).run(&[command, "mails", "--app", "app"]).ok();
            let mails = answer(&worker, &["stats"])["queues"][0].clone();
            let modes = (mails["paused"] == true, mails["draining"] == true);
            assert_eq!(modes, expected, "{command}: {mails}");
        }
    }
}
