//! `appserver config check`.

use crate::appserver::{Ran, appserver_with};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn app(toml: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("functions.php"), "<?php function f() {}").unwrap();
    if let Some(toml) = toml {
        fs::write(folder.path().join("app.toml"), toml).unwrap();
    }
    folder
}

/// Any file stands for the executor, which is not started.
fn check(args: &[&str]) -> Ran {
    let executor = env!("CARGO_BIN_EXE_appserver");
    let args = [&["config", "check"], args].concat();
    appserver_with(&args, &[("APPSERVER_PHP_BINARY", executor)])
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_configuration_that_would_hold_is_printed_and_can_be_used_as_it_is() {
    let folder = app(Some("name = \"shop\"\n"));
    let first = check(&["--app", text(folder.path())]);
    assert_eq!(first.code, 0, "{}", first.err);
    let (daemon, application) = first.out.split_once("\n\n# ").expect("two files");
    assert!(application.contains("name = \"shop\""), "{application}");
    fs::write(folder.path().join("app.toml"), format!("# {application}")).unwrap();
    let config = folder.path().join("appserver.toml");
    fs::write(&config, daemon).unwrap();
    let second = check(&["--config", text(&config)]);
    assert_eq!((second.code, second.out), (0, first.out), "{}", second.err);
}

#[test]
fn json_is_there_for_programs() {
    let folder = app(None);
    let ran = check(&["--json", "--app", text(folder.path())]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["deployments"][0]["config"]["entry"][0], "functions.php");
    assert!(json["daemon"]["limits"]["frame_bytes_max"].is_u64());
}

#[test]
fn a_mistake_is_told_with_file_line_and_the_nearest_key_and_exits_78() {
    let folder = app(Some("name = \"shop\"\nbootstarp = \"x.php\"\n"));
    let ran = check(&["--app", text(folder.path())]);
    assert_eq!((ran.code, ran.out.as_str()), (78, ""));
    let file = folder.path().canonicalize().unwrap().join("app.toml");
    assert!(ran.err.contains(&format!("{}:2:", file.display())), "{}", ran.err);
    assert!(ran.err.contains("\"bootstrap\"") || ran.err.contains("bootstrap?"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "one line: {}", ran.err);
}

#[test]
fn what_is_not_there_exits_78_as_well() {
    for args in [&["--app", "/nonexistent"][..], &["--config", "/nonexistent.toml"]] {
        let ran = check(args);
        assert_eq!(ran.code, 78, "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_sidecars_file_can_be_checked_without_an_application() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("appserver.toml");
    fs::write(&config, "busy_poll_us = 7\n").unwrap();
    let ran = check(&["--config", text(&config)]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("busy_poll_us = 7"), "{}", ran.out);
}

#[test]
fn what_is_allowed_and_seldom_meant_is_warned_of() {
    let folder = app(Some("[[schedule]]\nfunction = \"f\"\ncron = \"@daily\"\n"));
    let config = folder.path().join("appserver.toml");
    let (memory, alone) =
        ("warning: runtime_dir is set and state_dir is not", "warning: there are schedules");
    let worker = "[[membership.workers]]\naddress = \"unix:/run/w.sock\"\n";
    for (toml, expected) in [
        ("", [false, false]),
        ("runtime_dir = \"run\"", [true, false]),
        ("runtime_dir = \"run\"\nstate_dir = \"state\"", [false, false]),
        ("runtime_dir = \"run\"\n[jobs]\nenabled = false", [false, false]),
        ("listen = [\"unix:/run/w.sock\"]", [false, false]),
        ("listen = [\"tls:127.0.0.1\"]", [false, true]),
        (&format!("listen = [\"tls:127.0.0.1\"]\n{worker}"), [false, false]),
    ] {
        fs::write(&config, toml).unwrap();
        let ran = check(&["--config", text(&config), "--app", text(folder.path())]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let said = [memory, alone].map(|warning| ran.err.contains(warning));
        assert_eq!(said, expected, "{toml}: {}", ran.err);
        assert!(!ran.out.contains("warning"), "what is printed can be used as it is");
    }
    // Without a schedule there is nothing that several could do.
    let quiet = app(None);
    fs::write(&config, "listen = [\"tls:127.0.0.1\"]").unwrap();
    let ran = check(&["--config", text(&config), "--app", text(quiet.path())]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn what_serve_could_not_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("appserver.toml");
    fs::write(folder.path().join("short"), "secret\n").unwrap();
    for (toml, expected) in [
        ("listen = [\"tcp:0.0.0.0:1\"]", "tcp.insecure = true"),
        ("user = \"no-such-user\"", "user: there is no user \"no-such-user\""),
        ("group = \"no-such-group\"", "group: there is no group"),
        ("[socket]\ngroup = \"no-such-group\"", "socket.group: there is no group"),
        ("[allow]\nusers = [\"no-such-user\"]", "allow: there is no user"),
        ("listen = [\"tls:[::1]:1\"]\n[tcp]\ntoken_file = \"missing\"", "tcp.token_file"),
        ("[control]\nlisten = [\"tls:[::1]:1\"]\ntoken_file = \"missing\"", "control.token_file"),
        ("[control]\nlisten = [\"tls:[::1]:1\"]\ntoken_file = \"short\"", "at least 16 characters"),
        ("[control]\ngroup = \"no-such-group\"", "control.group: there is no group"),
        ("listen = [\"tls:[::1]:1\"]\n[tcp]\ntoken_file = \"short\"", "at least 16 characters"),
        (
            "listen = [\"tls:[::1]:1\"]\n[tls]\ncertificate = \"missing\"\nkey = \"missing\"",
            "tls.certificate: ",
        ),
        ("listen = [\"tls:[::1]:1\"]\n[tls]\nclient_ca = \"missing\"", "tls.client_ca: "),
    ] {
        fs::write(&config, toml).unwrap();
        let ran = check(&["--config", text(&config)]);
        assert_eq!(ran.code, 78, "{toml}");
        assert!(ran.err.contains(expected), "{toml}: {}", ran.err);
    }
    let args = ["--config", text(&config), "--php-binary", "/nonexistent"];
    fs::write(&config, "").unwrap();
    let ran = check(&args);
    assert!(ran.code == 78 && ran.err.contains("no executor at /nonexistent"), "{}", ran.err);
}
