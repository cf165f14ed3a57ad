//! Workers that were away while something was decided, and catch up with the others.

use e2e::deployer::{ok, release, version};
use e2e::{Deployer, Sidecar, controls, eventually};
use std::fs;
use std::thread;

fn canary(deployer: &Deployer, worker: &Sidecar) -> serde_json::Value {
    deployer.releases(&[worker])[0]["result"][0]["canary"].clone()
}

#[test]
fn one_that_died_before_it_activated_has_activated_before_its_first_call() {
    for fault_point in ["activate.save", "activate.saved"] {
        let deployer = Deployer::with_new_key();
        let (first, mut second) = deployer.pair();
        ok(&deployer.deploy(&[&first, &second], &release("one"), &[]));
        second.restart_to_die_at(fault_point);
        let addresses = controls(&[&first, &second]);
        let told = thread::scope(|scope| {
            let deploy = scope.spawn(|| deployer.deploy_at(&addresses, &release("two"), &[]));
            second.await_death();
            eventually("the other one activates", || (version(&first) == "two").then_some(()));
            second.restart();
            assert_eq!(version(&second), "two");
            deploy.join().expect("it ends")
        });
        ok(&told);
    }
}

#[test]
fn one_that_died_while_it_prepared_keeps_all_in_the_old_release() {
    let deployer = Deployer::with_new_key();
    let (first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first, &second], &release("one"), &[]));
    second.restart_to_die_at("prepare.saved");
    let told = deployer.deploy(&[&first, &second], &release("two"), &[]);
    assert!(!told.status.success(), "{told:?}");
    second.await_death();
    second.restart();
    assert_eq!([version(&first), version(&second)], ["one", "one"]);
    ok(&deployer.deploy(&[&first, &second], &release("three"), &[]));
    assert_eq!([version(&first), version(&second)], ["three", "three"]);
}

#[test]
fn one_that_missed_a_deploy_fetches_the_release_and_the_settings() {
    let deployer = Deployer::with_new_key();
    let (first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first, &second], &release("one"), &[]));
    second.kill();
    ok(&deployer.deploy(&[&first], &release("two"), &[]));
    deployer.run(&[&first], &["config", "set", "shop", "limit=5"]);
    second.restart();
    assert_eq!(version(&second), "two");
    let told = deployer.run(&[&second], &["config", "get", "shop", "limit"]);
    assert_eq!(told.lines().last(), Some("limit  5"));
    let app = &deployer.releases(&[&second])[0]["result"][0];
    assert_eq!((app["current"].as_u64(), app["previous"].as_u64()), (Some(2), Some(1)));
    // It is on its disk.
    drop(first);
    second.kill();
    second.restart();
    assert_eq!(version(&second), "two");
}

#[test]
fn a_new_one_gets_the_applications_of_the_others() {
    let deployer = Deployer::with_new_key();
    let (first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first], &release("one"), &[]));
    second.kill();
    second.restart();
    assert_eq!(version(&second), "one");
}

#[test]
fn going_back_is_not_undone_by_one_that_missed_it() {
    let deployer = Deployer::with_new_key();
    let (mut first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first, &second], &release("one"), &[]));
    ok(&deployer.deploy(&[&first, &second], &release("two"), &[]));
    deployer.run(&[&first], &["rollback", "--app", "shop"]);
    first.kill();
    first.restart();
    assert_eq!(version(&first), "one");
    second.kill();
    second.restart();
    assert_eq!(version(&second), "one");
}

#[test]
fn one_that_cannot_catch_up_refuses_with_the_reason_until_it_can() {
    let deployer = Deployer::with_new_key();
    let (first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first, &second], &release("one"), &[]));
    ok(&deployer.deploy(&[&first], &release("two"), &[]));
    let config = fs::read_to_string(second.config_file()).expect("ours");
    let stranger = Deployer::with_new_key();
    let other = config.replace(deployer.public(), stranger.public());
    fs::write(second.config_file(), other).expect("ours");
    second.kill();
    second.restart();
    let refused = second.php("echo appserver_call('version');");
    assert!(!refused.success, "{refused:?}");
    assert!(refused.stderr.contains("other workers have release 2"), "{}", refused.stderr);
    let app = &deployer.releases(&[&second])[0]["result"][0];
    assert_eq!(app["current"], 1);
    assert!(app["behind"].as_str().is_some_and(|reason| reason.contains("key")), "{app}");
    fs::write(second.config_file(), config).expect("ours");
    second.kill();
    second.restart();
    assert_eq!(version(&second), "two");
}

#[test]
fn one_that_nobody_answers_serves_what_it_has_and_asks_again() {
    let deployer = Deployer::with_new_key();
    let (mut first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first, &second], &release("one"), &[]));
    second.kill();
    ok(&deployer.deploy(&[&first], &release("two"), &[]));
    first.kill();
    second.restart();
    assert_eq!(version(&second), "one");
    assert!(second.log().contains("no other worker says what is current"));
    first.restart();
    assert_eq!(version(&first), "two");
    eventually("it catches up", || (version(&second) == "two").then_some(()));
}

#[test]
fn a_new_one_that_cannot_get_the_application_says_why() {
    let deployer = Deployer::with_new_key();
    let (first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first], &release("one"), &[]));
    let stranger = Deployer::with_new_key();
    let config = fs::read_to_string(second.config_file()).expect("ours");
    let other = config.replace(deployer.public(), stranger.public());
    fs::write(second.config_file(), other).expect("ours");
    second.kill();
    second.restart();
    let refused = second.php("echo appserver_call('version');");
    assert!(refused.stderr.contains("other workers have release 1"), "{}", refused.stderr);
}

#[test]
fn one_that_missed_the_beginning_or_the_end_of_a_trial_takes_part() {
    let deployer = Deployer::with_new_key();
    let (first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first, &second], &release("one"), &[]));
    second.kill();
    ok(&deployer.deploy(&[&first], &release("two"), &["--stage-only"]));
    let trial = ["canary", "--app", "shop", "--release", "2", "--percent"];
    deployer.run(&[&first], &[&trial[..], &["12.5"]].concat());
    second.restart();
    assert_eq!(canary(&deployer, &second), serde_json::json!({"release": 2, "percent": 12.5}));
    second.kill();
    deployer.run(&[&first], &[&trial[..], &["100"]].concat());
    second.restart();
    assert_eq!(version(&second), "two");
    // It is on trial again after a start with nothing to catch up.
    second.kill();
    second.restart();
    assert_eq!(version(&second), "two");
    second.kill();
    deployer.run(&[&first], &["abort", "--app", "shop"]);
    second.restart();
    assert_eq!(version(&second), "one");
    assert_eq!(canary(&deployer, &second), serde_json::Value::Null);
}
