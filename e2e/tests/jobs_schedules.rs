//! Schedules: one job for each tick, whether the code or app.toml says when, and whatever happens to the
//! worker meanwhile; those that cannot be kept are refused when the release starts.

use e2e::{Artifacts, PATIENCE_S, Sidecar, eventually};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// So many that each of two workers has some.
const SCHEDULES: usize = 24;

/// Gives a worker a list of workers.
fn tell_members(worker: &Sidecar, members: &[String]) {
    let file = worker.config_file();
    let config = std::fs::read_to_string(&file).unwrap();
    let own = config.split("[membership]").next().unwrap();
    let mut config = format!("{own}[membership]\nepoch = {}\n", 1 + members.len());
    for address in members {
        config += &format!("[[membership.workers]]\naddress = {address:?}\n");
    }
    std::fs::write(file, config).unwrap();
    worker.signal(Signal::HUP);
}

#[test]
fn of_several_workers_one_keeps_each_schedule() {
    let functions: String = (0..SCHEDULES)
        .map(|n| format!("#[Schedule('* * * * * *')] function f{n}(): void {{ tick('f{n}'); }}\n"))
        .collect();
    let worker =
        || Sidecar::builder().file("functions.php", &format!("{FUNCTIONS}{functions}")).start();
    let workers = [worker(), worker()];
    let addresses = workers.each_ref().map(Sidecar::address);
    for worker in &workers {
        tell_members(worker, &addresses);
        eventually("it knows the list", || {
            worker.log().contains("list of workers changed").then_some(())
        });
    }
    let jobs = |n: usize| workers.each_ref().map(|worker| made(worker, &format!("f{n}")));
    // Whatever was made before they knew each other is over by the third second from now.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut kept = [0, 0];
    for n in 0..SCHEDULES {
        let later = |of: Vec<u64>| of.into_iter().map(|ms| ms / 1000).filter(|at| *at >= now + 2);
        let of_each = eventually("it ticks on", || {
            let all = jobs(n).map(|of| later(of).collect::<Vec<_>>());
            (all.iter().map(Vec::len).sum::<usize>() >= 3).then_some(all)
        });
        let seconds = of_each.each_ref().map(|of| of.iter().collect::<BTreeSet<_>>().len());
        assert_eq!(seconds, of_each.each_ref().map(Vec::len), "two jobs of one tick: {of_each:?}");
        assert!(seconds.contains(&0), "f{n} is kept by both: {of_each:?}");
        kept[usize::from(seconds[1] > 0)] += 1;
    }
    assert!(kept.iter().all(|some| *some > 0), "all by one: {kept:?}");
    tell_members(&workers[0], &addresses[1..]);
    eventually("it says that it is not in the list", || {
        workers[0].log().contains("it keeps no schedules").then_some(())
    });
}

#[test]
fn a_schedule_that_cannot_be_kept_keeps_the_release_from_starting() {
    for (function, cron, why) in [
        ("needs", "* * * * *", "requires $argument"),
        ("nowhere", "* * * * *", "no function nowhere()"),
        ("by_app_toml", "* * * *", "schedule of by_app_toml()"),
        ("by_app_toml", "0 0 30 2 *", "never comes: no month has such a day"),
    ] {
        let app = format!("[[schedule]]\nfunction = \"{function}\"\ncron = \"{cron}\"\n");
        let builder = Sidecar::builder().file("functions.php", FUNCTIONS).file("app.toml", &app);
        let (_, output) = builder.fails_to_start();
        assert!(output.contains(why), "{cron}: {output}");
    }
}

/// The worker's application, and what it is warned of.
fn warnings(worker: &Sidecar) -> String {
    worker.status()["apps"][0]["warnings"].to_string()
}

#[test]
fn schedules_of_a_worker_that_knows_of_no_others_are_warned_of_where_others_reach_it() {
    let warning = "there are schedules, and this worker knows of no others";
    let builder = || Sidecar::builder().file("functions.php", FUNCTIONS);
    let afar = || builder().listen("tls:127.0.0.1:0");
    let worker = afar().start();
    assert!(warnings(&worker).contains(warning), "{}", warnings(&worker));
    let mut command = std::process::Command::new(&Artifacts::find().appserver);
    command.args(["status", "--workers"]).arg(worker.address());
    command.args(["--connect-timeout", &PATIENCE_S.to_string()]);
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(said.contains(warning), "{said}");
    tell_members(&worker, &[worker.address()]);
    eventually("it knows the list", || (!warnings(&worker).contains(warning)).then_some(()));
    assert!(!warnings(&builder().start()).contains(warning), "only this host reaches it");
    let none = "<?php\nfunction none(): void {}\n";
    let none = Sidecar::builder().file("functions.php", none).listen("tls:127.0.0.1:0").start();
    assert!(!warnings(&none).contains(warning), "it has no schedules");
}
