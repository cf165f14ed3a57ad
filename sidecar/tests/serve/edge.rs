//! TCP: who is let in, and that nobody far away can hold an executor.

use crate::wire::{Outcome, Wire, call_frame, calls};
use crate::worker::{Setting, Worker, eventually};
use protocol::{Failure, RefusedCode};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn token(worker: &Worker) -> String {
    std::fs::read_to_string(worker.path("run/token")).unwrap().trim().to_owned()
}

#[test]
fn over_tcp_a_token_is_made_named_and_asked_for() {
    let worker = Setting::new().listen("tcp:127.0.0.1:0").start();
    assert!(worker.announced.iter().any(|line| line.contains("run/token")));
    let port = worker.port("tcp");
    let refused = Wire::connect_tcp(port).hello(calls(), None).unwrap_err();
    assert_eq!(refused.code, RefusedCode::Denied);
    let refused = Wire::connect_tcp(port).hello(calls(), Some("not the token")).unwrap_err();
    assert_eq!(refused.code, RefusedCode::Denied);
    let mut wire = Wire::connect_tcp(port);
    wire.hello(calls(), Some(&token(&worker))).unwrap();
    assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
    let Outcome::Returned(big) = wire.call("big", "[3000000]") else { panic!("not returned") };
    assert_eq!(big.len(), 3_000_002);
}

#[test]
fn plain_tcp_beyond_this_host_is_refused_before_anything_is_bound() {
    let setting = Setting::new().listen("tcp:0.0.0.0:0");
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("tcp.insecure = true"), "{error}");
    assert!(!setting.path("sock").exists());
}

#[test]
fn half_a_request_never_reaches_an_executor() {
    let setting = Setting::new().listen("tcp:127.0.0.1:0").config("[tcp]\ninsecure = true\n");
    let worker = setting.start();
    let port = worker.port("tcp");
    let frame = call_frame("hello", "[\"Ada\"]", 0);
    let mut halves: Vec<_> = (0..8)
        .map(|_| {
            let mut wire = Wire::connect_tcp(port);
            wire.hello(calls(), None).unwrap();
            wire.0.write_all(&frame[..frame.len() / 2]).unwrap();
            wire
        })
        .collect();
    let outcome = worker.wire().call("hello", "[\"Ada\"]");
    assert_eq!(outcome, Outcome::Returned("\"Hello Ada\"".to_owned()));
    for wire in &mut halves {
        wire.0.write_all(&frame[frame.len() / 2..]).unwrap();
        assert_eq!(wire.outcome(), Outcome::Returned("\"Hello Ada\"".to_owned()));
    }
}

#[test]
fn callers_that_do_not_read_their_answers_hold_no_executor() {
    let setting = Setting::new().listen("tcp:127.0.0.1:0").config("[tcp]\ninsecure = true\n");
    let worker = setting.start();
    let port = worker.port("tcp");
    let _deaf: Vec<_> = (0..8)
        .map(|_| {
            let mut wire = Wire::connect_tcp(port);
            wire.hello(calls(), None).unwrap();
            wire.send_call("big", "[20000000]", 0);
            wire
        })
        .collect();
    eventually("all answers are written", || (calls_ended(&worker) == 8).then_some(()));
}

#[test]
fn a_frame_that_stops_half_way_is_given_up() {
    let setting = Setting::new()
        .listen("tcp:127.0.0.1:0")
        .config("[tcp]\ninsecure = true\n[limits]\nframe_timeout_ms = 50\n");
    let worker = setting.start();
    let mut wire = Wire::connect_tcp(worker.port("tcp"));
    wire.hello(calls(), None).unwrap();
    wire.0.write_all(&call_frame("hello", "[\"Ada\"]", 0)[..30]).unwrap();
    assert_eq!(wire.outcome(), Outcome::HungUp);
    worker.expect_log("limits.frame_timeout_ms");
}

#[test]
fn answers_beyond_the_memory_for_remote_callers_are_refused_by_name() {
    let setting = Setting::new().listen("tcp:127.0.0.1:0").config(
        "[tcp]\ninsecure = true\n[limits]\nframe_bytes_max = 40000000\nremote_bytes_max = 40000000\n",
    );
    let worker = setting.start();
    let port = worker.port("tcp");
    // More than the kernel's buffers take, so that the rest stays in the worker's memory.
    let mut deaf = Wire::connect_tcp(port);
    deaf.hello(calls(), None).unwrap();
    deaf.send_call("big", "[39000000]", 0);
    eventually("its answer is written", || (calls_ended(&worker) == 1).then_some(()));
    let mut wire = Wire::connect_tcp(port);
    wire.hello(calls(), None).unwrap();
    let outcome = wire.call("big", "[30000000]");
    let Outcome::Failed(Failure::Unavailable { ran: true, reason }) = outcome else {
        panic!("it was answered");
    };
    assert!(reason.contains("limits.remote_bytes_max"), "{reason}");
    let outcome = wire.call("hello", "[\"Ada\"]");
    assert_eq!(outcome, Outcome::Returned("\"Hello Ada\"".to_owned()), "the connection serves on");
}

/// Calls that ended, once no executor is busy with one any more.
fn calls_ended(worker: &Worker) -> u64 {
    let app = worker.status().apps.remove(0);
    let idle = app.pools[0].executors.iter().all(|executor| executor.state == "idle");
    if idle { app.functions.iter().map(|function| function.calls).sum() } else { 0 }
}

/// `appserver call` over TLS; its exit code and what it said.
fn call_over_tls(worker: &Worker, port: u16, options: &[(&str, PathBuf)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appserver"));
    command.args(["call", "--workers", &format!("tls:127.0.0.1:{port}")]);
    command.arg("--ca").arg(worker.path("run/certificate.pem"));
    for (option, file) in options {
        command.arg(option).arg(file);
    }
    let output = command.args(["hello", "Ada"]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn over_tls_the_certificate_and_token_made_at_start_let_in() {
    let worker = Setting::new().listen("tls:127.0.0.1:0").start();
    let port = worker.port("tls");
    let token = [("--token-file", worker.path("run/token"))];
    let (code, said) = call_over_tls(&worker, port, &token);
    assert!(code == Some(0) && said.contains("Hello Ada"), "{said}");
    let (code, said) = call_over_tls(&worker, port, &[]);
    assert_eq!(code, Some(77), "{said}");
    let key = std::fs::metadata(worker.path("run/key.pem")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
}

#[test]
fn a_certificate_of_the_named_authority_lets_in_without_a_token_and_another_does_not() {
    let setting = Setting::new().listen("tls:127.0.0.1:0");
    let [ours, other] = ["ours", "other"].map(|name| authority(&setting, name));
    let setting = setting.config(&format!("[tls]\nclient_ca = {:?}\n", ours.0));
    let worker = setting.start();
    let port = worker.port("tls");
    let show = |(_, certificate, key): &(PathBuf, PathBuf, PathBuf)| {
        [("--certificate", certificate.clone()), ("--key", key.clone())]
    };
    let (code, said) = call_over_tls(&worker, port, &show(&ours));
    assert!(code == Some(0) && said.contains("Hello Ada"), "{said}");
    assert_ne!(call_over_tls(&worker, port, &show(&other)).0, Some(0));
    assert_ne!(call_over_tls(&worker, port, &[]).0, Some(0));
    worker.expect_log("TLS: ");
}

/// Files of an authority, and of a certificate that it signed with its key.
fn authority(setting: &Setting, name: &str) -> (PathBuf, PathBuf, PathBuf) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["client".to_owned()]).unwrap();
    let client = client.signed_by(&key, &issuer).unwrap();
    let write = |kind: &str, pem: String| {
        let file = format!("{name}-{kind}.pem");
        setting.file(&file, &pem);
        setting.path(&file)
    };
    (
        write("ca", issuer.pem()),
        write("certificate", client.pem()),
        write("key", key.serialize_pem()),
    )
}
