//! The control API of a running worker.

use crate::worker::{Setting, Worker};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

fn get(worker: &Worker, path: &str) -> String {
    let mut stream = UnixStream::connect(worker.path("run/control.sock")).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("it answers");
    response
}

#[test]
fn it_is_a_socket_of_the_workers_own_user_that_goes_with_the_worker() {
    let mut worker = Setting::new().start();
    let socket = worker.path("run/control.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(worker.announced.iter().any(|line| line.contains("run/control.sock")));
    assert!(get(&worker, "/healthz").ends_with("\r\n\r\nok\n"));
    let status = get(&worker, "/v1/status");
    assert!(status.starts_with("HTTP/1.1 200 ") && status.contains("\"app\":\"app\""), "{status}");
    assert!(get(&worker, "/metrics").contains("appserver_executors{app=\"app\""));
    worker.signal(rustix::process::Signal::TERM);
    assert_eq!(worker.ended(), 0);
    assert!(!socket.exists());
}

#[test]
fn its_mode_can_be_set_and_it_can_be_left_out() {
    let worker = Setting::new().config("control.mode = \"0660\"\n").start();
    let mode = worker.path("run/control.sock").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let worker = Setting::new().config("control.listen = []\n").start();
    assert!(!worker.path("run/control.sock").exists());
}

#[test]
fn a_worker_without_an_application_waits_for_a_deploy() {
    let worker = Setting::without_applications().start();
    worker.expect_log("there is no application yet");
    assert!(get(&worker, "/v1/status").contains("\"apps\":[]"));
}

#[test]
fn nothing_is_served_without_an_application_and_a_way_to_deploy_one() {
    let setting = Setting::without_applications().config("control.listen = []\n");
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--app DIR"));
}

#[test]
fn over_tls_a_token_is_made_that_is_not_that_of_callers() {
    let mut setting = Setting::new().config("control.listen = [\"tls:127.0.0.1:0\"]\n");
    setting = setting.listen("tls:127.0.0.1:0");
    let worker = setting.start();
    let token = |name: &str| std::fs::read_to_string(worker.path("run").join(name)).unwrap();
    assert_ne!(token("token"), token("control-token"));
    let said = worker.announced.join("\n");
    assert!(said.contains("deploys come in at tls:127.0.0.1:"), "{said}");
    assert!(said.contains("run/control-token"), "{said}");
}
