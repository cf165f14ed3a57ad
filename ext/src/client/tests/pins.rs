//! Which version the calls of a PHP request run in, where no board tells of changes.

use super::fake::{Fake, catalog, to, welcome};
use super::{answer, call, options, send};
use crate::client::{Options, Pin, pin, request_begins, unpin};
use protocol::{Failure, Routing, Thrown, Welcome};
use std::rc::Rc;

fn by_request(fake: &Fake) -> Options {
    Options { pin: Pin::Request, ..options(&[fake]) }
}

#[test]
fn by_request_the_first_answer_decides_for_the_rest_of_it() {
    let fake = Fake::start(|door| {
        let (mut peer, _) = door.welcome(&welcome());
        let request = peer.call_in(7, 1);
        peer.give_from(&request, b"", 7, 1);
        let request = peer.call_in(0, 0);
        peer.give_from(&request, b"", 8, 3);
        // A release that is not known yet: its catalog is asked for, once.
        let mut questions = door.questions();
        questions.tell_catalog(catalog(8));
        for _ in 0..2 {
            let request = peer.call_in(8, 3);
            peer.give_from(&request, b"", 8, 3);
        }
    });
    let options = by_request(&fake);
    call(&options, "once").unwrap();
    request_begins();
    call(&options, "once").unwrap();
    call(&options, "once").unwrap();
    call(&options, "once").unwrap();
    fake.finish();
}

#[test]
fn an_answer_that_is_an_exception_decides_as_well() {
    let fake = Fake::start(|door| {
        let (mut peer, _) = door.welcome(&welcome());
        let request = peer.call_in(7, 1);
        peer.give_from(&request, b"", 7, 1);
        let request = peer.call_in(0, 0);
        peer.fail_from(&request, &Failure::Thrown(Vec::<Thrown>::new()), 7, 2);
        let request = peer.call_in(7, 2);
        peer.give_from(&request, b"", 7, 2);
    });
    let options = by_request(&fake);
    call(&options, "once").unwrap();
    request_begins();
    call(&options, "once").unwrap_err();
    call(&options, "once").unwrap();
    fake.finish();
}

#[test]
fn calls_beside_others_ask_first() {
    let fake = Fake::start(|door| {
        let (mut peer, _) = door.welcome(&welcome());
        let request = peer.call_in(7, 1);
        peer.give_from(&request, b"", 7, 1);
        let mut questions = door.questions();
        questions.tell_routing(to(7, 5));
        let one = peer.call_in(7, 5);
        let (mut other, _) = door.welcome(&welcome());
        let two = other.call_in(7, 5);
        other.give_from(&two, b"two", 7, 5);
        peer.give_from(&one, b"one", 7, 5);
    });
    let options = by_request(&fake);
    call(&options, "once").unwrap();
    request_begins();
    let calls = [send(&options, "once").unwrap(), send(&options, "once").unwrap()];
    assert_eq!(calls.map(|id| answer(id).unwrap()), [b"one", b"two"]);
    fake.finish();
}

#[test]
fn otherwise_each_call_takes_the_current_one() {
    for pin in [Pin::Call, Pin::Off] {
        let fake = Fake::start(|door| {
            let (mut peer, _) = door.welcome(&welcome());
            for _ in 0..3 {
                let request = peer.call_in(0, 0);
                peer.give_from(&request, b"", 7, 1);
            }
            peer.until_closed();
        });
        let options = Options { pin, ..options(&[&fake]) };
        for _ in 0..3 {
            call(&options, "once").unwrap();
        }
        crate::client::shut_down();
        fake.finish();
    }
}

#[test]
fn a_script_pins_and_lets_go() {
    let fake = Fake::start(|door| {
        let (mut peer, _) = door.welcome(&Welcome { routing: to(7, 4), ..welcome() });
        for (release, settings) in [(7, 4), (0, 0), (0, 0)] {
            let request = peer.call_in(release, settings);
            peer.give_from(&request, b"", 7, 4);
        }
    });
    let options = options(&[&fake]);
    let (by_call, own) = (
        Options { pin: Pin::Call, ..options.clone() },
        Options { pin: Pin::Call, pin_chosen: true, ..options },
    );
    assert_eq!(pin(&Rc::new(by_call.clone()), None).unwrap().to_string(), "0000000000000007");
    call(&by_call, "once").unwrap();
    // Who chose for itself is left alone.
    call(&own, "once").unwrap();
    unpin();
    call(&by_call, "once").unwrap();
    fake.finish();
}

#[test]
fn an_application_without_its_name_is_pinned_with_it() {
    let fake = Fake::start(|door| {
        let shop = protocol::AppName::new("shop").unwrap();
        let mut catalog = catalog(7);
        catalog.app = shop.clone();
        let welcome = Welcome { app: shop, catalog: Some(catalog), ..welcome() };
        let (mut peer, _) = door.welcome(&welcome);
        let request = peer.call_in(7, 1);
        peer.give_from(&request, b"", 7, 1);
        let routing = Routing { generation: 2, ..to(8, 1) };
        let _other = door.welcome(&Welcome { routing, ..welcome });
        let mut named = door.welcome_named(7);
        let request = named.call_in(7, 1);
        named.give_from(&request, b"", 7, 1);
    });
    let options = by_request(&fake);
    call(&options, "once").unwrap();
    call(&options, "shop:once").unwrap();
    fake.finish();
}
