//! Executors that die under jobs, in every way: the job is tried again at once, crashes are counted apart
//! from failures, and one that always kills its executor is given up, while all others go on.

use e2e::{Sidecar, eventually, process_is_gone, send_signal};
use rustix::process::Signal;
use std::path::{Path, PathBuf};

const FUNCTIONS: &str = r#"<?php
use AppServer\Job;
function add(int $a, int $b): int { return $a + $b; }
/** Leaves a line for each attempt. */
function began(string $file): void {
    file_put_contents($file, Job::current()->attempt . ' ' . getmypid() . "\n", FILE_APPEND | LOCK_EX);
}
function quits(string $file): never { began($file); exit(3); }
function is_fatal(string $file): void { began($file); eval('class A {} class A {}'); }
function eats(string $file): string { began($file); ini_set('memory_limit', '16M'); return str_repeat('x', 64 << 20); }
function recurses(string $file): void { began($file); recurse(1); }
function recurse(int $n): int { return 1 + recurse($n + 1); }
function segfaults(string $file): void { began($file); posix_kill(getmypid(), SIGSEGV); usleep(1000_000); }
/** As the kernel does when memory is short. */
function is_killed(string $file): void { began($file); posix_kill(getmypid(), SIGKILL); usleep(1000_000); }
/** Dies in its first attempt only. */
function recovers(string $file): string {
    began($file);
    if (Job::current()->attempt === 1) { posix_kill(getmypid(), SIGKILL); }
    return 'attempt ' . Job::current()->attempt;
}
function waits(string $file, string $go): string {
    began($file);
    while (!file_exists($go)) { usleep(1000); clearstatcache(); }
    return 'attempt ' . Job::current()->attempt;
}
/** Holds a lock as long as it runs: who does not get it runs beside another attempt. */
function runs_alone(string $file, string $go): string {
    $lock = fopen("$file.lock", 'c');
    if (!flock($lock, LOCK_EX | LOCK_NB)) { file_put_contents("$file.both", ''); }
    return waits($file, $go);
}
"#;

fn worker(config: &str) -> Sidecar {
    let app = "[pools.jobs]\nexecutors.max = 2\n";
    let builder = Sidecar::builder().file("functions.php", FUNCTIONS).file("app.toml", app);
    builder.config(config).start()
}

/// Attempts that began, and the processes in which they did.
fn attempts(file: &Path) -> Vec<(u32, u32)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let both = |line: &str| {
        let (attempt, pid) = line.split_once(' ').unwrap();
        (attempt.parse().unwrap(), pid.parse().unwrap())
    };
    text.lines().map(both).collect()
}

fn nth_attempt(file: &Path, n: usize) -> (u32, u32) {
    eventually("an attempt begins", || attempts(file).get(n).copied())
}

/// What a job is like when it is over.
fn end_of(worker: &Sidecar, id: &str) -> String {
    worker
        .php(&format!(
            r#"$job = AppServer\Job::find('{id}');
               try {{ $told = $job->await(20); }} catch (AppServer\JobFailedException $e) {{ $told = 'failed'; }}
               $job = $job->refresh();
               echo "$told: {{$job->state->value}}, $job->failures failures, $job->crashes crashes, ",
                   implode(' ', array_map(fn($a) => $a->outcome, $job->attempts));"#
        ))
        .ok()
}

fn queue(worker: &Sidecar, call: &str) -> String {
    worker.php(&format!("echo {call};")).ok()
}

fn file(worker: &Sidecar, name: &str) -> PathBuf {
    worker.app().join(name)
}

#[test]
fn a_job_under_which_executors_die_is_given_up_and_takes_no_other_along() {
    let worker = worker("");
    let causes = ["quits", "is_fatal", "eats", "recurses", "segfaults", "is_killed"];
    let mut poison = Vec::new();
    for cause in causes {
        let file = file(&worker, cause);
        let call =
            format!("AppServer\\queue('{cause}', [{file:?}], crashAttempts: 3, attempts: 1)");
        poison.push((cause, queue(&worker, &call)));
    }
    let good = queue(&worker, "appserver_queue('add', 1, 2)");
    for (cause, id) in poison {
        let expected = "failed: dead, 0 failures, 3 crashes, crashed crashed crashed";
        assert_eq!(end_of(&worker, &id), expected, "{cause}");
        let numbers: Vec<u32> = attempts(&file(&worker, cause)).iter().map(|a| a.0).collect();
        assert_eq!(numbers, [1, 2, 3], "{cause}");
        let why = worker.php(&format!("echo AppServer\\Job::find('{id}')->waitsFor;")).ok();
        assert!(why.contains("poison") && why.contains("crash_attempts = 3"), "{cause}: {why}");
    }
    assert_eq!(end_of(&worker, &good), "3: done, 0 failures, 0 crashes, returned");
}

#[test]
fn one_crash_is_one_more_attempt_at_once() {
    let worker = worker("");
    let file = file(&worker, "file");
    // Were the crash a failure, the next attempt would be a day later.
    let call = format!("AppServer\\queue('recovers', [{file:?}], backoff: 86400)");
    let id = queue(&worker, &call);
    assert_eq!(end_of(&worker, &id), "attempt 2: done, 0 failures, 1 crashes, crashed returned");
}

#[test]
fn an_executor_that_is_killed_and_a_prototype_that_is() {
    let worker = worker("");
    let [file, go] = ["file", "go"].map(|name| file(&worker, name));
    let id = queue(
        &worker,
        &format!("AppServer\\queue('runs_alone', [{file:?}, {go:?}], backoff: 86400)"),
    );
    send_signal(nth_attempt(&file, 0).1, Signal::KILL);
    let (number, second) = nth_attempt(&file, 1);
    assert_eq!(number, 2);
    send_signal(worker.prototype(), Signal::KILL);
    assert_eq!(nth_attempt(&file, 2).0, 3);
    assert!(process_is_gone(second));
    std::fs::write(&go, "").unwrap();
    let told = end_of(&worker, &id);
    // The third crash would have been one too many.
    assert_eq!(told, "attempt 3: done, 0 failures, 2 crashes, crashed crashed returned");
    assert!(!file.with_extension("both").exists(), "two attempts at a time");
}

#[test]
fn jobs_of_a_release_that_does_not_start_are_taken_in_and_begin_when_it_does() {
    let worker = worker("");
    let (away, file) = (worker.app().with_file_name("away"), file(&worker, "file"));
    let mut producer = worker.spawn_php(&format!(
        "echo appserver_queue('add', 1, 2), \"\\n\"; fgets(STDIN);
         echo appserver_queue('recovers', {file:?}), \"\\n\";"
    ));
    producer.line();
    std::fs::rename(worker.app(), &away).unwrap();
    send_signal(worker.prototype(), Signal::KILL);
    eventually("it has failed", || {
        let state = worker.status()["apps"][0]["state"].to_string();
        state.contains("failed").then_some(())
    });
    producer.enter();
    let id = producer.line();
    // It is tried again and again, with growing pauses: long enough for attempts that are none.
    eventually("it failed again", || {
        (worker.log().matches("did not start").count() >= 4).then_some(())
    });
    std::fs::rename(&away, worker.app()).unwrap();
    eventually("the second attempt begins", || attempts(&file).get(1).copied());
    let told = end_of(&worker, &id);
    assert_eq!(told, "attempt 2: done, 0 failures, 1 crashes, crashed returned");
    assert_eq!(attempts(&file).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_killed_worker_counts_as_a_crash_and_its_attempt_is_over_before_the_next_begins() {
    let mut worker = worker("");
    let [file, go] = ["file", "go"].map(|name| file(&worker, name));
    let id = queue(
        &worker,
        &format!("AppServer\\queue('runs_alone', [{file:?}, {go:?}], crashAttempts: 9)"),
    );
    for n in 0..3 {
        let (number, pid) = nth_attempt(&file, n);
        assert_eq!(number as usize, n + 1);
        worker.kill();
        worker.restart();
        nth_attempt(&file, n + 1);
        assert!(process_is_gone(pid), "it outlived its worker");
    }
    std::fs::write(&go, "").unwrap();
    let told = end_of(&worker, &id);
    assert_eq!(told, "attempt 4: done, 0 failures, 3 crashes, crashed crashed crashed returned");
    assert!(!file.with_extension("both").exists(), "two attempts at a time");
}

#[test]
fn an_attempt_whose_worker_was_killed_is_over_even_if_nobody_could_end_it() {
    let mut worker = worker("");
    let [file, go] = ["file", "go"].map(|name| file(&worker, name));
    queue(
        &worker,
        &format!("AppServer\\queue('runs_alone', [{file:?}, {go:?}], crashAttempts: 9)"),
    );
    let (_, pid) = nth_attempt(&file, 0);
    // What would end the executors cannot.
    send_signal(worker.prototype(), Signal::STOP);
    worker.kill();
    worker.restart();
    nth_attempt(&file, 1);
    assert!(process_is_gone(pid), "it outlived its worker");
    assert!(!file.with_extension("both").exists(), "two attempts at a time");
    std::fs::write(&go, "").unwrap();
}

#[test]
fn a_worker_that_is_stopped_interrupts_and_that_counts_as_nothing() {
    let mut worker = worker("drain_timeout_ms = 100\n");
    let [file, go] = ["file", "go"].map(|name| file(&worker, name));
    let id = queue(
        &worker,
        &format!(
            "AppServer\\queue('runs_alone', [{file:?}, {go:?}], crashAttempts: 1, attempts: 1)"
        ),
    );
    for n in 0..2 {
        let (_, pid) = nth_attempt(&file, n);
        worker.signal(Signal::TERM);
        worker.await_death();
        assert!(process_is_gone(pid), "it outlived its worker");
        worker.restart();
    }
    nth_attempt(&file, 2);
    std::fs::write(&go, "").unwrap();
    let told = end_of(&worker, &id);
    assert_eq!(told, "attempt 3: done, 0 failures, 0 crashes, interrupted interrupted returned");
    assert!(!file.with_extension("both").exists(), "two attempts at a time");
}

#[test]
fn a_job_that_ends_while_the_worker_drains_is_done() {
    let mut worker = worker("");
    let [file, go] = ["file", "go"].map(|name| file(&worker, name));
    let id = queue(&worker, &format!("appserver_queue('waits', {file:?}, {go:?})"));
    nth_attempt(&file, 0);
    worker.signal(Signal::TERM);
    eventually("the worker drains", || worker.log().contains("stopping").then_some(()));
    std::fs::write(&go, "").unwrap();
    worker.await_death();
    worker.restart();
    assert_eq!(end_of(&worker, &id), "attempt 1: done, 0 failures, 0 crashes, returned");
}

#[test]
fn a_defect_of_the_worker_under_an_attempt_ends_that_one_alone() {
    let app = "[pools.jobs]\nexecutors.max = 1\n";
    let worker = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", app)
        .env("APPSERVER_FAULT_POINT", "jobs.runner_defect")
        .start();
    let [file, go] = ["file", "go"].map(|name| file(&worker, name));
    let call = format!("AppServer\\queue('runs_alone', [{file:?}, {go:?}], backoff: 86400)");
    let id = queue(&worker, &call);
    // The only place for attempts is free again, though not before the call that nobody saw is over,
    // which may have come to nothing.
    let is_second = |attempt: &(u32, u32)| attempt.0 == 2;
    eventually("the second attempt begins", || attempts(&file).into_iter().find(is_second));
    std::fs::write(&go, "").unwrap();
    let told = end_of(&worker, &id);
    assert_eq!(told, "attempt 2: done, 0 failures, 1 crashes, crashed returned");
    assert!(!file.with_extension("both").exists(), "two attempts at a time");
    let why = worker.php(&format!("echo AppServer\\Job::find('{id}')->attempts[0]->error;")).ok();
    assert!(why.contains("the defect that a test asked for"), "{why}");
    assert_eq!(worker.php("echo appserver_call('add', 1, 2);").ok(), "3");
}
