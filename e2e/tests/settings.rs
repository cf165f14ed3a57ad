//! Keys of settings: what nobody could tell the meaning of is refused, wherever it comes from.

use e2e::{Deployer, Sidecar};
use serde_json::Value;

const FUNCTIONS: &str =
    "function config(string $key): string { return json_encode(AppServer\\config($key)); }";

fn config(worker: &Sidecar, key: &str) -> Value {
    let read = worker.php(&format!("echo appserver_call('config', '{key}');")).ok();
    serde_json::from_str(&read).expect("JSON")
}

/// What is said of a command that is refused.
fn refused(worker: &Sidecar, args: &[&str]) -> String {
    let output = Deployer::output(&[worker], args);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn deploy(deployer: &Deployer, worker: &Sidecar, settings: &str) -> Result<(), String> {
    std::fs::write(deployer.path("app/app.toml"), settings).expect("ours");
    let output = deployer.deploy(&[worker], FUNCTIONS, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn a_key_has_a_value_or_begins_others_whoever_says_so() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    deploy(&deployer, &worker, "[settings.feature]\nx = 1\n").expect("a good release");
    let said = refused(&worker, &["config", "set", "shop", "feature=2"]);
    assert!(said.contains("there cannot be \"feature.x\""), "{said}");
    for key in ["feature..x", ".x", "x.", ""] {
        refused(&worker, &["config", "set", "shop", &format!("{key}=1")]);
    }
    assert_eq!(config(&worker, "feature"), serde_json::json!({"x": 1}), "nothing has changed");
    // A table is the keys in it, as in an app.toml.
    deployer.run(&[&worker], &["config", "set", "shop", "feature={\"x\": 3, \"y\": {\"z\": 4}}"]);
    assert_eq!(config(&worker, "feature"), serde_json::json!({"x": 3, "y.z": 4}));
    assert_eq!(config(&worker, "feature.y.z"), 4);
    deployer.run(&[&worker], &["config", "unset", "shop", "feature"]);
    assert_eq!(config(&worker, "feature"), serde_json::json!({"x": 1}));
}

#[test]
fn what_was_set_is_explained_as_it_holds() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    deploy(&deployer, &worker, "[settings]\nlimit = 1\nother = 2\n").expect("a good release");
    deployer.run(&[&worker], &["config", "set", "shop", "limit=5", "more=true"]);
    for function in [None, Some("config")] {
        let args = ["config", "explain", "shop"].into_iter().chain(function).chain(["--json"]);
        let told = deployer.run(&[&worker], &args.collect::<Vec<_>>());
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let rows = told[0]["result"].as_array().expect("rows").iter();
        let settings: Vec<String> = rows
            .filter_map(|row| {
                let key = row["key"].as_str()?.strip_prefix("settings.")?;
                Some(format!("{key} {} {}", row["value"], row["layer"].as_str()?))
            })
            .collect();
        assert_eq!(settings, ["limit 5 set", "other 2 application", "more true set"]);
    }
    let text = deployer.run(&[&worker], &["config", "explain", "shop"]);
    let limit = text.lines().find(|line| line.starts_with("settings.limit")).expect("it is told");
    assert!(limit.ends_with("config set"), "{limit}");
}

#[test]
fn a_release_that_does_not_go_with_what_was_set_is_refused_with_the_way_out() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    deploy(&deployer, &worker, "").expect("a good release");
    deployer.run(&[&worker], &["config", "set", "shop", "feature=2"]);
    let said = deploy(&deployer, &worker, "[settings.feature]\nx = 1\n").unwrap_err();
    assert!(said.contains("`appserver config unset shop feature`"), "{said}");
    assert_eq!(config(&worker, "feature"), 2, "the release before serves on");
    deployer.run(&[&worker], &["config", "unset", "shop", "feature"]);
    deploy(&deployer, &worker, "[settings.feature]\nx = 1\n").expect("now it fits");
    assert_eq!(config(&worker, "feature"), serde_json::json!({"x": 1}));
}

#[test]
fn an_app_toml_with_such_keys_is_refused_with_its_line() {
    for (settings, expected) in [
        ("\"a..b\" = 1", "app.toml:2: settings.a..b: \"a..b\" is no key"),
        (
            "a = 1\n\"a.b\" = 2",
            "app.toml:2: settings.a: \"a\" has a value, so there cannot be \"a.b\"",
        ),
        ("\"a.b\" = 1\na = { b = 2 }", "\"a.b\" is given twice"),
    ] {
        let sidecar = Sidecar::builder()
            .file("f.php", "<?php function f() {}")
            .file("app.toml", &format!("[settings]\n{settings}\n"));
        let (code, error) = sidecar.fails_to_start();
        assert_eq!(code, Some(78), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
