//! Applications that are not wanted any more, and names that were mistyped.

use e2e::deployer::{ok, release, version};
use e2e::{Deployer, Sidecar, eventually};
use std::fs;

fn listed(deployer: &Deployer, worker: &Sidecar) -> String {
    deployer.run(&[worker], &["releases"])
}

#[test]
fn an_application_is_removed_with_all_it_had_and_can_come_again() {
    let deployer = Deployer::with_new_key();
    let mut worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], &release("one"), &[]));
    deployer.run(&[&worker], &["config", "set", "shop", "limit=5"]);
    let refused = Deployer::output(&[&worker], &["remove", "shop"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"), "{refused:?}");
    assert_eq!(version(&worker), "one");
    deployer.run(&[&worker], &["remove", "shop", "--force"]);
    let refused = worker.php("echo appserver_call('shop:version');");
    assert!(refused.stderr.contains("no application \"shop\""), "{}", refused.stderr);
    assert_eq!(listed(&deployer, &worker), "no application\n");
    let again = Deployer::output(&[&worker], &["remove", "shop"]);
    assert_eq!(again.status.code(), Some(66), "{again:?}");
    let releases = worker.socket().with_file_name("run").join("apps/shop/releases");
    let left = || fs::read_dir(&releases).map_or(0, Iterator::count);
    eventually("its files and processes are gone", || {
        (left() == 0 && worker.family().len() == 1).then_some(())
    });
    worker.kill();
    worker.restart();
    assert_eq!(listed(&deployer, &worker), "no application\n");
    ok(&deployer.deploy(&[&worker], &release("two"), &[]));
    assert_eq!(version(&worker), "two");
    let told = deployer.run(&[&worker], &["config", "get", "shop"]);
    assert!(!told.contains("limit"), "{told}");
}

#[test]
fn one_that_was_away_removes_it_too_and_brings_nothing_back() {
    let deployer = Deployer::with_new_key();
    let (mut first, mut second) = deployer.pair();
    ok(&deployer.deploy(&[&first, &second], &release("one"), &[]));
    second.kill();
    deployer.run(&[&first], &["remove", "shop", "--force"]);
    second.restart();
    assert_eq!(listed(&deployer, &second), "no application\n");
    // What it learned is on its disk: it tells one that is away now.
    first.kill();
    second.kill();
    second.restart();
    first.restart();
    assert_eq!(listed(&deployer, &first), "no application\n");
    ok(&deployer.deploy(&[&first, &second], &release("two"), &[]));
    assert_eq!([version(&first), version(&second)], ["two", "two"]);
}

#[test]
fn a_name_that_is_new_is_said_and_one_that_differs_from_app_toml_s_refused() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let first = deployer.deploy(&[&worker], &release("one"), &[]);
    ok(&first);
    let told = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(told.contains("new application shop (the workers have no other)"), "{told}");
    let (app, key) = (deployer.path("app"), deployer.path("key"));
    let mistyped = ["deploy", &app, "--app", "shp", "--key", &key];
    fs::write(format!("{app}/app.toml"), "name = \"shop\"\n").expect("ours");
    let refused = Deployer::output(&[&worker], &mistyped);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("names the application \"shop\""), "{told}");
    let meant = Deployer::output(&[&worker], &[&mistyped[..], &["--rename"]].concat());
    ok(&meant);
    let told = String::from_utf8_lossy(&meant.stderr).into_owned();
    assert!(told.contains("new application shp (known: shop)"), "{told}");
}
