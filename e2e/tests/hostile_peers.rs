//! Peers that misbehave: their connection is closed, with a reason in the log; nobody else notices.

use e2e::wire::{Wire, hello};
use e2e::{Sidecar, eventually};
use protocol::{CallHead, Header, Kind, Refused, RefusedCode, body_from_slice};

const FUNCTIONS: &str = r#"function hello(string $name): string { return "Hello $name"; }"#;

fn still_serves(sidecar: &Sidecar) {
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
}

fn logged(sidecar: &Sidecar, text: &str) {
    eventually(&format!("\"{text}\" in the log"), || sidecar.log().contains(text).then_some(()));
}

#[test]
fn random_bytes_instead_of_a_preface() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let mut wire = Wire::connect(&sidecar.socket());
    wire.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n and a good deal more than any preface would be, really");
    assert!(wire.is_hung_up());
    logged(&sidecar, "not an appserver peer");
    still_serves(&sidecar);
}

#[test]
fn another_version_is_told_which_one_is_spoken_here() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let mut wire = Wire::connect(&sidecar.socket());
    let mut bytes = hello();
    bytes[4] = 9;
    wire.send(&bytes);
    let (header, body) = wire.frame().expect("an answer");
    assert_eq!(header.kind, Kind::Refused);
    let refused: Refused = body_from_slice("Refused", &body).unwrap();
    assert_eq!(refused.code, RefusedCode::Protocol);
    assert!(refused.message.contains("version 9"), "{}", refused.message);
    assert!(wire.is_hung_up());
    still_serves(&sidecar);
}

#[test]
fn an_oversized_hello_is_refused_before_it_is_read() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let mut wire = Wire::connect(&sidecar.socket());
    let mut header = Header::new(Kind::Hello, 0);
    header.length = u32::MAX;
    let mut bytes = protocol::PREFACE.to_vec();
    bytes.extend(header.to_bytes());
    wire.send(&bytes);
    assert!(wire.is_hung_up());
    logged(&sidecar, "exceeds the limit");
    still_serves(&sidecar);
}

#[test]
fn a_hello_that_never_ends_is_given_up() {
    let sidecar = Sidecar::builder()
        .file("f.php", &format!("<?php {FUNCTIONS}"))
        .config("[limits]\nhello_timeout_ms = 100\n")
        .start();
    let mut wire = Wire::connect(&sidecar.socket());
    wire.send(&hello()[..20]);
    assert!(wire.is_hung_up());
    still_serves(&sidecar);
}

#[test]
fn an_oversized_call_is_refused() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let (mut wire, _) = Wire::welcomed(&sidecar.socket());
    let mut header = Header::new(Kind::Call, 1);
    header.length = u32::MAX;
    wire.send(&header.to_bytes());
    assert!(wire.is_hung_up());
    logged(&sidecar, "exceeds the limit");
    still_serves(&sidecar);
}

#[test]
fn a_frame_that_stops_half_way_frees_its_executor() {
    let sidecar = Sidecar::builder()
        .file("f.php", &format!("<?php {FUNCTIONS}"))
        .config("[limits]\nframe_timeout_ms = 100\n")
        .start();
    let mut wires: Vec<Wire> = (0..64).map(|_| Wire::welcomed(&sidecar.socket()).0).collect();
    for wire in &mut wires {
        let mut header = Header::new(Kind::Call, 1);
        header.length = 1000;
        wire.send(&header.to_bytes());
    }
    still_serves(&sidecar);
    for wire in &mut wires {
        assert!(wire.is_hung_up());
    }
}

#[test]
fn garbage_after_the_handshake_closes_that_connection_alone() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let (mut wire, _) = Wire::welcomed(&sidecar.socket());
    wire.send(&[0xff; 500]);
    assert!(wire.is_hung_up());
    still_serves(&sidecar);
}

#[test]
fn garbage_arguments_fail_the_call_and_keep_the_connection() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let (mut wire, _) = Wire::welcomed(&sidecar.socket());
    for request_id in 1..=3 {
        let mut body = Vec::new();
        CallHead { function: "hello" }.put(&mut body);
        body.extend([0xfe; 40]);
        let mut header = Header::new(Kind::Call, request_id);
        header.length = body.len() as u32;
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend(body);
        wire.send(&bytes);
        let (answer, _) = wire.frame().expect("an answer");
        assert_eq!((answer.kind, answer.request_id), (Kind::Failure, request_id));
    }
    still_serves(&sidecar);
}

/// An executor reads what has begun to come; a peer that stops in the middle holds it.
#[test]
fn half_a_frame_does_not_keep_others_from_their_calls() {
    let sidecar = Sidecar::builder()
        .file("f.php", &format!("<?php {FUNCTIONS}"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 3\n")
        .config("[limits]\nframe_timeout_ms = 600000\n")
        .start();
    let mut wires: Vec<Wire> = (0..2).map(|_| Wire::welcomed(&sidecar.socket()).0).collect();
    for wire in &mut wires {
        wire.send(&Header::new(Kind::Call, 1).to_bytes()[..5]);
    }
    still_serves(&sidecar);
}

#[test]
fn ten_thousand_idle_connections_cost_little_and_stop_nobody() {
    let sidecar = Sidecar::builder()
        .file("f.php", &format!("<?php {FUNCTIONS}"))
        .config("[limits]\nconnections_max = 10100\n")
        .start();
    raise_open_files();
    let before = sidecar.status()["rss_bytes"].as_u64().unwrap();
    let wires: Vec<Wire> = (0..10_000).map(|_| Wire::welcomed(&sidecar.socket()).0).collect();
    still_serves(&sidecar);
    let after = sidecar.status()["rss_bytes"].as_u64().unwrap();
    let each = after.saturating_sub(before) / 10_000;
    assert!(each < 8192, "{each} bytes of supervisor for each idle connection");
    drop(wires);
    eventually("the slots are free again", || {
        (sidecar.status()["connections"]["open"].as_u64()? < 10).then_some(())
    });
    still_serves(&sidecar);
}

#[test]
fn those_who_say_nothing_keep_nobody_out() {
    let sidecar = Sidecar::builder()
        .file("f.php", &format!("<?php {FUNCTIONS}"))
        .config("[limits]\nhello_timeout_ms = 600000\nhandshakes_max = 8\n")
        .start();
    let mut silent: Vec<Wire> = (0..200).map(|_| Wire::connect(&sidecar.socket())).collect();
    still_serves(&sidecar);
    logged(&sidecar, "another took its place before it said Hello");
    assert!(silent[0].is_hung_up());
    // Nor those who do not leave when they are refused.
    let other_protocol = vec![0xff; 4096];
    let mut refused: Vec<Wire> = (0..200).map(|_| Wire::connect(&sidecar.socket())).collect();
    refused.iter_mut().for_each(|wire| wire.send(&other_protocol));
    still_serves(&sidecar);
}

#[test]
fn one_connection_too_many_is_refused_politely() {
    let sidecar = Sidecar::builder()
        .file("f.php", &format!("<?php {FUNCTIONS}"))
        .config("[limits]\nconnections_max = 4\n")
        .start();
    let wires: Vec<Wire> = (0..4).map(|_| Wire::welcomed(&sidecar.socket()).0).collect();
    let mut extra = Wire::connect(&sidecar.socket());
    extra.send(&hello());
    let (header, body) = extra.frame().expect("an answer");
    assert_eq!(header.kind, Kind::Refused);
    let refused: Refused = body_from_slice("Refused", &body).unwrap();
    assert_eq!(refused.code, RefusedCode::TooManyConnections);
    drop(wires);
    eventually("there is room again", || {
        sidecar.php("echo appserver_call('hello', 'Ada');").success.then_some(())
    });
}

fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}
