//! Releases on trial.

use super::fake::{Fake, catalog, to, welcome};
use super::{call, options};
use crate::client::{Options, Pin, request_begins};
use protocol::{Canary, Failure, ReleaseId, Routing, Welcome};

fn trial(basis_points: u16) -> Routing {
    let canary = Canary { release: ReleaseId(9), number: 9, basis_points };
    Routing { canary: Some(canary), ..to(7, 1) }
}

fn on_trial(basis_points: u16) -> Welcome {
    Welcome { routing: trial(basis_points), ..welcome() }
}

#[test]
fn a_request_is_one_of_the_canarys_or_not_for_all_of_its_calls() {
    for (basis_points, release) in [(10_000, 9), (0, 7)] {
        let fake = Fake::start(move |door| {
            let (mut peer, _) = door.welcome(&on_trial(basis_points));
            if release == 9 {
                door.questions().tell_catalog(catalog(9));
                peer = door.welcome_named(9);
            }
            for _ in 0..2 {
                let request = peer.call_in(release, 1);
                peer.give_from(&request, b"", release, 1);
            }
        });
        let options = Options { pin: Pin::Request, ..options(&[&fake]) };
        for _ in 0..2 {
            call(&options, "once").unwrap();
        }
        fake.finish();
    }
}

#[test]
fn by_call_the_key_decides_and_the_connection_of_the_canary_lasts() {
    let canary = trial(5_000).canary.unwrap();
    let keys: Vec<Vec<u8>> = (0..32u8).map(|key| vec![key]).collect();
    let takes: Vec<bool> = keys.iter().map(|key| canary.takes(key)).collect();
    assert!(takes.contains(&true) && takes.contains(&false));
    let fake = Fake::start(move |door| {
        let (mut current, _) = door.welcome(&on_trial(5_000));
        let mut named = None;
        for takes in takes {
            if takes {
                let welcome = Welcome { release: ReleaseId(9), ..on_trial(5_000) };
                let peer = named.get_or_insert_with(|| door.welcome(&welcome).0);
                let request = peer.call_in(9, 0);
                peer.give_from(&request, b"", 9, 1);
            } else {
                let request = current.call_in(0, 0);
                current.give_from(&request, b"", 7, 1);
            }
        }
    });
    let options = options(&[&fake]);
    for key in keys {
        request_begins();
        call(&Options { affinity: Some(key), ..options.clone() }, "once").unwrap();
    }
    fake.finish();
}

#[test]
fn a_canary_that_is_gone_leaves_its_calls_to_the_current_release() {
    let fake = Fake::start(|door| {
        let (mut current, _) = door.welcome(&on_trial(10_000));
        door.refuse_named(9);
        let request = current.call_in(0, 0);
        current.give_from(&request, b"current", 7, 1);
        let mut named = door.welcome_named(9);
        let request = named.call_in(9, 0);
        named.fail(&request, &Failure::ReleaseGone { release: ReleaseId(9) });
        let request = current.call_in(0, 0);
        current.give_from(&request, b"current", 7, 1);
    });
    let options = options(&[&fake]);
    assert_eq!(call(&options, "once").unwrap(), b"current");
    request_begins();
    assert_eq!(call(&options, "once").unwrap(), b"current");
    fake.finish();
}
