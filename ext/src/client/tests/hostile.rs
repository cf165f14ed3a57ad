//! Answers that no honest worker gives: an exception each, and the connection is not used again.

use super::fake::{Fake, Peer, answer_to};
use super::{call, options};
use crate::client::{CallError, ErrorKind, Options};
use protocol::{FLAG_OUTPUT, HEADER_BYTES, Header, Kind};

/// What a call comes to when its answer is what `reply` does.
fn after(reply: impl FnOnce(&mut Peer, Header) + Send + 'static) -> CallError {
    let fake = Fake::start(|door| {
        let (mut peer, request) = door.first_call();
        reply(&mut peer, request);
    });
    let options = Options { frame_bytes_max: 4096, ..options(&[&fake]) };
    let error = call(&options, "once").unwrap_err();
    fake.finish();
    error
}

fn is_refused(reply: impl FnOnce(&mut Peer, Header) + Send + 'static) {
    let error = after(reply);
    assert!(matches!(error.kind, ErrorKind::Protocol), "{error:?}");
}

#[test]
fn an_answer_to_another_request() {
    is_refused(|peer, request| {
        let other = Header::new(Kind::Return, request.request_id + 1);
        peer.reply(other, b"not yours");
    });
}

#[test]
fn an_answer_of_a_kind_that_is_none() {
    is_refused(|peer, request| peer.reply(answer_to(&request, Kind::Welcome), b""));
    is_refused(|peer, request| {
        let mut bytes = answer_to(&request, Kind::Return).to_bytes();
        bytes[4] = 0xee;
        peer.write(&bytes);
    });
}

#[test]
fn an_answer_longer_than_the_limit() {
    is_refused(|peer, request| {
        let header = Header { length: 4097, ..answer_to(&request, Kind::Return) };
        peer.write(&header.to_bytes());
    });
}

#[test]
fn more_than_an_answer() {
    is_refused(|peer, request| {
        let header = answer_to(&request, Kind::Return);
        peer.write(&[header.to_bytes(), header.to_bytes()].concat());
    });
}

#[test]
fn output_longer_than_the_answer() {
    let header =
        |request: &Header| Header { flags: FLAG_OUTPUT, ..answer_to(request, Kind::Return) };
    is_refused(move |peer, request| peer.reply(header(&request), &u32::MAX.to_le_bytes()));
    is_refused(move |peer, request| peer.reply(header(&request), &[0, 0]));
}

#[test]
fn a_failure_that_cannot_be_read() {
    is_refused(|peer, request| peer.reply(answer_to(&request, Kind::Failure), &[0xff; 9]));
}

#[test]
fn half_an_answer() {
    for kept in [HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 2] {
        let error = after(move |peer, request| {
            let header = Header { length: 4, ..answer_to(&request, Kind::Return) };
            let whole = [&header.to_bytes()[..], b"four"].concat();
            peer.write(&whole[..kept]);
        });
        assert!(matches!(error.kind, ErrorKind::Lost { may_have_run: true }), "{error:?}");
    }
}
