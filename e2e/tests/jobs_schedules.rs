//! Schedules: one job for each tick, whether the code or app.toml says when, and whatever happens to the
//! worker meanwhile; those that cannot be kept are refused when the release starts.

use e2e::{Sidecar, eventually};
use std::collections::BTreeSet;

const FUNCTIONS: &str = r#"<?php
use AppServer\{Job, Schedule};
function tick(string $file): void {
    file_put_contents(__DIR__ . "/$file", Job::current()->id . "\n", FILE_APPEND | LOCK_EX);
}
#[Schedule('* * * * * *')]
function by_attribute(string $file = 'attribute'): void { tick($file); }
function by_app_toml(string $file = 'app_toml'): void { tick($file); }
function needs(int $argument): void {}
"#;

const EVERY_SECOND: &str = "[[schedule]]\nfunction = \"by_app_toml\"\ncron = \"* * * * * *\"\n";

/// When the jobs of a function were made, in milliseconds since 1970: their ids say it.
fn made(worker: &Sidecar, file: &str) -> Vec<u64> {
    let text = std::fs::read_to_string(worker.app().join(file)).unwrap_or_default();
    let made = |id: &str| id.parse::<protocol::JobId>().expect("an id").at_ms();
    text.lines().map(made).collect()
}

#[test]
fn each_tick_makes_one_job_also_when_the_worker_is_killed_meanwhile() {
    let builder = Sidecar::builder().file("functions.php", FUNCTIONS);
    let mut worker = builder.file("app.toml", EVERY_SECOND).start();
    let both = ["attribute", "app_toml"];
    for lives in 1..=3 {
        eventually("both tick", || {
            both.iter().all(|file| made(&worker, file).len() >= 2 * lives).then_some(())
        });
        worker.kill();
        worker.restart();
    }
    for file in both {
        let made = made(&worker, file);
        let seconds: BTreeSet<u64> = made.iter().map(|at_ms| at_ms / 1000).collect();
        // A job that the kill interrupted is tried again: the same job, so the same id.
        let jobs: BTreeSet<&u64> = made.iter().collect();
        assert_eq!(jobs.len(), seconds.len(), "{file}: {made:?}");
    }
}

#[test]
fn a_schedule_that_cannot_be_kept_keeps_the_release_from_starting() {
    for (function, cron, why) in [
        ("needs", "* * * * *", "requires $argument"),
        ("nowhere", "* * * * *", "no function nowhere()"),
        ("by_app_toml", "* * * *", "schedule of by_app_toml()"),
    ] {
        let app = format!("[[schedule]]\nfunction = \"{function}\"\ncron = \"{cron}\"\n");
        let builder = Sidecar::builder().file("functions.php", FUNCTIONS).file("app.toml", &app);
        let (_, output) = builder.fails_to_start();
        assert!(output.contains(why), "{cron}: {output}");
    }
}
