//! Which release the calls of a PHP request run in.

use super::fake::{Door, Fake, answer_to};
use super::{call, options};
use crate::client::{Options, Pin, request_begins};
use protocol::{Header, Kind, Purpose, ReleaseId};
use std::sync::mpsc::{self, Receiver, Sender};

/// Serves one call on a connection of its own, in release 7, and hangs up; the release that was
/// asked for, by hello and call alike.
fn serve_one(door: &Door, closed: &Sender<()>) -> ReleaseId {
    let (mut peer, hello) = door.welcome(&super::fake::welcome());
    let Purpose::Calls { release, .. } = hello.purpose else {
        panic!("a call was expected");
    };
    let request = peer.call();
    assert_eq!(request.release_id, release.0);
    peer.reply(Header { release_id: 7, ..answer_to(&request, Kind::Return) }, b"");
    drop(peer);
    closed.send(()).unwrap();
    release
}

/// The releases asked for by two calls of one PHP request and one of the next.
fn releases_asked_for(pin: Pin) -> Vec<ReleaseId> {
    let (closed, is_closed) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let fake = Fake::start(move |door| {
        for _ in 0..3 {
            tell.send(serve_one(door, &closed)).unwrap();
        }
    });
    let options = Options { pin, ..options(&[&fake]) };
    for begins in [true, false, true] {
        if begins {
            request_begins();
        }
        one(&options, &is_closed);
    }
    fake.finish();
    told.iter().collect()
}

fn one(options: &Options, is_closed: &Receiver<()>) {
    assert_eq!(call(options, "once").unwrap(), b"");
    is_closed.recv().unwrap();
}

#[test]
fn by_request_the_first_answer_decides_for_the_rest_of_it() {
    let releases = releases_asked_for(Pin::Request);
    assert_eq!(releases, [ReleaseId::ANY, ReleaseId(7), ReleaseId::ANY]);
}

#[test]
fn otherwise_each_call_takes_the_current_one() {
    assert_eq!(releases_asked_for(Pin::Call), [ReleaseId::ANY; 3]);
    assert_eq!(releases_asked_for(Pin::Off), [ReleaseId::ANY; 3]);
}

#[test]
fn a_retry_stays_in_the_release_of_the_first_attempt_unless_pinning_is_off() {
    for (pin, expected) in [(Pin::Call, ReleaseId(7)), (Pin::Off, ReleaseId::ANY)] {
        let (closed, _is_closed) = mpsc::channel();
        let fake = Fake::start(move |door| {
            drop(door.first_call());
            assert_eq!(serve_one(door, &closed), expected);
        });
        call(&Options { pin, ..options(&[&fake]) }, "again").unwrap();
        fake.finish();
    }
}
