//! Lists of workers that workers hand out.

use super::fake::{Door, Fake, answer_to, welcome};
use super::{call, options};
use crate::client::Options;
use protocol::{
    ControlReply, ControlRequest, Header, Kind, Member, Membership, Purpose, Welcome,
    body_from_slice, control_frame,
};

fn list(epoch: u32, addresses: &[String]) -> Membership {
    let member = |address: &String| Member { address: address.clone(), weight: 1 };
    Membership { epoch, members: addresses.iter().map(member).collect() }
}

/// Answers one call.
fn serve_one(door: &Door, value: &'static [u8]) {
    let (mut peer, request) = door.first_call();
    peer.give(&request, value);
}

/// Answers the question for the list on a control connection.
fn tell(door: &Door, membership: Membership) {
    let (mut peer, hello) = door.welcome(&welcome());
    assert_eq!(hello.purpose, Purpose::Control);
    let (header, body) = peer.frame(Kind::ControlRequest);
    let question: ControlRequest = body_from_slice("ControlRequest", &body).unwrap();
    assert_eq!(question, ControlRequest::Membership);
    let header = Header::new(Kind::ControlReply, header.request_id);
    peer.write(&control_frame(header, &ControlReply::Membership(membership)));
}

#[test]
fn the_list_of_a_welcome_replaces_the_configured_one() {
    let other = Fake::start_afar(|door| serve_one(door, b"other"));
    let membership = list(1, &[other.address()]);
    let first = Fake::start_afar(move |door| {
        let (peer, _) = door.welcome(&Welcome { membership, ..welcome() });
        peer.until_closed();
    });
    assert_eq!(call(&options(&[&first]), "once").unwrap(), b"other");
    other.finish();
    first.finish();
}

#[test]
fn an_epoch_in_an_answer_makes_the_client_ask_for_the_list() {
    let other = Fake::start_afar(|door| serve_one(door, b"other"));
    let newer = list(2, &[other.address()]);
    let first = Fake::start_afar(move |door| {
        let (mut peer, request) = door.first_call();
        peer.reply(Header { epoch: 2, ..answer_to(&request, Kind::Return) }, b"first");
        tell(door, newer);
        peer.until_closed();
    });
    let options = options(&[&first]);
    assert_eq!(call(&options, "once").unwrap(), b"first");
    assert_eq!(call(&options, "once").unwrap(), b"other");
    other.finish();
    first.finish();
}

/// A client configured with the socket of this host, whose worker hands out a list of one other.
fn beside_a_worker(affinity: Option<Vec<u8>>, expected: &[u8]) {
    let serve = |value| move |door: &Door| serve_one(door, value);
    let far = affinity.is_some();
    let other = Fake::start_afar(move |door| {
        if far {
            serve(b"afar")(door)
        }
    });
    let membership = list(1, &[other.address()]);
    let here = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&Welcome { membership, ..welcome() });
        if !far {
            let request = peer.call();
            peer.give(&request, b"here");
        }
        peer.until_closed();
    });
    let options = Options { affinity, ..options(&[&here]) };
    assert_eq!(call(&options, "once").unwrap(), expected);
    crate::client::shut_down();
    other.finish();
    here.finish();
}

#[test]
fn a_configured_socket_of_this_host_stays_first_for_calls_without_a_key() {
    beside_a_worker(None, b"here");
}

#[test]
fn a_key_chooses_by_the_names_in_the_list() {
    beside_a_worker(Some(b"key".to_vec()), b"afar");
}

#[test]
fn a_list_without_a_usable_address_changes_nothing() {
    let membership = list(1, &["carrier-pigeon:coop".to_owned()]);
    let only = Fake::start_afar(move |door| {
        let (mut peer, _) = door.welcome(&Welcome { membership, ..welcome() });
        let request = peer.call();
        peer.give(&request, b"still");
    });
    assert_eq!(call(&options(&[&only]), "once").unwrap(), b"still");
    only.finish();
}
