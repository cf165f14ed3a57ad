//! The worked example of docs/migration.md: an application whose functions have moved away prints what
//! it printed before.

use e2e::{Artifacts, PATIENCE_S, Sidecar};
use std::path::{Path, PathBuf};
use std::process::Command;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/migration").join(name)
}

fn source(name: &str) -> String {
    std::fs::read_to_string(example(name)).expect("part of the example")
}

#[test]
fn the_example_prints_the_same_before_and_after_its_functions_moved() {
    let before = Command::new("php").arg(example("before/shop.php")).output().expect("php runs");
    assert!(before.status.success());
    let worker = Sidecar::builder()
        .file("app.toml", "name = \"pricing\"\n")
        .file("pricing.php", &source("after/pricing/pricing.php"))
        .start();
    let after = worker.php(&format!("require '{}';", example("after/shop.php").display()));
    assert_eq!(after.ok(), String::from_utf8_lossy(&before.stdout));
}

#[test]
fn the_example_has_the_proxies_that_are_generated_now() {
    let worker = Sidecar::builder()
        .file("app.toml", "name = \"pricing\"\n")
        .file("pricing.php", &source("after/pricing/pricing.php"))
        .start();
    let mut command = Command::new(Artifacts::find().appserver);
    command.args(["proxy", "generate", "--app", "pricing", "--workers", &worker.address()]);
    command.args(["--connect-timeout", &PATIENCE_S.to_string()]);
    let checked = command.arg("--check").arg(example("after/remote.php")).output();
    let checked = checked.expect("appserver runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn what_was_cut_was_pasted_unchanged() {
    assert_eq!(source("before/pricing.php"), source("after/pricing/pricing.php"));
}
