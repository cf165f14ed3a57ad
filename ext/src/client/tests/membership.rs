//! Lists of workers that workers hand out.

use super::fake::{Door, Fake, answer_to, welcome};
use super::{call, options};
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
    let other = Fake::start(|door| serve_one(door, b"other"));
    let membership = list(1, &[other.address()]);
    let first = Fake::start(move |door| {
        let (peer, _) = door.welcome(&Welcome { membership, ..welcome() });
        peer.until_closed();
    });
    assert_eq!(call(&options(&[&first]), "once").unwrap(), b"other");
    other.finish();
    first.finish();
}

#[test]
fn an_epoch_in_an_answer_makes_the_client_ask_for_the_list() {
    let other = Fake::start(|door| serve_one(door, b"other"));
    let newer = list(2, &[other.address()]);
    let first = Fake::start(move |door| {
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
