//! How connections begin, and what a worker may say instead of welcome.

use super::fake::{Fake, Peer, welcome};
use super::{call, options};
use crate::client::{CallError, ErrorKind};
use protocol::{Header, Kind, Refused, RefusedCode, Welcome, control_frame};
use shm::Board;

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
fn news_on_the_board_make_the_client_connect_anew() {
    let path = std::env::temp_dir().join(format!("appserver-board-{}", std::process::id()));
    let board = Board::create(&path).unwrap();
    let with_board = Welcome { board: Some(path.display().to_string()), ..welcome() };
    let fake = Fake::start(move |door| {
        let (mut old, _) = door.welcome(&with_board);
        let request = old.call();
        old.give(&request, b"old");
        let request = old.call();
        old.give(&request, b"old still");
        let (mut new, hello) = door.welcome(&Welcome { catalog: None, ..with_board });
        assert_eq!(hello.catalog_hash, 1);
        old.until_closed();
        let request = new.call();
        new.give(&request, b"new");
    });
    let options = options(&[&fake]);
    assert_eq!(call(&options, "once").unwrap(), b"old");
    assert_eq!(call(&options, "once").unwrap(), b"old still");
    board.publish();
    assert_eq!(call(&options, "once").unwrap(), b"new");
    // While there is a board, what it has not announced does not exist.
    let error = call(&options, "onec").unwrap_err();
    assert!(matches!(&error.kind, ErrorKind::UnknownFunction { near } if near == &["once"]));
    fake.finish();
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn news_on_the_board_concern_every_application_of_the_worker() {
    let path = std::env::temp_dir().join(format!("appserver-board-2-{}", std::process::id()));
    let board = Board::create(&path).unwrap();
    let with_board = Welcome { board: Some(path.display().to_string()), ..welcome() };
    let mut renewed = Welcome { catalog_hash: 2, ..with_board.clone() };
    if let Some(catalog) = &mut renewed.catalog {
        catalog.functions[1].name = "newest".to_owned();
    }
    let fake = Fake::start(move |door| {
        let serve = |welcome: &Welcome, answer: &[u8]| {
            let (mut peer, _) = door.welcome(welcome);
            let request = peer.call();
            peer.give(&request, answer);
            peer
        };
        let _old = [serve(&with_board, b"one"), serve(&with_board, b"two")];
        let _new = [serve(&with_board, b"one again"), serve(&renewed, b"two anew")];
    });
    let options = options(&[&fake]);
    assert_eq!(call(&options, "one:once").unwrap(), b"one");
    assert_eq!(call(&options, "two:once").unwrap(), b"two");
    board.publish();
    assert_eq!(call(&options, "one:once").unwrap(), b"one again");
    assert_eq!(call(&options, "two:newest").unwrap(), b"two anew");
    fake.finish();
    std::fs::remove_file(&path).unwrap();
}
