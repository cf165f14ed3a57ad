//! Releases that do not take calls: which of them run on, and what is left of the others.

use e2e::deployer::{ok, version};
use e2e::{Deployer, Sidecar, eventually};

#[test]
fn what_is_not_needed_is_pruned_from_the_disk() {
    let deployer = Deployer::with_new_key();
    let config = "[releases]\nwarm = 0\ndrain_timeout_ms = 1\n";
    let worker = deployer.builder().config(config).start();
    for number in 1..=4 {
        let functions = format!("function version(): int {{ return {number}; }}");
        ok(&deployer.deploy(&[&worker], &functions, &[]));
    }
    let folder = worker.socket().with_file_name("run").join("apps/shop/releases");
    let on_disk = || std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(on_disk(), 4);
    eventually("current, the one before, and none else", || {
        deployer.run(&[&worker], &["prune", "--app", "shop", "--keep", "1"]);
        (on_disk() == 2).then_some(())
    });
    assert_eq!(version(&worker), "4");
}

#[test]
fn the_same_files_deployed_again_and_again_are_pruned_from_the_disk() {
    let deployer = Deployer::with_new_key();
    let mut worker = deployer.worker();
    for _ in 1..=5 {
        ok(&deployer.deploy(&[&worker], &numbered(1), &[]));
    }
    let folder = worker.socket().with_file_name("run").join("apps/shop/releases");
    let on_disk = || {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut numbers: Vec<String> =
            entries.map(|name| name.into_string().expect("a number")).collect();
        numbers.sort();
        numbers
    };
    // All run in the files of the first.
    eventually("current, the one before, and the one whose files they run in", || {
        // One that is still being ended is left alone.
        deployer.run(&[&worker], &["prune", "--app", "shop", "--keep", "1"]);
        (on_disk() == ["1", "4", "5"]).then_some(())
    });
    worker.kill();
    worker.restart();
    assert_eq!(version(&worker), "1");
}

#[test]
fn releases_that_have_stopped_leave_no_process_and_no_descriptor() {
    let deployer = Deployer::with_new_key();
    let config = "[releases]\nwarm = 0\ndrain_timeout_ms = 1\n";
    let worker = deployer.builder().config(config).start();
    let deploy = |numbers: std::ops::RangeInclusive<u32>| {
        for number in numbers {
            let functions = format!("function version(): int {{ return {number}; }}");
            ok(&deployer.deploy(&[&worker], &functions, &[]));
        }
    };
    let held = || {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", worker.pid())).unwrap().count();
        (descriptors, worker.family().len())
    };
    // The current release alone: the worker, its prototype, its executors.
    let settled = || {
        eventually("old releases have stopped", || {
            let executors = worker.status()["apps"].as_array()?.len();
            (executors == 1 && worker.family().len() == 2 + worker.executors().len()).then(held)
        })
    };
    deploy(1..=3);
    let before = settled();
    deploy(4..=9);
    eventually("as much is held as before", || {
        let now = settled();
        (now.0 <= before.0 && now.1 <= before.1).then_some(())
    });
}

/// What `appserver releases` says of a release of the one worker.
fn state(deployer: &Deployer, worker: &Sidecar, number: u64) -> String {
    let releases = deployer.releases(&[worker]);
    let releases = releases[0]["result"][0]["releases"].as_array().expect("releases").clone();
    let release = releases.iter().find(|release| release["number"] == number).expect("it is kept");
    release["state"].as_str().expect("text").to_owned()
}

fn numbered(number: u64) -> String {
    format!("function version(): int {{ return {number}; }}")
}

#[test]
fn a_staged_release_stays_so_whatever_takes_over_meanwhile() {
    let deployer = Deployer::with_new_key();
    let config = "[releases]\nwarm = 0\ndrain_timeout_ms = 1\n";
    let worker = deployer.builder().config(config).start();
    ok(&deployer.deploy(&[&worker], &numbered(1), &[]));
    ok(&deployer.deploy(&[&worker], &numbered(2), &["--stage-only"]));
    ok(&deployer.deploy(&[&worker], &numbered(3), &[]));
    ok(&deployer.deploy(&[&worker], &numbered(4), &["--stage-only"]));
    let trial = ["canary", "--app", "shop", "--release", "4", "--percent", "10"];
    deployer.run(&[&worker], &trial);
    deployer.run(&[&worker], &["abort", "--app", "shop"]);
    // The one that was on trial is given up, the one that waits is not.
    for (number, expected) in [(1, "kept"), (4, "kept"), (2, "staged"), (3, "current")] {
        eventually(&format!("release {number} is {expected}"), || {
            (state(&deployer, &worker, number) == expected).then_some(())
        });
    }
    deployer.run(&[&worker], &["canary", "--app", "shop", "--release", "2", "--percent", "100"]);
    assert_eq!(version(&worker), "2");
}

#[test]
fn only_so_many_releases_wait_to_be_activated() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.builder().config("[releases]\nstaged_max = 1\n").start();
    ok(&deployer.deploy(&[&worker], &numbered(1), &[]));
    ok(&deployer.deploy(&[&worker], &numbered(2), &["--stage-only"]));
    ok(&deployer.deploy(&[&worker], &numbered(3), &["--stage-only"]));
    eventually("the older one has stopped", || {
        (state(&deployer, &worker, 2) == "kept").then_some(())
    });
    assert_eq!(state(&deployer, &worker, 3), "staged");
    deployer.run(&[&worker], &["prune", "--app", "shop", "--keep", "0"]);
    eventually("pruned, it is given up", || (state(&deployer, &worker, 3) == "kept").then_some(()));
}

#[test]
fn releases_that_follow_one_another_quickly_do_not_pile_up() {
    let deployer = Deployer::with_new_key();
    // Without the limit they would all run until the test has failed.
    let config = "[releases]\nwarm = 1\ndrain_timeout_ms = 3600000\ndraining_max = 2\n";
    let worker = deployer.builder().config(config).start();
    for number in 1..=2 {
        ok(&deployer.deploy(&[&worker], &numbered(number), &[]));
    }
    let mut pinned = worker.spawn_php(
        "AppServer\\pin();
         for ($n = 0; $n < 3; $n++) { echo appserver_call('version'), \"\\n\"; if ($n < 2) fgets(STDIN); }",
    );
    assert_eq!(pinned.line(), "2");
    ok(&deployer.deploy(&[&worker], &numbered(3), &[]));
    // From now on it has a connection of its own to the old release.
    pinned.enter();
    assert_eq!(pinned.line(), "2");
    for number in 4..=7 {
        ok(&deployer.deploy(&[&worker], &numbered(number), &[]));
    }
    // Current, the one before, one that a request is connected to, and the youngest of the others.
    let expected = ["kept", "draining", "kept", "kept", "draining", "staged", "current"];
    for (number, expected) in (1..=7).zip(expected) {
        eventually(&format!("release {number} is {expected}"), || {
            (state(&deployer, &worker, number) == expected).then_some(())
        });
    }
    pinned.enter();
    assert_eq!(pinned.line(), "2");
    pinned.finish().ok();
}
