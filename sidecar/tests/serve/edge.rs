//! TCP: who is let in, and that nobody far away can hold an executor.

use crate::wire::{Outcome, Wire, call_frame, calls};
use crate::worker::{Setting, Worker, eventually};
use protocol::RefusedCode;
use std::io::Write;
use std::process::Stdio;

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
    eventually("all answers are written", || {
        let status = worker.status();
        let pool = &status.apps[0].pools[0];
        let idle = pool.executors.iter().all(|executor| executor.state == "idle");
        let calls: u64 = status.apps[0].functions.iter().map(|function| function.calls).sum();
        (calls == 8 && idle).then_some(())
    });
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
        "[tcp]\ninsecure = true\n[limits]\nframe_bytes_max = 4000000\nremote_bytes_max = 4000000\n",
    );
    let worker = setting.start();
    let port = worker.port("tcp");
    let mut deaf = Wire::connect_tcp(port);
    deaf.hello(calls(), None).unwrap();
    deaf.send_call("big", "[3900000]", 0);
    let mut wire = Wire::connect_tcp(port);
    wire.hello(calls(), None).unwrap();
    eventually("the memory is taken", || match wire.call("big", "[3900000]") {
        Outcome::Failed(protocol::Failure::Unavailable { ran: true, reason }) => {
            assert!(reason.contains("limits.remote_bytes_max"), "{reason}");
            Some(())
        }
        _ => None,
    });
}
