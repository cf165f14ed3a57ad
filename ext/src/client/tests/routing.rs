//! Beside a worker whose board tells of changes: what is asked after one, and that nothing is without.

use super::fake::{Fake, catalog, to, welcome};
use super::{call, options};
use crate::client::{ErrorKind, Options, Pin, request_begins, request_ends};
use protocol::{BoardAt, Failure, Function, ReleaseId, Welcome};
use shm::Board;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A board in a file of its own.
struct Published {
    board: Board,
    path: PathBuf,
}

impl Published {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("appserver-board-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        Self { board: Board::create(&path).unwrap(), path }
    }

    fn welcome(&self) -> Welcome {
        let path = self.path.display().to_string();
        let board = Some(BoardAt { path, generation: self.board.generation() });
        Welcome { board, ..welcome() }
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[test]
fn nothing_is_asked_while_nothing_changes() {
    for (pin, version) in [(Pin::Request, (7, 1)), (Pin::Call, (0, 0)), (Pin::Off, (0, 0))] {
        let published = Published::new();
        let welcome = published.welcome();
        let fake = Fake::start(move |door| {
            let (mut peer, _) = door.welcome(&welcome);
            for _ in 0..100 {
                let request = peer.call_in(version.0, version.1);
                peer.give_from(&request, b"", 7, 1);
            }
            peer.until_closed();
        });
        let options = Options { pin, ..options(&[&fake]) };
        for _ in 0..100 {
            request_begins();
            call(&options, "once").unwrap();
        }
        crate::client::shut_down();
        fake.finish();
    }
}

#[test]
fn what_was_published_between_a_welcome_and_the_reading_of_its_board_is_news() {
    let published = Published::new();
    let welcome = published.welcome();
    published.board.publish();
    let fake = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&welcome);
        let request = peer.call_in(7, 1);
        peer.give_from(&request, b"", 7, 1);
        door.questions().tell_routing(to(7, 2));
        let request = peer.call_in(7, 2);
        peer.give_from(&request, b"", 7, 2);
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    for _ in 0..2 {
        request_begins();
        call(&options, "once").unwrap();
    }
    fake.finish();
}

#[test]
fn news_on_the_board_concern_the_next_request_and_not_this_one() {
    let published = Published::new();
    let welcome = published.welcome();
    let fake = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&welcome);
        for _ in 0..2 {
            let request = peer.call_in(7, 1);
            peer.give_from(&request, b"old", 7, 1);
        }
        let mut questions = door.questions();
        questions.tell_routing(to(8, 2));
        questions.tell_catalog(catalog(8));
        for _ in 0..2 {
            let request = peer.call_in(8, 2);
            peer.give_from(&request, b"new", 8, 2);
        }
        questions.until_closed();
        peer.until_closed();
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    assert_eq!(call(&options, "once").unwrap(), b"old");
    published.board.publish();
    assert_eq!(call(&options, "once").unwrap(), b"old");
    request_ends();
    request_begins();
    assert_eq!(call(&options, "once").unwrap(), b"new");
    assert_eq!(call(&options, "once").unwrap(), b"new");
    request_ends();
    crate::client::shut_down();
    fake.finish();
}

#[test]
fn a_board_that_was_made_in_the_place_of_another_is_followed_instead() {
    let mut published = Published::new();
    let welcome = published.welcome();
    let fake = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&welcome);
        let request = peer.call_in(7, 1);
        peer.give_from(&request, b"", 7, 1);
        peer.hang_up();
        let (mut peer, _) = door.welcome(&welcome);
        let request = peer.call_in(7, 1);
        peer.give_from(&request, b"", 7, 1);
        door.questions().tell_routing(to(7, 2));
        let request = peer.call_in(7, 2);
        peer.give_from(&request, b"", 7, 2);
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    call(&options, "again").unwrap();
    // The worker is started anew, by somebody who has emptied its folder before.
    std::fs::remove_file(&published.path).unwrap();
    published.board = Board::create(&published.path).unwrap();
    call(&options, "again").unwrap();
    published.board.publish();
    request_begins();
    call(&options, "again").unwrap();
    fake.finish();
}

#[test]
fn settings_alone_are_asked_for_without_a_catalog() {
    let published = Published::new();
    let welcome = published.welcome();
    let fake = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&welcome);
        for _ in 0..2 {
            let request = peer.call_in(7, 1);
            peer.give_from(&request, b"", 7, 1);
        }
        door.questions().tell_routing(to(7, 2));
        let request = peer.call_in(7, 2);
        peer.give_from(&request, b"", 7, 2);
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    for changes in [false, false, true] {
        if changes {
            published.board.publish();
        }
        call(&options, "once").unwrap();
        crate::client::unpin();
    }
    fake.finish();
}

#[test]
fn what_the_current_catalog_does_not_name_does_not_exist_and_what_it_names_anew_does() {
    let published = Published::new();
    let welcome = published.welcome();
    let fake = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&welcome);
        let request = peer.call_in(0, 0);
        peer.give_from(&request, b"", 7, 1);
        let mut questions = door.questions();
        questions.tell_routing(to(8, 1));
        let mut renewed = catalog(8);
        renewed
            .functions
            .push(Function { name: "newest".to_owned(), ..catalog(7).functions.remove(0) });
        questions.tell_catalog(renewed);
        let request = peer.call_in(0, 0);
        peer.give_from(&request, b"new", 8, 1);
    });
    let options = options(&[&fake]);
    call(&options, "once").unwrap();
    let error = call(&options, "newest").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::UnknownFunction { .. }), "{error:?}");
    published.board.publish();
    assert_eq!(call(&options, "newest").unwrap(), b"new");
    fake.finish();
}

#[test]
fn who_misses_a_function_is_told_what_the_worker_has_to_say() {
    let published = Published::new();
    let mut welcome = published.welcome();
    welcome.routing.notice = "the last change does not load".to_owned();
    let fake = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&welcome);
        let request = peer.call_in(0, 0);
        peer.give_from(&request, b"", 7, 1);
    });
    let options = options(&[&fake]);
    call(&options, "once").unwrap();
    let error = call(&options, "newest").unwrap_err();
    let told = error.message.split_once("newest()").map(|(_, told)| told);
    assert_eq!(told, Some("; the last change does not load"), "{error:?}");
    fake.finish();
}

#[test]
fn afar_an_answer_from_another_release_makes_the_client_ask() {
    let fake = Fake::start_afar(move |door| {
        let (mut peer, _) = door.welcome(&welcome());
        let request = peer.call_in(0, 0);
        peer.give_from(&request, b"old", 7, 1);
        let request = peer.call_in(0, 0);
        peer.give_from(&request, b"new", 8, 1);
        let mut questions = door.questions();
        questions.tell_routing(to(8, 1));
        questions.tell_catalog(catalog(8));
        for _ in 0..2 {
            let request = peer.call_in(0, 0);
            peer.give_from(&request, b"new", 8, 1);
        }
        // A function that no catalog here knows is sent all the same.
        let request = peer.call_in(0, 0);
        peer.give_from(&request, b"newer", 8, 1);
    });
    let options = options(&[&fake]);
    assert_eq!(call(&options, "once").unwrap(), b"old");
    for _ in 0..3 {
        assert_eq!(call(&options, "once").unwrap(), b"new");
    }
    assert_eq!(call(&options, "newest").unwrap(), b"newer");
    fake.finish();
}

#[test]
fn a_worker_whose_questions_are_full_tells_by_a_new_connection() {
    let published = Published::new();
    let welcome = published.welcome();
    let fake = Fake::start(move |door| {
        let (mut peer, _) = door.welcome(&welcome);
        let request = peer.call_in(7, 1);
        peer.give_from(&request, b"old", 7, 1);
        door.questions().hang_up();
        let fresh = Welcome {
            routing: to(8, 1),
            release: ReleaseId(8),
            catalog: Some(catalog(8)),
            catalog_hash: 8,
            ..welcome
        };
        let (mut fresh, hello) = door.welcome(&fresh);
        assert_eq!(hello.catalog_hash, 1);
        peer.until_closed();
        let request = fresh.call_in(8, 1);
        fresh.give_from(&request, b"new", 8, 1);
    });
    let options = Options { pin: Pin::Request, ..options(&[&fake]) };
    assert_eq!(call(&options, "once").unwrap(), b"old");
    published.board.publish();
    request_begins();
    assert_eq!(call(&options, "once").unwrap(), b"new");
    fake.finish();
}

#[test]
fn another_worker_that_is_behind_changes_nothing_for_new_requests() {
    let published = Published::new();
    let welcome = published.welcome();
    let behind = Fake::start_afar(|door| {
        let (mut peer, _) = door.welcome(&super::fake::welcome());
        let request = peer.call_in(8, 1);
        peer.fail(&request, &Failure::WrongRelease { current: ReleaseId(7) });
        let mut named = door.welcome_named(8);
        let request = named.call_in(8, 1);
        named.give_from(&request, b"there", 8, 1);
    });
    let here = Fake::start(move |door| {
        let ahead = Welcome {
            routing: to(8, 1),
            release: ReleaseId(8),
            catalog: Some(catalog(8)),
            ..welcome
        };
        let (mut peer, _) = door.welcome(&ahead);
        let request = peer.call_in(8, 1);
        peer.give_from(&request, b"here", 8, 1);
    });
    let local = Options { pin: Pin::Request, ..options(&[&here, &behind]) };
    let elsewhere = Options { affinity: Some(key_for(&behind, &here)), ..local.clone() };
    assert_eq!(call(&elsewhere, "once").unwrap(), b"there");
    crate::client::unpin();
    assert_eq!(call(&local, "once").unwrap(), b"here");
    here.finish();
    behind.finish();
}

/// A key of the first worker's.
fn key_for(wanted: &Fake, other: &Fake) -> Vec<u8> {
    let (wanted, other) = (wanted.address(), other.address());
    let is_first =
        |key: &Vec<u8>| protocol::rank([(wanted.as_str(), 1), (other.as_str(), 1)], key) == [0, 1];
    (0..u32::MAX).map(|key| key.to_le_bytes().to_vec()).find(is_first).unwrap()
}
