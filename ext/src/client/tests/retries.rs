//! What is sent again, and what never is.

use super::fake::{Fake, welcome};
use super::{answer, call, options, options_for, send};
use crate::client::{ErrorKind, Options};
use protocol::{Failure, Purpose};
use std::sync::mpsc;

#[test]
fn a_call_whose_connection_breaks_is_not_sent_again() {
    let fake = Fake::start(|door| drop(door.first_call()));
    let error = call(&options(&[&fake]), "once").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Lost { may_have_run: true }), "{error:?}");
    assert!(error.message.contains("Idempotent"), "{}", error.message);
    assert_eq!(error.worker, Some(fake.address()));
    fake.finish();
}

#[test]
fn unless_the_function_is_idempotent() {
    let fake = Fake::start(|door| {
        drop(door.first_call());
        let (mut peer, request) = door.first_call();
        peer.give(&request, b"second");
    });
    assert_eq!(call(&options(&[&fake]), "again").unwrap(), b"second");
    fake.finish();
}

#[test]
fn an_idempotent_call_is_sent_again_as_often_as_the_setting_says() {
    let fake = Fake::start(|door| {
        for _ in 0..3 {
            drop(door.first_call());
        }
    });
    let error = call(&Options { retries: 2, ..options(&[&fake]) }, "again").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Lost { may_have_run: true }), "{error:?}");
    fake.finish();
}

#[test]
fn a_connection_that_was_closed_while_idle_is_replaced() {
    let (closed, is_closed) = mpsc::channel();
    let fake = Fake::start(move |door| {
        let (mut peer, request) = door.first_call();
        peer.give(&request, b"first");
        drop(peer);
        closed.send(()).unwrap();
        let (mut peer, request) = door.first_call();
        peer.give(&request, b"second");
    });
    let options = options(&[&fake]);
    assert_eq!(call(&options, "once").unwrap(), b"first");
    is_closed.recv().unwrap();
    assert_eq!(call(&options, "once").unwrap(), b"second");
    fake.finish();
}

#[test]
fn an_idle_connection_serves_the_next_call() {
    let fake = Fake::start(|door| {
        let (mut peer, first) = door.first_call();
        peer.give(&first, b"first");
        let second = peer.call();
        assert_ne!(first.request_id, second.request_id);
        peer.give(&second, b"second");
        peer.until_closed();
    });
    let options = options(&[&fake]);
    assert_eq!(call(&options, "once").unwrap(), b"first");
    assert_eq!(call(&options, "once").unwrap(), b"second");
    crate::client::shut_down();
    fake.finish();
}

#[test]
fn a_call_follows_its_function_to_another_pool() {
    let fake = Fake::start(|door| {
        let (mut wrong, request) = door.first_call();
        wrong.fail(&request, &Failure::WrongPool { pool: "other".to_owned() });
        let (mut right, hello) =
            door.welcome(&protocol::Welcome { pool: "other".to_owned(), ..welcome() });
        assert!(matches!(&hello.purpose, Purpose::Calls { pool, .. } if pool == "other"));
        let request = right.call();
        right.give(&request, b"there");
    });
    assert_eq!(call(&options(&[&fake]), "once").unwrap(), b"there");
    fake.finish();
}

#[test]
fn a_function_unknown_to_the_worker_is_looked_up_anew_once() {
    let fake = Fake::start(|door| {
        let unknown = Failure::UnknownFunction { function: "once".to_owned(), near: Vec::new() };
        let (mut peer, request) = door.first_call();
        peer.fail(&request, &unknown);
        let request = peer.call();
        peer.fail(&request, &unknown);
    });
    let error = call(&options(&[&fake]), "once").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::UnknownFunction { .. }), "{error:?}");
    fake.finish();
}

#[test]
fn a_retry_that_finds_nobody_does_not_say_that_nothing_ran() {
    let fake = Fake::start(|door| {
        drop(door.first_call());
        door.open().hello();
    });
    let error = call(&options(&[&fake]), "again").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Lost { may_have_run: true }), "{error:?}");
    fake.finish();
}

#[test]
fn the_number_of_connections_is_bounded() {
    let fake = Fake::start(|door| {
        let (mut peer, request) = door.first_call();
        peer.give(&request, b"held");
    });
    let options = Options { connections_max: 1, ..options(&[&fake]) };
    let first = send(&options, "once").unwrap();
    let error = call(&options, "once").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unavailable), "{error:?}");
    assert!(error.message.contains("appserver.connections_max"), "{}", error.message);
    assert_eq!(answer(first).unwrap(), b"held");
    fake.finish();
}

#[test]
fn a_worker_that_is_not_there_is_passed_over() {
    let fake = Fake::start(|door| {
        let (mut peer, request) = door.first_call();
        peer.give(&request, b"here");
    });
    let missing = "unix:/nonexistent/appserver.sock";
    let options = options_for(&format!("{missing},{}", fake.address()));
    assert_eq!(call(&options, "once").unwrap(), b"here");
    fake.finish();
    let error = call(&options_for(missing), "once").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Connect), "{error:?}");
    assert!(error.message.contains(missing), "{}", error.message);
}
