//! Answers that say that nothing ran, because a release has just taken over.

use super::fake::{Fake, welcome};
use super::{call, options};
use crate::client::{ErrorKind, Options, Pin};
use protocol::{Failure, ReleaseId, Welcome};

#[test]
fn a_call_that_came_too_late_is_sent_again_on_its_connection() {
    let fake = Fake::start(|door| {
        let (mut peer, first) = door.first_call();
        peer.fail(&first, &Failure::Moved);
        let again = peer.call();
        assert_eq!((again.request_id, again.length), (first.request_id, first.length));
        peer.give(&again, b"moved");
        peer.until_closed();
    });
    assert_eq!(call(&options(&[&fake]), "once").unwrap(), b"moved");
    crate::client::shut_down();
    fake.finish();
}

#[test]
fn a_call_is_not_moved_for_ever() {
    let fake = Fake::start(|door| {
        let (mut peer, request) = door.first_call();
        peer.fail(&request, &Failure::Moved);
        for _ in 0..4 {
            let request = peer.call();
            peer.fail(&request, &Failure::Moved);
        }
        for _ in 0..4 {
            let (mut peer, request) = door.first_call();
            peer.fail(&request, &Failure::Moved);
        }
    });
    let error = call(&options(&[&fake]), "once").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unavailable), "{error:?}");
    fake.finish();
}

#[test]
fn a_pinned_call_asks_for_a_connection_of_its_release_and_leaves_the_other_to_others() {
    let fake = Fake::start(|door| {
        let (mut current, _) = door.welcome(&welcome());
        let request = current.call_in(7, 1);
        current.give_from(&request, b"first", 7, 1);
        let request = current.call_in(7, 1);
        current.fail(&request, &Failure::WrongRelease { current: ReleaseId(8) });
        let mut named = door.welcome_named(7);
        for value in [b"second", b"third!"] {
            let request = named.call_in(7, 1);
            named.give_from(&request, value, 7, 1);
        }
        // The end of the PHP request lets the old release go.
        named.until_closed();
        let request = current.call_in(0, 0);
        current.give_from(&request, b"next", 8, 1);
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    assert_eq!(call(&options, "once").unwrap(), b"first");
    assert_eq!(call(&options, "once").unwrap(), b"second");
    assert_eq!(call(&options, "once").unwrap(), b"third!");
    crate::client::request_ends();
    crate::client::request_begins();
    assert_eq!(call(&options, "once").unwrap(), b"next");
    fake.finish();
}

#[test]
fn a_pinned_call_is_not_led_in_circles() {
    let wrong = Failure::WrongRelease { current: ReleaseId(8) };
    let fake = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&Welcome { ..welcome() });
        let request = peer.call_in(7, 1);
        peer.fail(&request, &wrong);
        for _ in 0..4 {
            let mut named = door.welcome_named(7);
            let request = named.call_in(7, 1);
            named.fail(&request, &wrong);
        }
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    let error = call(&options, "once").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unavailable), "{error:?}");
    fake.finish();
}
