//! Releases brought by `appserver deploy` to running workers.

use e2e::deployer::{ok, version};
use e2e::{Deployer, eventually};
use serde_json::Value;

#[test]
fn two_workers_take_over_each_release_and_go_back_together() {
    let deployer = Deployer::with_new_key();
    let (first, second) = (deployer.worker(), deployer.worker());
    let workers = [&first, &second];
    ok(&deployer.deploy(&workers, "function version(): string { return 'one'; }", &[]));
    assert_eq!(workers.map(version), ["one", "one"]);
    ok(&deployer.deploy(&workers, "function version(): string { return 'two'; }", &[]));
    assert_eq!(workers.map(version), ["two", "two"]);
    let releases = deployer.releases(&workers);
    for worker in 0..2 {
        let app = &releases[worker]["result"][0];
        assert_eq!((&app["current"], &app["previous"]), (&Value::from(2), &Value::from(1)));
    }
    deployer.run(&workers, &["rollback", "--app", "shop"]);
    assert_eq!(workers.map(version), ["one", "one"]);
    deployer.run(&workers, &["rollback", "--app", "shop", "--to", "2"]);
    assert_eq!(workers.map(version), ["two", "two"]);
}

#[test]
fn several_workers_go_back_to_a_release_that_does_not_run_any_more() {
    let deployer = Deployer::with_new_key();
    let (first, second) = (deployer.worker(), deployer.worker());
    let workers = [&first, &second];
    for version in ["one", "two"] {
        let functions = format!("function version(): string {{ return '{version}'; }}");
        ok(&deployer.deploy(&workers, &functions, &[]));
    }
    deployer.run(&workers, &["drain", "--app", "shop", "--release", "1"]);
    eventually("it has stopped", || {
        let releases = deployer.releases(&workers);
        let state = |worker: usize| &releases[worker]["result"][0]["releases"][1]["state"];
        (state(0) == "kept" && state(1) == "kept").then_some(())
    });
    let told = deployer.run(&[&first], &["releases"]);
    let row = told.lines().find(|line| line.contains(" kept ")).expect("it is listed");
    assert!(row.trim_end().ends_with(" -          0"), "nobody knows its functions: {row}");
    deployer.run(&workers, &["rollback", "--app", "shop", "--to", "1"]);
    assert_eq!(workers.map(version), ["one", "one"]);
}

#[test]
fn a_deployed_application_is_there_again_after_a_restart() {
    let deployer = Deployer::with_new_key();
    let mut worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], "function version(): string { return 'one'; }", &[]));
    worker.kill();
    worker.restart();
    assert_eq!(version(&worker), "one");
    assert_eq!(deployer.releases(&[&worker])[0]["result"][0]["current"], 1);
}

#[test]
fn what_would_break_callers_and_what_does_not_start_changes_nothing() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], "function version(): string { return 'one'; }", &[]));
    let breaking = "function version(string $whose): string { return 'two'; }";
    let refused = deployer.deploy(&[&worker], breaking, &[]);
    assert_eq!(refused.status.code(), Some(3));
    let told = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(told.contains("breaking: ") && told.contains("$whose"), "{told}");
    let broken = deployer.deploy(&[&worker], "function version( {", &[]);
    assert_eq!(broken.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("syntax error"));
    assert_eq!(version(&worker), "one");
    ok(&deployer.deploy(&[&worker], breaking, &["--allow-breaking"]));
    assert_eq!(worker.php("echo appserver_call('version', 'mine');").ok(), "two");
}

#[test]
fn a_release_on_trial_gets_its_share_and_can_be_promoted() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], "function version(): string { return 'one'; }", &[]));
    let next = "function version(): string { return 'two'; }";
    ok(&deployer.deploy(&[&worker], next, &["--stage-only"]));
    assert_eq!(version(&worker), "one");
    let trial = ["canary", "--app", "shop", "--release", "2", "--percent", "100"];
    deployer.run(&[&worker], &trial);
    assert_eq!(version(&worker), "two");
    deployer.run(&[&worker], &["abort", "--app", "shop"]);
    assert_eq!(version(&worker), "one");
    deployer.run(&[&worker], &trial);
    deployer.run(&[&worker], &["promote", "--app", "shop"]);
    assert_eq!(deployer.releases(&[&worker])[0]["result"][0]["current"], 2);
    assert_eq!(version(&worker), "two");
}

#[test]
fn settings_change_without_a_deploy_and_who_did_it_is_on_record() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], "function version(): string { return 'one'; }", &[]));
    deployer.run(&[&worker], &["config", "set", "shop", "limit=5"]);
    let told = deployer.run(&[&worker], &["config", "get", "shop", "limit"]);
    assert_eq!(told.lines().last(), Some("limit  5"));
    deployer.run(&[&worker], &["config", "unset", "shop", "limit"]);
    let told = deployer.run(&[&worker], &["audit", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let entries = told[0]["result"].as_array().expect("entries");
    let actions: Vec<&str> = entries.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions, ["stage", "activate", "settings", "settings"]);
    let uid = rustix::process::geteuid().as_raw();
    let by = entries[0]["by"].as_str().expect("text");
    assert!(by.starts_with(&format!("uid {uid}")), "{by}");
}

#[test]
fn files_that_a_loss_of_power_took_are_unpacked_again() {
    let deployer = Deployer::with_new_key();
    let mut worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], "function version(): string { return 'one'; }", &[]));
    worker.kill();
    let state = worker.socket().with_file_name("run");
    let file = state.join("apps/shop/releases/1/root/functions.php");
    assert!(std::fs::read_to_string(&file).unwrap().contains("'one'"));
    std::fs::write(&file, "").unwrap();
    std::fs::write(state.join("boot-id"), "another start of the machine").unwrap();
    worker.restart();
    assert_eq!(version(&worker), "one");
    assert!(worker.log().contains("unpacked again"));
}

#[test]
fn a_request_keeps_its_settings_and_the_next_one_has_the_new_ones() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let functions = "function limit(): mixed { return AppServer\\config('limit', 'none'); }";
    ok(&deployer.deploy(&[&worker], functions, &[]));
    let mut client = worker.spawn_php(
        "AppServer\\pin(); echo appserver_call('limit'), \"\\n\"; fgets(STDIN);
         echo appserver_call('limit'), \"\\n\"; AppServer\\unpin(); echo appserver_call('limit'), \"\\n\";",
    );
    assert_eq!(client.line(), "none");
    deployer.run(&[&worker], &["config", "set", "shop", "limit=5"]);
    client.enter();
    assert_eq!((client.line(), client.line()), ("none".to_owned(), "5".to_owned()));
    client.finish().ok();
}

#[test]
fn a_release_that_a_request_is_pinned_to_is_gone_when_its_drain_time_is_over() {
    let deployer = Deployer::with_new_key();
    let config = "[releases]\nwarm = 0\ndrain_timeout_ms = 100\n";
    let worker = deployer.builder().config(config).start();
    let version = |name: &str| format!("function version(): string {{ return '{name}'; }}");
    ok(&deployer.deploy(&[&worker], &version("one"), &[]));
    let mut client = worker.spawn_php(
        "AppServer\\pin(); echo appserver_call('version'), \"\\n\"; fgets(STDIN);
         try { echo appserver_call('version'); }
         catch (AppServer\\ReleaseGone $e) { AppServer\\unpin(); echo 'gone, then ', appserver_call('version'); }",
    );
    assert_eq!(client.line(), "one");
    ok(&deployer.deploy(&[&worker], &version("two"), &[]));
    eventually("the old release has stopped", || {
        let releases = deployer.releases(&[&worker]);
        let state = releases[0]["result"][0]["releases"][1]["state"].clone();
        (state == "kept").then_some(())
    });
    client.enter();
    assert_eq!(client.finish().ok(), "gone, then two");
}
