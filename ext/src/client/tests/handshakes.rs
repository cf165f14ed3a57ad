//! How connections begin, and what a worker may say instead of welcome.

use super::fake::{Fake, Peer};
use super::{call, options};
use crate::client::{CallError, ErrorKind};
use protocol::{Header, Kind, Refused, RefusedCode, control_frame};

/// What a call comes to when its hello is answered by what `reply` does.
fn after(reply: impl FnOnce(&mut Peer) + Send + 'static) -> CallError {
    let fake = Fake::start(|door| {
        let mut peer = door.open();
        peer.hello();
        reply(&mut peer);
    });
    let error = call(&options(&[&fake]), "once").unwrap_err();
    fake.finish();
    error
}

#[test]
fn a_refusal_is_told_in_the_workers_words() {
    let error = after(|peer| {
        let refused = Refused {
            code: RefusedCode::UnknownApp,
            message: "no such application".to_owned(),
            near: vec!["shop".to_owned()],
        };
        peer.write(&control_frame(Header::new(Kind::Refused, 0), &refused));
    });
    assert!(matches!(error.kind, ErrorKind::UnknownApp { .. }), "{error:?}");
    assert_eq!(error.message, "no such application; did you mean shop?");
}

#[test]
fn a_worker_that_hangs_up_counts_as_unreachable() {
    let error = after(|_| {});
    assert!(matches!(error.kind, ErrorKind::Connect), "{error:?}");
}

#[test]
fn nonsense_instead_of_a_welcome_is_no_protocol() {
    for kind in [Kind::Welcome, Kind::Return] {
        let error = after(move |peer| peer.reply(Header::new(kind, 0), &[0xff; 9]));
        assert!(matches!(error.kind, ErrorKind::Protocol), "{error:?}");
    }
    let error = after(|peer| peer.write(&[0xff; 64]));
    assert!(matches!(error.kind, ErrorKind::Protocol), "{error:?}");
}

#[test]
fn one_that_speaks_something_else_is_passed_over() {
    let other = Fake::start(|door| {
        let mut peer = door.open();
        peer.hello();
        peer.write(&[0xff; 64]);
    });
    // The worker of this host is tried first.
    let fake = Fake::start_afar(|door| {
        let (mut peer, request) = door.first_call();
        peer.give(&request, b"here");
    });
    assert_eq!(call(&options(&[&other, &fake]), "once").unwrap(), b"here");
    other.finish();
    fake.finish();
}
