//! Commands for deploys, against control APIs that say what the test wants.

use crate::appserver::{Ran, appserver, appserver_with};
use crate::fake_control::{Answer, Asked, FakeControl};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// A folder with an application and a key.
struct Setting(TempDir);

impl Setting {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("app")).unwrap();
        fs::write(folder.path().join("app/functions.php"), "<?php function f() {}").unwrap();
        let setting = Self(folder);
        let ran = appserver(&["keygen", "--out", &setting.path("key")]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        setting
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn deploy(&self, workers: &[&FakeControl], more: &[&str]) -> Ran {
        let (app, key) = (self.path("app"), self.path("key"));
        let args = ["deploy", &app, "--app", "shop", "--key", &key];
        run(workers, &[&args, more].concat())
    }
}

fn run(workers: &[&FakeControl], args: &[&str]) -> Ran {
    let workers: Vec<String> = workers.iter().map(|worker| worker.address()).collect();
    appserver_with(args, &[("APPSERVER_CONTROL", &workers.join(","))])
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no JSON: {ran:?}"))
}

fn app(current: u64, highest: u64) -> Value {
    json!({
        "app": "shop", "current": current, "previous": current - 1, "canary": null,
        "settings_generation": 3, "highest": highest,
        "releases": [{
            "number": current, "id": "0000000000005eed", "state": "current", "signed_at_ms": 0,
            "deployer": "ada@\u{1b}[2Jlaptop", "note": "faster", "functions": 2, "running": 1
        }]
    })
}

fn staged(number: u64, changes: Value) -> Value {
    json!({
        "number": number, "id": "0000000000005eed", "functions": ["f(): string"], "files": 1,
        "bytes": 20, "preloaded_files": 1, "warnings": ["b.php: not preloaded"],
        "provisioned": ["schema.sql: done"], "changes": changes, "took_ms": 12
    })
}

fn error(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

/// A worker that does everything; release 7 is current, 8 the highest.
fn willing(asked: &Asked) -> Answer {
    match asked.line().as_str() {
        "GET /v1/apps/shop" => (200, app(7, 8)),
        "PUT /v1/apps/shop/releases/9" => (200, staged(9, json!([]))),
        "POST /v1/apps/shop/activate" | "POST /v1/apps/shop/rollback" => {
            let number = asked.json()["number"].as_u64().or(asked.json()["to"].as_u64());
            (200, json!({"number": number, "previous": 7, "took_us": 130}))
        }
        _ => (200, json!({})),
    }
}

fn worker() -> FakeControl {
    FakeControl::answering(willing)
}

/// Willing, but for one question.
fn unwilling(line: &'static str, answer: Answer) -> FakeControl {
    FakeControl::answering(move |asked| match asked.line() == line {
        true => answer.clone(),
        false => willing(asked),
    })
}

#[test]
fn a_key_is_made_once_and_its_public_line_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let args = ["keygen", "--out", file.to_str().unwrap(), "--comment", "ci"];
    let ran = appserver(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("appserver-deploy-pub-1:") && ran.out.ends_with(" ci\n"));
    assert!(ran.err.contains("trusted_keys = [\"appserver-deploy-pub-1:"), "{}", ran.err);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&file).unwrap();
    let again = appserver(&args);
    assert!(again.code == 78 && again.err.contains("never overwritten"), "{again:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_deploy_stages_prepares_and_activates_on_all_workers_with_one_number() {
    let setting = Setting::new();
    let (first, second) = (worker(), worker());
    let ran = setting.deploy(&[&first, &second], &["--note", "ticket 7"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for worker in [&first, &second] {
        let steps = [
            "GET /v1/apps/shop",
            "PUT /v1/apps/shop/releases/9",
            "POST /v1/apps/shop/prepare",
            "POST /v1/apps/shop/activate",
        ];
        assert_eq!(worker.lines(), steps);
        let body = json!({"number": 9, "allow_breaking": false, "expect_current": 7});
        assert_eq!((worker.asked()[2].json(), worker.asked()[3].json()), (body.clone(), body));
    }
    assert_eq!(first.asked()[1].body, second.asked()[1].body);
    assert!(first.asked()[1].body.starts_with(b"\x89APSR\r\n"));
    for part in ["shop, release 9", "  f(): string", "schema.sql: done", "b.php: not preloaded"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let line = format!("{}: release 9 is current, before it 7; it took 130 µs\n", first.address());
    assert!(ran.out.contains(&line), "{}", ran.out);
}

#[test]
fn the_first_deploy_of_an_application_is_release_1() {
    let worker = FakeControl::answering(|asked| match asked.line().as_str() {
        "GET /v1/apps/shop" => (404, error("unknown_app", "there is no application \"shop\"")),
        "GET /v1/apps" => (200, json!([app(4, 4)])),
        "PUT /v1/apps/shop/releases/1" => (200, staged(1, json!([]))),
        _ => (200, json!({"number": 1, "previous": null, "took_us": 9})),
    });
    let ran = Setting::new().deploy(&[&worker], &["--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told = json_of(&ran);
    assert_eq!((&told["release"], &told["stage"]), (&json!(1), &json!("activated")));
    assert_eq!(told["workers"][0]["before"], Value::Null);
    assert_eq!(told["workers"][0]["activated"]["number"], 1);
    assert_eq!(worker.asked()[3].json()["expect_current"], Value::Null);
}

#[test]
fn when_one_cannot_stage_it_nothing_is_activated_anywhere() {
    let refusal = (422, error("not_staged", "functions.php:1: syntax error"));
    let (good, bad) = (worker(), unwilling("PUT /v1/apps/shop/releases/9", refusal));
    let ran = Setting::new().deploy(&[&good, &bad], &[]);
    assert_eq!(ran.code, 78, "{}", ran.err);
    assert!(ran.err.contains(&format!("{}: functions.php:1: syntax error", bad.address())));
    assert!(ran.err.contains("nothing was deployed"), "{}", ran.err);
    assert_eq!(good.lines()[2..], ["POST /v1/apps/shop/drain"]);
    assert_eq!(bad.lines().len(), 2);
}

#[test]
fn when_one_cannot_prepare_it_all_forget_it() {
    let refusal = (409, error("conflict", "release 8 is current, not 7"));
    let (good, bad) = (worker(), unwilling("POST /v1/apps/shop/prepare", refusal));
    let ran = Setting::new().deploy(&[&good, &bad], &["--json"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    let rest =
        ["POST /v1/apps/shop/prepare", "POST /v1/apps/shop/abort", "POST /v1/apps/shop/drain"];
    assert_eq!(
        (&good.lines()[2..], &bad.lines()[2..]),
        (&rest.map(str::to_owned)[..], &rest.map(str::to_owned)[..])
    );
    let workers = &json_of(&ran)["workers"];
    assert_eq!(workers[0]["error"]["code"], "spared");
    assert_eq!(workers[1]["error"]["code"], "conflict");
}

#[test]
fn one_that_is_lost_while_others_activate_is_asked_again_until_it_answers() {
    let tries = AtomicUsize::new(0);
    let flaky = FakeControl::answering(move |asked| match asked.path.ends_with("/activate") {
        true if tries.fetch_add(1, Ordering::Relaxed) == 0 => (0, Value::Null),
        _ => willing(asked),
    });
    let good = worker();
    let ran = Setting::new().deploy(&[&good, &flaky], &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rest = ["POST /v1/apps/shop/activate", "GET /v1/apps/shop", "POST /v1/apps/shop/activate"];
    assert_eq!(flaky.lines()[3..], rest);
    assert_eq!(good.lines().len(), 4);
}

#[test]
fn one_whose_answer_was_lost_but_that_did_it_is_not_asked_twice() {
    let done = AtomicUsize::new(0);
    let flaky = FakeControl::answering(move |asked| match asked.line().as_str() {
        "POST /v1/apps/shop/activate" => {
            done.store(1, Ordering::Relaxed);
            (0, Value::Null)
        }
        "GET /v1/apps/shop" if done.load(Ordering::Relaxed) == 1 => (200, app(9, 9)),
        _ => willing(asked),
    });
    let ran = Setting::new().deploy(&[&worker(), &flaky], &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(flaky.lines().iter().filter(|line| line.ends_with("/activate")).count(), 1);
    assert!(ran.out.contains("release 9 is current, before it 8\n"), "{}", ran.out);
}

#[test]
fn what_breaks_callers_is_named_and_refused_unless_allowed() {
    let changes = json!([
        {"function": "f", "breaking": true, "text": "f(): new required parameter $currency"},
        {"function": "g", "breaking": false, "text": "g(): new"},
    ]);
    let breaking = move || {
        let changes = changes.clone();
        FakeControl::answering(move |asked| match asked.method.as_str() {
            "PUT" => (200, staged(9, changes.clone())),
            _ => willing(asked),
        })
    };
    let setting = Setting::new();
    let worker = breaking();
    let ran = setting.deploy(&[&worker], &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.contains("  breaking: f(): new required parameter $currency\n  g(): new\n"));
    assert!(ran.err.contains("--allow-breaking"), "{}", ran.err);
    assert_eq!(worker.lines()[2..], ["POST /v1/apps/shop/drain"]);
    let worker = breaking();
    assert_eq!(setting.deploy(&[&worker], &["--allow-breaking"]).code, 0);
    assert_eq!(worker.asked()[2].json()["allow_breaking"], true);
}

#[test]
fn it_can_stop_after_staging_and_before_anything() {
    let setting = Setting::new();
    let worker = worker();
    assert_eq!(setting.deploy(&[&worker], &["--stage-only"]).code, 0);
    assert_eq!(worker.lines(), ["GET /v1/apps/shop", "PUT /v1/apps/shop/releases/9"]);
    let ran = setting.deploy(&[&worker], &["--dry-run", "--json"]);
    assert_eq!(worker.lines().len(), 3, "one more question");
    assert_eq!((ran.code, &json_of(&ran)["release"]), (0, &json!(9)));
}

#[test]
fn a_canary_on_trial_is_not_overtaken() {
    let worker = FakeControl::answering(|asked| match asked.line().as_str() {
        "GET /v1/apps/shop" => {
            let mut app = app(7, 8);
            app["canary"] = json!({"release": 8, "percent": 10.0});
            (200, app)
        }
        _ => willing(asked),
    });
    let ran = Setting::new().deploy(&[&worker], &[]);
    assert_eq!((ran.code, worker.lines().len()), (4, 1), "{}", ran.err);
    assert!(ran.err.contains("has release 8 on trial"), "{}", ran.err);
}

#[test]
fn what_cannot_be_deployed_is_told_before_any_worker_changes() {
    let (setting, worker) = (Setting::new(), worker());
    let (app, key) = (setting.path("app"), setting.path("key"));
    for (args, code, words) in [
        (["deploy", "/nonexistent", "--key", &key], 66, "no folder and no file"),
        (["deploy", &app, "--key", "/nonexistent"], 78, "/nonexistent"),
    ] {
        let ran = run(&[&worker], &[&args[..], &["--app", "shop"]].concat());
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    assert!(worker.lines().iter().all(|line| line.starts_with("GET ")));
    let gone = format!("{},unix:/nonexistent.sock", worker.address());
    let args = ["deploy", &app, "--key", &key, "--app", "shop", "--to", &gone];
    let ran = appserver(&args);
    assert_eq!(ran.code, 69, "{}", ran.err);
    assert!(ran.err.contains("unix:/nonexistent.sock: cannot be reached"), "{}", ran.err);
    assert!(worker.lines().iter().all(|line| line.starts_with("GET ")));
}

#[test]
fn releases_are_listed_without_what_would_move_the_cursor() {
    let worker = worker();
    let ran = run(&[&worker], &["releases", "--app", "shop"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("shop, release 7, before it 6, settings 3\n"), "{}", ran.out);
    assert!(ran.out.contains("1970-01-01 00:00:00 UTC") && !ran.out.contains('\u{1b}'));
    let all = FakeControl::answering(|_| (200, json!([app(7, 8)])));
    let ran = run(&[&all, &worker], &["releases", "--json"]);
    assert_eq!(all.lines(), ["GET /v1/apps"]);
    assert_eq!(json_of(&ran)[0]["result"][0]["current"], 7);
    assert_eq!(json_of(&ran)[1]["error"]["code"], "protocol");
    assert_eq!(ran.code, 5, "some did, some did not: {}", ran.err);
}

#[test]
fn a_rollback_of_one_worker_is_one_question_and_of_several_two_phases() {
    let one = worker();
    let ran = run(&[&one], &["rollback", "--app", "shop"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(one.lines(), ["GET /v1/apps/shop", "POST /v1/apps/shop/rollback"]);
    assert_eq!(one.asked()[1].json(), json!({"to": 6, "allow_breaking": false}));
    let (first, second) = (worker(), worker());
    let ran = run(&[&first, &second], &["rollback", "--app", "shop", "--to", "5"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let steps = ["POST /v1/apps/shop/prepare", "POST /v1/apps/shop/rollback"];
    assert_eq!(
        (first.lines(), second.lines()),
        (steps.map(str::to_owned).to_vec(), steps.map(str::to_owned).to_vec())
    );
    let other = FakeControl::answering(|_| (200, app(8, 8)));
    let ran = run(&[&first, &other], &["rollback", "--app", "shop"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains(&format!("{}: 7", other.address())), "{}", ran.err);
}

#[test]
fn the_other_commands_ask_what_they_say() {
    let post = |path: &str| format!("POST /v1/apps/shop/{path}");
    for (args, line, body) in [
        (&["drain", "--app", "shop", "--release", "6"][..], post("drain"), json!({"number": 6})),
        (&["abort", "--app", "shop"], post("abort"), Value::Null),
        (
            &["canary", "--app", "shop", "--release", "8", "--percent", "2.5"],
            post("canary"),
            json!({"release": 8, "percent": 2.5, "allow_breaking": false}),
        ),
    ] {
        let worker = worker();
        let ran = run(&[&worker], args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        assert_eq!((worker.lines(), worker.asked()[0].json()), (vec![line], body));
    }
    let worker = FakeControl::answering(|_| (200, json!({"removed": [1, 2], "bytes": 2048})));
    let ran = run(&[&worker], &["prune", "--app", "shop", "--keep", "2"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "removed 1, 2, 2.0 KiB freed\n"));
    assert_eq!(worker.asked()[0].json(), json!({"keep": 2}));
}

#[test]
fn the_audit_log_is_told() {
    let entry = json!({
        "at_ms": 0, "by": "uid 0 (root)", "app": "shop", "action": "activate", "release": 8,
        "result": "ok"
    });
    let worker = FakeControl::answering(move |_| (200, json!([entry])));
    let ran = run(&[&worker], &["audit", "--limit", "20"]);
    assert_eq!(worker.lines(), ["GET /v1/audit?limit=20"]);
    assert!(ran.out.contains("uid 0 (root)  shop  activate  8        ok"), "{}", ran.out);
}

#[test]
fn settings_change_to_the_same_generation_everywhere() {
    let with = |generation: u64| {
        FakeControl::answering(move |asked| match asked.method.as_str() {
            "GET" => (200, json!({"generation": generation, "settings": {"a": 1, "b": "x"}})),
            _ => (200, json!({"generation": asked.json()["generation"], "settings": {}})),
        })
    };
    let (first, second) = (with(3), with(5));
    let args = ["config", "set", "shop", "feature.checkout=0.25", "banner=closed today"];
    let ran = run(&[&first, &second], &args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let body = json!({
        "settings": {"banner": "closed today", "feature.checkout": 0.25}, "generation": 6
    });
    assert_eq!((first.asked()[1].json(), second.asked()[1].json()), (body.clone(), body));
    assert_eq!(first.lines()[1], "PATCH /v1/apps/shop/settings");
    run(&[&first], &["config", "unset", "shop", "a"]);
    assert_eq!(first.asked()[3].json()["settings"], json!({"a": null}));
    let ran = run(&[&first], &["config", "get", "shop", "a"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "generation 3\na  1\n"));
    assert_eq!(run(&[&first], &["config", "get", "shop", "c"]).code, 66);
    let (good, bad) =
        (with(3), unwilling("GET /v1/apps/shop/settings", (503, error("unavailable", "no"))));
    assert_eq!(run(&[&good, &bad], &args).code, 5);
    assert_eq!(good.lines(), ["GET /v1/apps/shop/settings"]);
}

#[test]
fn errors_of_workers_have_exit_codes_of_their_own() {
    for (status, code, exit) in [
        (400, "bad_request", 65),
        (401, "denied", 77),
        (404, "unknown_app", 66),
        (404, "unknown_release", 66),
        (409, "conflict", 4),
        (409, "breaking", 3),
        (422, "bad_archive", 65),
        (422, "not_staged", 78),
        (503, "unavailable", 69),
    ] {
        let worker = FakeControl::answering(move |_| (status, error(code, "no")));
        let ran = run(&[&worker], &["abort", "--app", "shop"]);
        assert_eq!(ran.code, exit, "{code}");
        assert_eq!(ran.err, format!("appserver: {}: no\n", worker.address()));
    }
    let worker = FakeControl::answering(|_| (0, Value::Null));
    assert_eq!(run(&[&worker], &["abort", "--app", "shop"]).code, 74);
    let worker = FakeControl::answering(|_| (200, json!("what?")));
    assert_eq!(run(&[&worker], &["audit"]).code, 76);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("appserver.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let callers = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 64]).unwrap();
        stream.write_all(b"APSV\x01\0\0\0\r\n\r\n").unwrap();
    });
    let ran = appserver(&["audit", "--to", &format!("unix:{}", text(&socket))]);
    assert!(ran.code == 76 && ran.err.contains("control.sock"), "{ran:?}");
    callers.join().unwrap();
}

#[test]
fn without_an_address_the_sockets_of_this_host_are_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let ran = appserver_with(&["releases"], &[("XDG_RUNTIME_DIR", text(folder.path()))]);
    assert!(ran.code == 69 && ran.err.contains("control.sock"), "{}", ran.err);
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
