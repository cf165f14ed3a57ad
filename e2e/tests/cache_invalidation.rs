//! Results that callers keep, made void: what the callers of each host see of it, by the command, by the
//! control API, and when a worker dies.

use e2e::control::ask;
use e2e::{Artifacts, Deployer, Sidecar};
use serde_json::Value;
use shm::{BoardReader, SLOTS, Scope, slot};
use std::process::{Command, Output};

const FUNCTIONS: &str = "function quote(): int { return 1; }";

/// The board of a worker, as callers of its host have it mapped.
struct Board(BoardReader);

impl Board {
    fn of(worker: &Sidecar) -> Self {
        Self(BoardReader::open(&worker.state().join("board")).expect("it can be read"))
    }

    fn slots(&self) -> Vec<u64> {
        (0..SLOTS as u16).map(|slot| self.0.invalidations(slot)).collect()
    }

    /// Which slots move while something is done.
    fn moved<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<u16>) {
        let before = self.slots();
        let result = work();
        let after = self.slots();
        let moved = (0..SLOTS).filter(|&slot| before[slot] != after[slot]);
        (result, moved.map(|slot| slot as u16).collect())
    }
}

fn slots(scopes: &[Scope<'_>]) -> Vec<u16> {
    let mut slots: Vec<u16> = scopes.iter().map(|&scope| slot("app", scope)).collect();
    slots.sort_unstable();
    slots
}

/// What `appserver cache invalidate` says when it asks these workers.
fn invalidate(workers: &[&Sidecar], args: &[&str]) -> Output {
    Deployer::output(workers, &[&["cache", "invalidate"], args].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_command_moves_the_counters_of_every_worker_that_it_names() {
    let workers = [Sidecar::with_functions(FUNCTIONS), Sidecar::with_functions(FUNCTIONS)];
    let [first, second] = &workers;
    let boards = [Board::of(first), Board::of(second)];
    let cases: [(&[&str], Vec<u16>, &str); 4] = [
        (&[], slots(&[Scope::App]), "results that callers keep of app"),
        (&["--function", "Quote"], slots(&[Scope::Function("quote")]), "results of Quote()"),
        (
            &["--tag", "product:17", "--tag", "a b"],
            slots(&[Scope::Tag("product:17"), Scope::Tag("a b")]),
            "results tagged product:17, a b",
        ),
        (
            &["--function", "quote", "--tag", "t"],
            slots(&[Scope::Function("quote"), Scope::Tag("t")]),
            "results of quote() or tagged t",
        ),
    ];
    for (args, expected, said) in cases {
        let args = [&["--app", "app"], args].concat();
        let both = || boards[1].moved(|| invalidate(&[first, second], &args));
        let ((output, second), first) = boards[0].moved(both);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        assert_eq!((&first, &second), (&expected, &expected), "{args:?}");
        assert!(text(&output.stdout).contains(said), "{args:?}: {}", text(&output.stdout));
    }
    let output = invalidate(&[first], &["--app", "app", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told[0]["ok"], &told[0]["result"]), (&true.into(), &serde_json::json!({})));
}

#[test]
fn a_worker_that_cannot_be_reached_is_named_and_the_other_has_done_it() {
    let alive = Sidecar::with_functions(FUNCTIONS);
    let mut dead = Sidecar::with_functions(FUNCTIONS);
    let board = Board::of(&alive);
    dead.kill();
    let (output, moved) =
        board.moved(|| invalidate(&[&dead, &alive], &["--app", "app", "--tag", "t"]));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains(&format!("{}: cannot be reached", dead.control().display())), "{said}");
    assert!(!said.contains(&alive.control().display().to_string()), "{said}");
    assert_eq!(moved, slots(&[Scope::Tag("t")]));
    let alone = invalidate(&[&dead], &["--app", "app"]);
    assert_eq!(alone.status.code(), Some(69), "{}", text(&alone.stderr));
}

#[test]
fn what_one_worker_has_is_invalidated_on_all_and_what_none_has_is_an_error() {
    let knows = Sidecar::with_functions(FUNCTIONS);
    let other =
        Sidecar::builder().file_of("blog", "functions.php", "<?php function post() {}").start();
    let board = Board::of(&other);
    let quote = ["--app", "app", "--function", "quote"];
    let (output, moved) = board.moved(|| invalidate(&[&other, &knows], &quote));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(moved, slots(&[Scope::Function("quote")]));
    let unknown = invalidate(&[&knows], &["--app", "app", "--function", "quot"]);
    let said = text(&unknown.stderr);
    assert_eq!(unknown.status.code(), Some(66), "{said}");
    assert!(said.contains("app exports no quot(); did you mean quote?"), "{said}");
    let unknown = invalidate(&[&knows, &other], &["--app", "shop"]);
    let said = text(&unknown.stderr);
    assert_eq!(unknown.status.code(), Some(66), "{said}");
    assert!(said.contains("there is no application \"shop\""), "{said}");
}

#[test]
fn by_http_it_is_the_same_and_the_audit_log_says_who() {
    let worker = Sidecar::with_functions(FUNCTIONS);
    let board = Board::of(&worker);
    let post = |app: &str, body: &str| {
        ask(&worker, "POST", &format!("/v1/apps/{app}/cache/invalidate"), body.as_bytes())
    };
    let body = r#"{"function": "quote", "tags": ["a", "b"]}"#;
    let (answer, moved) = board.moved(|| post("app", body));
    assert_eq!(answer, (200, "{}\n".to_owned()));
    assert_eq!(moved, slots(&[Scope::Function("quote"), Scope::Tag("a"), Scope::Tag("b")]));
    let (answer, moved) = board.moved(|| post("app", ""));
    assert_eq!((answer.0, moved), (200, slots(&[Scope::App])));
    let too_many = format!("{{\"tags\": {:?}}}", vec!["t"; 65]);
    let too_long = format!("{{\"tags\": [{:?}]}}", "t".repeat(513));
    for (app, body, status, said) in [
        ("shop", "", 404, "unknown_app"),
        ("app", r#"{"function": "quot"}"#, 404, "unknown_function"),
        ("app", &too_many, 400, "at most 64"),
        ("app", &too_long, 400, "1 to 512 bytes"),
        ("app", r#"{"tag": "t"}"#, 400, "unknown field"),
    ] {
        let answer = post(app, body);
        assert!(answer.0 == status && answer.1.contains(said), "{app} {body}: {answer:?}");
    }
    let mut audit = Command::new(Artifacts::find().appserver);
    audit
        .args(["audit", "--json"])
        .env("APPSERVER_CONTROL", format!("unix:{}", worker.control().display()));
    let told: Value =
        serde_json::from_slice(&audit.output().expect("it runs").stdout).expect("JSON");
    let entries = told[0]["result"].as_array().expect("entries").iter();
    let entries: Vec<(&str, &str)> = entries
        .filter(|entry| entry["action"] == "cache-invalidate" && entry["result"] == "ok")
        .filter_map(|entry| Some((entry["app"].as_str()?, entry["detail"].as_str()?)))
        .collect();
    assert_eq!(entries, [("app", "quote(), tag a and 1 more"), ("app", "everything")]);
}

/// Nobody knows what should have been invalidated while there was no worker.
#[test]
fn a_worker_that_comes_back_has_invalidated_everything() {
    let mut worker = Sidecar::with_functions(FUNCTIONS);
    let board = Board::of(&worker);
    for _ in 0..2 {
        worker.kill();
        let ((), moved) = board.moved(|| worker.restart());
        assert_eq!(moved.len(), SLOTS);
    }
}
