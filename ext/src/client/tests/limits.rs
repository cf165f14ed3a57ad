//! What a process may have of everything.

use super::fake::Fake;
use super::{answer, call, options, options_for, send};
use crate::client::ErrorKind;

#[test]
fn lists_of_workers_may_change_for_ever_while_calls_keep_theirs() {
    let (go, goes) = std::sync::mpsc::channel();
    let fake = Fake::start(move |door| {
        let (mut peer, request) = door.first_call();
        goes.recv().unwrap();
        peer.give(&request, b"at last");
    });
    let in_flight = send(&options(&[&fake]), "once").unwrap();
    for number in 0..100 {
        let elsewhere = options_for(&format!("unix:/nonexistent/{number}.sock"));
        let error = call(&elsewhere, "once").unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Connect), "{error:?}");
    }
    go.send(()).unwrap();
    assert_eq!(answer(in_flight).unwrap(), b"at last");
    fake.finish();
}

#[test]
fn a_worker_that_does_not_confirm_an_interruption_is_waited_for_once() {
    let fake = Fake::start(|door| {
        let peers: Vec<_> = (0..3).map(|_| door.first_call().0).collect();
        let mut questions = door.open();
        questions.hello();
        peers.into_iter().for_each(super::fake::Peer::until_closed);
        questions.until_closed();
    });
    let calls: Vec<_> = (0..3).map(|_| send(&options(&[&fake]), "once").unwrap()).collect();
    calls.into_iter().for_each(crate::client::release);
    fake.finish();
}
