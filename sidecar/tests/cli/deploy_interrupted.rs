//! Signals to a deploy, at each point of it.

use crate::appserver::command;
use crate::fake_control::{Answer, Asked, FakeControl};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use tempfile::TempDir;

/// What a worker that does everything answers; release 1 is the first.
fn willing(asked: &Asked) -> Answer {
    match asked.line().as_str() {
        "GET /v1/apps/shop" => {
            let error = json!({"code": "unknown_app", "message": "there is none"});
            (404, json!({"error": error}))
        }
        "GET /v1/apps" => (200, json!([])),
        "PUT /v1/apps/shop/releases/1" => (
            200,
            json!({
                "number": 1, "id": "0000000000005eed", "functions": [], "files": 1, "bytes": 20,
                "preloaded_files": 1, "warnings": [], "provisioned": [], "changes": [],
                "took_ms": 12
            }),
        ),
        "POST /v1/apps/shop/activate" => {
            (200, json!({"number": 1, "previous": null, "took_us": 130}))
        }
        _ => (200, json!({})),
    }
}

/// A worker that stops at one question, says so, and goes on when it is told to.
struct Halting {
    worker: FakeControl,
    reached: Receiver<()>,
    go_on: Sender<()>,
}

impl Halting {
    fn at(line: &'static str) -> Self {
        let (reach, reached) = channel();
        let (go_on, may_go_on) = channel();
        let worker = FakeControl::answering(move |asked| {
            if asked.line() == line {
                reach.send(()).expect("the test waits");
                may_go_on.recv().expect("the test lives");
            }
            willing(asked)
        });
        Self { worker, reached, go_on }
    }
}

/// A running deploy, and what it says.
struct Deploy {
    child: Child,
    says: BufReader<std::process::ChildStderr>,
    _folder: TempDir,
}

impl Deploy {
    fn to(workers: &[&FakeControl]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::create_dir(path("app")).unwrap();
        fs::write(path("app/functions.php"), "<?php function f() {}").unwrap();
        assert!(
            command(&["keygen", "--out", &path("key")], &[]).output().unwrap().status.success()
        );
        let addresses: Vec<String> = workers.iter().map(|worker| worker.address()).collect();
        let (app, key) = (path("app"), path("key"));
        let args = ["deploy", &app, "--app", "shop", "--key", &key];
        let mut command = command(&args, &[("APPSERVER_CONTROL", &addresses.join(","))]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let says = BufReader::new(child.stderr.take().unwrap());
        Self { child, says, _folder: folder }
    }

    /// Sends a signal, and waits until it was heard.
    fn signal(&mut self, signal: Signal, answer: &str) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let mut line = String::new();
        while !line.contains(answer) {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "it never said \"{answer}\"");
        }
    }

    fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.says.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

#[test]
fn while_it_is_staged_it_is_withdrawn() {
    for signal in [Signal::INT, Signal::TERM] {
        let halting = Halting::at("PUT /v1/apps/shop/releases/1");
        let other = FakeControl::answering(willing);
        let mut deploy = Deploy::to(&[&halting.worker, &other]);
        halting.reached.recv().unwrap();
        deploy.signal(signal, "what was staged is withdrawn");
        halting.go_on.send(()).unwrap();
        let (code, said) = deploy.ended();
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("nothing was deployed"), "{said}");
        for worker in [&halting.worker, &other] {
            let lines = worker.lines();
            assert_eq!(lines.last().unwrap(), "POST /v1/apps/shop/drain", "{lines:?}");
            assert!(!lines.iter().any(|line| line.ends_with("prepare")), "{lines:?}");
        }
    }
}

#[test]
fn what_is_prepared_is_forgotten() {
    let halting = Halting::at("POST /v1/apps/shop/prepare");
    let other = FakeControl::answering(willing);
    let mut deploy = Deploy::to(&[&halting.worker, &other]);
    halting.reached.recv().unwrap();
    deploy.signal(Signal::INT, "what was staged is withdrawn");
    halting.go_on.send(()).unwrap();
    let (code, said) = deploy.ended();
    assert_eq!(code, Some(130), "{said}");
    for worker in [&halting.worker, &other] {
        let lines = worker.lines();
        let last = lines.split_at(lines.len() - 2).1;
        assert_eq!(last, ["POST /v1/apps/shop/abort", "POST /v1/apps/shop/drain"], "{lines:?}");
    }
}

#[test]
fn from_the_first_activation_it_goes_on_until_a_second_signal() {
    let halting = Halting::at("POST /v1/apps/shop/activate");
    let mut deploy = Deploy::to(&[&halting.worker]);
    halting.reached.recv().unwrap();
    deploy.signal(Signal::INT, "is not stopped half way");
    halting.go_on.send(()).unwrap();
    assert_eq!(deploy.ended().0, Some(0));
    let halting = Halting::at("POST /v1/apps/shop/activate");
    let mut deploy = Deploy::to(&[&halting.worker]);
    halting.reached.recv().unwrap();
    deploy.signal(Signal::INT, "is not stopped half way");
    deploy.signal(Signal::INT, "appserver promote --app shop --release 1 brings it to all");
    assert_eq!(deploy.ended().0, Some(130));
    halting.go_on.send(()).unwrap();
}
