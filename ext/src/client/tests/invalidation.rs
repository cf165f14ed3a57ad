//! Having results used no more: who is told, and what is said of those who could not be.

use super::fake::{Door, Fake, catalog, welcome};
use super::options;
use crate::client::{CallError, ErrorKind, Options, invalidate, request_ends, shut_down, tag_text};
use protocol::{
    AppName, Catalog, ControlReply, ControlRequest, Lacking, Member, Membership, Welcome,
};
use std::rc::Rc;

fn shop() -> AppName {
    AppName::new("shop").unwrap()
}

fn question(function: Option<&str>, tags: &[&str]) -> ControlRequest {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    ControlRequest::Invalidate { app: shop(), function: function.map(str::to_owned), tags }
}

fn reply(lacking: Lacking) -> ControlReply {
    let near = if lacking == Lacking::Nothing { vec![] } else { vec!["quote".to_owned()] };
    ControlReply::Invalidated { lacking, near, epoch: 0 }
}

/// Answers `question` on a control connection of its own.
fn done(question: ControlRequest, reply: ControlReply) -> impl FnOnce(&Door) {
    move |door| {
        let mut peer = door.questions();
        peer.tell(&question, &reply);
        peer.until_closed();
    }
}

fn in_shop(workers: &[&Fake]) -> Rc<Options> {
    Rc::new(Options { app: shop(), ..options(workers) })
}

fn list(epoch: u32, workers: &[&Fake]) -> Membership {
    let member = |worker: &&Fake| Member { address: worker.address(), weight: 1 };
    Membership { epoch, members: workers.iter().map(member).collect() }
}

/// As the end of a PHP request does, by which the workers see that nothing more comes.
fn finish(workers: Vec<Fake>) {
    shut_down();
    workers.into_iter().for_each(Fake::finish);
}

#[test]
fn every_worker_is_told() {
    let asked = || question(Some("quote"), &["product:17", "a\u{fffd}"]);
    let workers = vec![
        Fake::start(done(asked(), reply(Lacking::Nothing))),
        Fake::start_afar(done(asked(), reply(Lacking::Nothing))),
        Fake::start_afar(done(asked(), reply(Lacking::Nothing))),
    ];
    let options = in_shop(&workers.iter().collect::<Vec<_>>());
    let told = invalidate(&options, Some("quote"), &[b"product:17", b"a\xff"]).unwrap();
    assert_eq!(told, 3);
    assert_eq!(tag_text(b"a\xff"), "a\u{fffd}", "who keeps results says the same");
    finish(workers);
}

#[test]
fn the_next_time_they_are_told_on_the_same_connections_until_the_request_ends() {
    let worker = Fake::start(|door| {
        let mut peer = door.questions();
        peer.tell(&question(None, &[]), &reply(Lacking::Nothing));
        peer.tell(&question(None, &["t"]), &reply(Lacking::Nothing));
        peer.until_closed();
    });
    let options = in_shop(&[&worker]);
    assert_eq!(invalidate(&options, None, &[]).unwrap(), 1);
    assert_eq!(invalidate(&options, None, &[b"t"]).unwrap(), 1);
    request_ends();
    worker.finish();
}

#[test]
fn a_function_may_be_named_with_its_application() {
    let worker = Fake::start(done(question(Some("A::b"), &[]), reply(Lacking::Nothing)));
    let other = Options { app: AppName::new("other").unwrap(), ..options(&[&worker]) };
    assert_eq!(invalidate(&Rc::new(other), Some("shop:\\A::b"), &[]).unwrap(), 1);
    finish(vec![worker]);
}

#[test]
fn the_only_application_is_told_by_its_name_to_workers_that_have_others() {
    let worker = Fake::start(|door| {
        let catalog = Some(Catalog { app: shop(), ..catalog(7) });
        let (calls, _) = door.welcome(&Welcome { catalog, app: shop(), ..welcome() });
        done(question(None, &[]), reply(Lacking::Nothing))(door);
        calls.until_closed();
    });
    assert_eq!(invalidate(&Rc::new(options(&[&worker])), None, &[]).unwrap(), 1);
    finish(vec![worker]);
}

#[test]
fn many_tags_are_several_questions() {
    let tags: Vec<String> = (0..ControlRequest::TAGS_MAX + 1).map(|tag| tag.to_string()).collect();
    let expected = tags.clone();
    let worker = Fake::start(move |door| {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let (first, last) = expected.split_at(ControlRequest::TAGS_MAX);
        let mut peer = door.questions();
        peer.tell(&question(Some("quote"), first), &reply(Lacking::Nothing));
        peer.tell(&question(None, last), &reply(Lacking::Nothing));
        peer.until_closed();
    });
    let tags: Vec<&[u8]> = tags.iter().map(String::as_bytes).collect();
    assert_eq!(invalidate(&in_shop(&[&worker]), Some("quote"), &tags).unwrap(), 1);
    finish(vec![worker]);
}

#[test]
fn a_worker_that_cannot_be_told_is_named_and_the_others_are_told() {
    let gone = Fake::start_afar(|_| {});
    let address = gone.address();
    let silent = Fake::start_afar(|door| {
        let mut peer = door.questions();
        peer.frame(protocol::Kind::ControlRequest);
        peer.hang_up();
    });
    let well = Fake::start_afar(done(question(None, &["t"]), reply(Lacking::Nothing)));
    let options = in_shop(&[&gone, &silent, &well]);
    gone.finish();
    let error = invalidate(&options, None, &[b"t"]).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Connect), "{error:?}");
    for named in [&address, &silent.address()] {
        assert!(error.message.contains(named), "{}", error.message);
    }
    assert!(!error.message.contains(&well.address()), "{}", error.message);
    assert!(error.message.contains("until its time to live is over"), "{}", error.message);
    finish(vec![silent, well]);
}

#[test]
fn a_list_that_a_worker_turns_out_to_have_is_gone_through() {
    let asked = || question(None, &[]);
    let other = Fake::start_afar(done(asked(), reply(Lacking::Nothing)));
    let newer = list(2, &[&other]);
    let first = Fake::start(move |door| {
        let mut peer = door.questions();
        let near = Vec::new();
        let reply = ControlReply::Invalidated { lacking: Lacking::Nothing, near, epoch: 2 };
        peer.tell(&asked(), &reply);
        peer.tell(&ControlRequest::Membership, &ControlReply::Membership(newer));
        peer.until_closed();
    });
    assert_eq!(invalidate(&in_shop(&[&first]), None, &[]).unwrap(), 2);
    finish(vec![other, first]);
}

/// The place in the list of one that is gone is given to the next, and its connection must not be.
#[test]
fn a_worker_that_the_list_of_a_welcome_brings_is_told_itself() {
    let asked = || question(None, &[]);
    let other = Fake::start_afar(done(asked(), reply(Lacking::Nothing)));
    let membership = list(1, &[&other]);
    let first = Fake::start_afar(move |door| {
        let (mut peer, _) = door.welcome(&Welcome { membership, ..welcome() });
        peer.tell(&asked(), &reply(Lacking::Nothing));
        peer.until_closed();
    });
    assert_eq!(invalidate(&in_shop(&[&first]), None, &[]).unwrap(), 2);
    finish(vec![other, first]);
}

fn of_two_workers(first: Lacking, second: Lacking) -> Result<usize, CallError> {
    let asked = || question(Some("qoute"), &[]);
    let workers = vec![
        Fake::start_afar(done(asked(), reply(first))),
        Fake::start_afar(done(asked(), reply(second))),
    ];
    let options = in_shop(&workers.iter().collect::<Vec<_>>());
    let told = invalidate(&options, Some("qoute"), &[]);
    finish(workers);
    told
}

#[test]
fn what_no_worker_has_is_an_error_and_one_is_enough() {
    use Lacking::{App, Function, Nothing};
    assert_eq!(of_two_workers(Nothing, App).unwrap(), 2);
    assert_eq!(of_two_workers(Function, Nothing).unwrap(), 2);
    for (first, second) in [(App, Function), (Function, App), (Function, Function)] {
        let error = of_two_workers(first, second).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::UnknownFunction { .. }), "{error:?}");
        assert!(error.message.contains("did you mean quote?"), "{}", error.message);
    }
    let error = of_two_workers(App, App).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::UnknownApp { .. }), "{error:?}");
    assert!(error.message.contains("application \"shop\""), "{}", error.message);
}

#[test]
fn what_no_worker_would_take_is_sent_to_none() {
    let worker = Fake::start(|_| {});
    let options = in_shop(&[&worker]);
    let longest = "t".repeat(ControlRequest::TAG_BYTES_MAX + 1);
    let cases: [(Option<&str>, &[&[u8]]); 4] = [
        (None, &[b"fits", longest.as_bytes()]),
        (None, &[b""]),
        (Some(""), &[]),
        (Some("NO APP:f"), &[]),
    ];
    for (function, tags) in cases {
        let error = invalidate(&options, function, tags).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Config), "{error:?}");
    }
    finish(vec![worker]);
}
