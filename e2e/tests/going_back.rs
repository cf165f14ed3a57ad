//! What a release that takes over again may do to callers and to a release on trial, and who is told.

use e2e::deployer::{ok, version};
use e2e::{Deployer, Sidecar, eventually, send_signal};
use rustix::process::Signal;
use serde_json::Value;
use std::process::Output;

fn functions(version: &str, more: &str) -> String {
    format!("function version(): string {{ return '{version}'; }} {more}")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn shop(deployer: &Deployer, worker: &Sidecar) -> Value {
    deployer.releases(&[worker])[0]["result"][0].clone()
}

#[test]
fn what_a_deploy_refused_as_breaking_no_other_command_takes_either() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], &functions("one", "function more() {}"), &[]));
    let refused = deployer.deploy(&[&worker], &functions("two", ""), &[]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let back = ["rollback", "--app", "shop", "--to", "2"];
    let refused = Deployer::output(&[&worker], &back);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let told = errors(&refused);
    assert!(told.contains("in 1 place (") && told.contains("more"), "{told}");
    let trial = ["canary", "--app", "shop", "--release", "2", "--percent", "5"];
    assert_eq!(Deployer::output(&[&worker], &trial).status.code(), Some(3));
    assert_eq!(version(&worker), "one");
    deployer.run(&[&worker], &[&trial[..], &["--allow-breaking"]].concat());
    let refused = Deployer::output(&[&worker], &["promote", "--app", "shop"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert_eq!(shop(&deployer, &worker)["canary"]["release"], 2);
    let told = deployer.run(&[&worker], &[&back[..], &["--allow-breaking"]].concat());
    assert!(told.contains("breaks callers of the one before in 1 place"), "{told}");
    assert_eq!(version(&worker), "two");
}

#[test]
fn back_to_the_release_before_always_goes_and_says_who_can_break() {
    let deployer = Deployer::with_new_key();
    let (first, second) = (deployer.worker(), deployer.worker());
    let workers = [&first, &second];
    ok(&deployer.deploy(&workers, &functions("one", ""), &[]));
    ok(&deployer.deploy(&workers, &functions("two", "function more() {}"), &[]));
    let told = deployer.run(&workers, &["rollback", "--app", "shop"]);
    assert!(told.contains("breaks callers of the one before in 1 place"), "{told}");
    assert!(told.contains("more"), "{told}");
    assert_eq!(workers.map(version), ["one", "one"]);
}

#[test]
fn another_release_ends_a_trial_and_says_so() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], &functions("one", ""), &[]));
    ok(&deployer.deploy(&[&worker], &functions("two", ""), &[]));
    ok(&deployer.deploy(&[&worker], &functions("three", ""), &["--stage-only"]));
    let trial = ["canary", "--app", "shop", "--release", "3", "--percent", "10"];
    deployer.run(&[&worker], &trial);
    let refused = Deployer::output(&[&worker], &["rollback", "--app", "shop", "--to", "9"]);
    assert_eq!(refused.status.code(), Some(66), "{refused:?}");
    assert_eq!(shop(&deployer, &worker)["canary"]["release"], 3, "nothing changed");
    let told = deployer.run(&[&worker], &["rollback", "--app", "shop"]);
    assert!(told.contains("release 3 is on trial no more (it had 10 %)"), "{told}");
    assert_eq!(shop(&deployer, &worker)["canary"], Value::Null);
    let told = deployer.run(&[&worker], &["audit", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let last = told[0]["result"].as_array().and_then(|entries| entries.last()).expect("entries");
    assert_eq!(last["action"], "rollback");
    let detail = last["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("release 3 is on trial no more"), "{last}");
}

#[test]
fn a_release_that_is_ending_is_taken_back_once_it_has_ended() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], &functions("one", ""), &[]));
    let first = worker.prototype();
    ok(&deployer.deploy(&[&worker], &functions("two", ""), &[]));
    // It cannot end before the worker loses its patience.
    send_signal(first, Signal::STOP);
    deployer.run(&[&worker], &["drain", "--app", "shop", "--release", "1"]);
    eventually("it ends", || worker.log().contains("release stops").then_some(()));
    deployer.run(&[&worker], &["rollback", "--app", "shop", "--to", "1"]);
    assert_eq!(version(&worker), "one");
}
