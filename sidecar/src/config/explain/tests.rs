//! Layer by layer, with the lines that say it.

use super::*;
use crate::config::{Apps, load_daemon, load_release};
use protocol::{AppName, Attribute};
use std::path::Path;

const APP: &str = "timeout_ms = 9000\n[executors]\nmin = 2\nmax = 8\n[pools.reports]\n\
                   isolation = \"resident\"\ntimeout_ms = 60000\nexecutors.max = 3\n[queues.mails]\n\
                   concurrency = 4\nrate = \"100/60s\"\n\
                   [datasource.main]\ndsn = \"pgsql:host=db;password=hunter2;dbname=x\"";

struct Case {
    _folder: tempfile::TempDir,
    daemon: Daemon,
    deployment: Deployment,
}

fn case(administrator: &str) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("appserver.toml", administrator);
    write("app.toml", APP);
    write("f.php", "<?php");
    let daemon = load_daemon(Some(&folder.path().join("appserver.toml"))).unwrap();
    let name = AppName::new("shop").unwrap();
    let deployment = load_release(folder.path(), &name, &daemon.apps).unwrap();
    Case { _folder: folder, daemon, deployment }
}

fn function(pool: &str, attributes: &[&str]) -> Function {
    let attribute =
        |name: &&str| Attribute { name: format!("AppServer\\{name}"), arguments: Vec::new() };
    Function {
        pool: pool.to_owned(),
        attributes: attributes.iter().map(attribute).collect(),
        file: "f.php".to_owned(),
        line: 7,
        ..Function::default()
    }
}

/// Value, layer, and the last part of the place.
fn said(case: &Case, function: Option<&Function>, key: &str) -> String {
    let rows = explain(&case.deployment, &case.daemon, &case.daemon.apps.origins, function);
    let row = rows.iter().find(|row| row.key == key).unwrap_or_else(|| panic!("{key}"));
    let place = row.place.as_deref().unwrap_or_default();
    let place = Path::new(place).file_name().unwrap_or_default().to_string_lossy();
    format!("{} {:?} {place}", row.value, row.layer)
}

#[test]
fn of_an_application_each_key_has_the_place_that_decided() {
    let case = case(
        "[apps.shop]\nnice = 3\n[apps.shop.executors]\nmax = 4\n\
         [apps.shop.queues.mails]\nconcurrency = 2\n",
    );
    for (key, expected) in [
        ("timeout_ms", "9000 Application app.toml:1"),
        ("executors.max", "4 Administrator appserver.toml:4"),
        ("executors.min", "2 Application app.toml:3"),
        ("executors.grace_ms", "500 Default "),
        ("pools.reports.executors.max", "3 Application app.toml:8"),
        ("nice", "3 Administrator appserver.toml:2"),
        ("datasource.main.dsn", "\"pgsql:host=db;password=…;dbname=x\" Application app.toml:13"),
        ("queues.mails.concurrency", "2 Administrator appserver.toml:6"),
        ("queues.mails.rate", "\"100/min\" Application app.toml:11"),
    ] {
        assert_eq!(said(&case, None, key), expected, "{key}");
    }
}

#[test]
fn of_a_function_the_pool_goes_before_the_application_and_an_attribute_before_both() {
    let case = case("[limits]\nframe_bytes_max = 8192\n");
    let report = function("reports", &["Pool"]);
    for (key, expected) in [
        ("pool", "\"reports\" Function #[Pool] at f.php:7"),
        ("isolation", "\"stateless\" Pool app.toml:6"),
        ("timeout_ms", "60000 Pool app.toml:7"),
        ("executors.max", "3 Pool app.toml:8"),
        ("executors.min", "2 Application app.toml:3"),
        ("executors.grace_ms", "500 Default "),
        ("worker: limits.frame_bytes_max", "8192 Daemon appserver.toml:2"),
        ("worker: drain_timeout_ms", "30000 Default "),
    ] {
        assert_eq!(said(&case, Some(&report), key), expected, "{key}");
    }
    let timed = Function { timeout_ms: Some(1500), ..function("default", &["Timeout"]) };
    assert_eq!(said(&case, Some(&timed), "timeout_ms"), "1500 Function #[Timeout] at f.php:7");
    assert_eq!(said(&case, Some(&timed), "executors.max"), "8 Application app.toml:4");
}

#[test]
fn the_administrator_goes_before_what_the_application_says_of_a_pool() {
    let whole = case("[apps.shop.executors]\nmax = 1\n");
    let report = function("reports", &["Pool"]);
    assert_eq!(said(&whole, Some(&report), "executors.max"), "1 Administrator appserver.toml:2");
    // Moved along.
    assert_eq!(said(&whole, Some(&report), "executors.min"), "1 Administrator appserver.toml:2");
    let one = case(
        "[apps.shop]\ntimeout_ms = 5\nexecutors.max = 1\n[apps.shop.pools.reports]\n\
         timeout_ms = 6\nexecutors.max = 2\n",
    );
    assert_eq!(said(&one, Some(&report), "executors.max"), "2 Administrator appserver.toml:6");
    assert_eq!(said(&one, Some(&report), "timeout_ms"), "6 Administrator appserver.toml:5");
    let other = function("default", &[]);
    assert_eq!(said(&one, Some(&other), "timeout_ms"), "5 Administrator appserver.toml:2");
}

#[test]
fn what_a_call_may_change_is_said() {
    let case = case("");
    let rows = explain(
        &case.deployment,
        &case.daemon,
        &case.daemon.apps.origins,
        Some(&function("default", &[])),
    );
    let open: Vec<&str> =
        rows.iter().filter(|row| row.caller.is_some()).map(|row| row.key.as_str()).collect();
    assert_eq!(open, ["timeout_ms", "affinity"]);
    let cache =
        Some(protocol::CachePolicy { ttl_ms: 1, negative_ms: 1, tags: Vec::new(), vary: None });
    let kept = Function { cache, ..function("default", &["Cacheable"]) };
    let rows = explain(&case.deployment, &case.daemon, &case.daemon.apps.origins, Some(&kept));
    let ttl = rows.iter().find(|row| row.key == "cache.ttl").and_then(|row| row.caller.as_deref());
    assert_eq!(ttl, Some("a shorter one, by withMaxAge(); none, by withFresh()"));
}

#[test]
fn what_the_command_line_bounds_is_said_of_deployed_releases_too() {
    let case = case("");
    let apps = Apps { executors_max: Some(1), ..case.daemon.apps.clone() };
    let name = &case.deployment.config.name;
    let deployment = load_release(&case.deployment.root, name, &apps).unwrap();
    let case = Case { deployment, ..case };
    let report = function("reports", &["Pool"]);
    assert_eq!(said(&case, Some(&report), "executors.max"), "1 CommandLine --executors");
    assert_eq!(said(&case, Some(&report), "executors.min"), "1 CommandLine --executors");
}
