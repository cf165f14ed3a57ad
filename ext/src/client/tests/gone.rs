//! Releases that workers do not have any more.

use super::fake::{Fake, welcome};
use super::{call, options};
use crate::client::{CallError, ErrorKind, Options, Pin, request_begins};
use protocol::{Failure, ReleaseId};

fn is_gone(error: &CallError) {
    assert!(matches!(error.kind, ErrorKind::ReleaseGone), "{error:?}");
    assert!(error.message.contains("0000000000000007"), "{}", error.message);
}

#[test]
fn a_worker_without_the_release_is_passed_over_for_the_rest_of_the_request() {
    let both = [1, 2].map(|_| {
        Fake::start(|door| {
            let (mut peer, _) = door.welcome(&welcome());
            let request = peer.call_in(7, 1);
            peer.fail(&request, &Failure::ReleaseGone { release: ReleaseId(7) });
        })
    });
    let [one, two] = both;
    let options = Options { pin: Pin::Request, ..options(&[&one, &two]) };
    is_gone(&call(&options, "once").unwrap_err());
    // Nobody is asked a second time.
    is_gone(&call(&options, "once").unwrap_err());
    one.finish();
    two.finish();
}

#[test]
fn a_release_that_ends_between_two_calls_is_gone() {
    let (hung_up, has_hung_up) = std::sync::mpsc::channel();
    let fake = Fake::start(move |door| {
        let (mut current, _) = door.welcome(&welcome());
        let request = current.call_in(7, 1);
        current.fail(&request, &Failure::WrongRelease { current: ReleaseId(8) });
        let mut named = door.welcome_named(7);
        let request = named.call_in(7, 1);
        named.give_from(&request, b"still", 7, 1);
        named.hang_up();
        hung_up.send(()).unwrap();
        let request = current.call_in(7, 1);
        current.fail(&request, &Failure::WrongRelease { current: ReleaseId(8) });
        door.refuse_named(7);
        // The next PHP request is none of its.
        let request = current.call_in(0, 0);
        current.give_from(&request, b"new", 8, 1);
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    assert_eq!(call(&options, "once").unwrap(), b"still");
    has_hung_up.recv().unwrap();
    is_gone(&call(&options, "once").unwrap_err());
    request_begins();
    assert_eq!(call(&options, "once").unwrap(), b"new");
    fake.finish();
}

#[test]
fn a_retry_into_a_release_that_is_gone_may_have_run_before() {
    let fake = Fake::start(|door| {
        let (mut peer, _) = door.welcome(&welcome());
        peer.call_in(7, 1);
        drop(peer);
        let (mut peer, _) = door.welcome(&welcome());
        let request = peer.call_in(7, 1);
        peer.fail(&request, &Failure::ReleaseGone { release: ReleaseId(7) });
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    let error = call(&options, "again").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Lost { may_have_run: true }), "{error:?}");
    fake.finish();
}

#[test]
fn what_is_sent_again_goes_to_the_release_that_is_current_then() {
    for pin in [Pin::Call, Pin::Off] {
        let fake = Fake::start(|door| {
            let (mut peer, _) = door.welcome(&welcome());
            peer.call_in(0, 0);
            drop(peer);
            let (mut peer, _) = door.welcome(&welcome());
            let request = peer.call_in(0, 0);
            peer.give_from(&request, b"new", 8, 1);
        });
        let options = Options { pin, ..options(&[&fake]) };
        assert_eq!(call(&options, "again").unwrap(), b"new");
        fake.finish();
    }
}
