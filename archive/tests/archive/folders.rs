//! Folders: what becomes of their files on the other side, and what has no way there.

use crate::support::{NOW_MS, Place, envelope, listing, policy, trusted};
use archive::{Error, Fault, Limits, Source, Unpacking, identify, remove_release, verify};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn fault(result: Result<archive::Built, Error>) -> (Option<String>, Fault) {
    match result {
        Err(Error::Refused(refusal)) => (refusal.path, refusal.fault),
        other => panic!("expected a refusal: {other:?}"),
    }
}

#[test]
fn what_is_unpacked_is_what_was_built_and_has_its_id() {
    let place = Place::new();
    let root = place.shop();
    let built = place.build(&Source::Folder(root.clone())).unwrap();
    let totals = place.receive(&envelope(&built)).unwrap();
    assert_eq!(totals, built.totals());
    assert_eq!((totals.entries, totals.links), (16, 2));
    assert_eq!(listing(&place.path("out")), listing(&root));
    assert_eq!(identify(&root).unwrap(), built.content());
    assert_eq!(identify(&place.path("out")).unwrap(), built.content());
    assert_eq!(built.release(), identify(&root).unwrap().release());
}

#[test]
fn the_same_files_give_the_same_bytes_whenever_and_by_whom_they_were_written() {
    let (one, other) = (Place::new(), Place::new());
    let bytes = [&one, &other].map(|place| {
        let root = place.shop();
        std::fs::set_permissions(root.join("shop.php"), PermissionsExt::from_mode(0o600)).unwrap();
        envelope(&place.build(&Source::Folder(root)).unwrap())
    });
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn the_id_follows_names_kinds_executable_bits_and_contents_and_nothing_else() {
    let place = Place::new();
    let file = place.write("a.php", "one");
    let root = file.parent().unwrap();
    let mut seen = vec![identify(root).unwrap()];
    place.write(".git/HEAD", "ref");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    assert_eq!(identify(root).unwrap(), seen[0]);
    let mut differs = |what: &str| {
        let id = identify(root).unwrap();
        assert!(!seen.contains(&id), "{what}");
        seen.push(id);
    };
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    differs("executable");
    place.write("a.php", "two");
    differs("content");
    std::fs::rename(&file, place.path("b.php")).unwrap();
    differs("name");
    place.link("a.php", "b.php");
    differs("a link more");
    std::fs::remove_file(place.path("a.php")).unwrap();
    std::fs::create_dir(place.path("a.php")).unwrap();
    differs("an empty folder more");
}

#[test]
fn a_folder_that_is_served_has_an_id_whatever_lies_in_it() {
    let place = Place::new();
    place.write("a.php", "one");
    place.link("self", ".");
    place.link("out", "/etc");
    let before = identify(&place.path("")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("app.sock")).unwrap();
    assert_eq!(identify(&place.path("")).unwrap(), before);
}

#[test]
fn what_the_ignore_file_lists_is_no_part_of_the_release() {
    let place = Place::new();
    place.write("app/shop.php", "<?php");
    place.write("app/.appserverignore", "# tests\n/tests/\n*.log\n!keep.log\nvar/*\n");
    let list = ["tests/ShopTest.php", "a.log", "src/b.log", "var/x", ".svn/entries", "src/.hg/x"];
    for name in list {
        place.write(&format!("app/{name}"), "ignored");
    }
    place.write("app/src/tests/Fixture.php", "kept: the pattern begins with a slash");
    place.write("app/keep.log", "kept");
    let built = place.build(&Source::Folder(place.path("app"))).unwrap();
    place.receive(&envelope(&built)).unwrap();
    let names: Vec<String> =
        listing(&place.path("out")).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(
        names,
        [
            ".appserverignore",
            "keep.log",
            "shop.php",
            "src",
            "src/tests",
            "src/tests/Fixture.php",
            "var"
        ]
    );
    assert_eq!(identify(&place.path("app")).unwrap(), identify(&place.path("out")).unwrap());
}

#[test]
fn a_wrong_line_of_the_ignore_file_is_named() {
    let place = Place::new();
    place.write(".appserverignore", "ok\n[z-a]\n");
    let error = identify(&place.path("")).unwrap_err();
    assert!(matches!(error, Error::IgnoreFile { line: 2, .. }), "{error}");
    place.write(".appserverignore", "a\n".repeat(40_000));
    assert!(matches!(identify(&place.path("")), Err(Error::IgnoreFileTooLarge { .. })));
}

#[test]
fn a_deployer_hears_what_a_worker_would_refuse_and_where() {
    let build = |make: &dyn Fn(&Place), limits: Limits| {
        let place = Place::new();
        place.write("app/a", "aaaa");
        make(&place);
        fault(place.build_within(&Source::Folder(place.path("app")), &limits))
    };
    let expect = |make: &dyn Fn(&Place), limits: Limits, path: &str, expected: Fault| {
        assert_eq!(build(make, limits), (Some(path.to_owned()), expected));
    };
    let limits = Limits::default;
    expect(
        &|p| p.link("app/l", "../b"),
        limits(),
        "l",
        Fault::LinkLeaves { target: "../b".into() },
    );
    expect(&|p| p.link("app/l", "/b"), limits(), "l", Fault::LinkAbsolute { target: "/b".into() });
    expect(&|p| drop(p.write("app/b\\c", "")), limits(), "b\\\\c", Fault::Backslash);
    expect(&|p| drop(p.write("app/A", "")), limits(), "a", Fault::Collides { other: "A".into() });
    expect(
        &|p| {
            p.write("app/s", "");
            std::fs::set_permissions(p.path("app/s"), PermissionsExt::from_mode(0o4755)).unwrap();
        },
        limits(),
        "s",
        Fault::SpecialBits { mode: 0o4755 },
    );
    expect(
        &|p| drop(std::os::unix::net::UnixListener::bind(p.path("app/s")).unwrap()),
        limits(),
        "s",
        Fault::Socket,
    );
    expect(
        &|p| {
            let made = std::process::Command::new("mkfifo").arg(p.path("app/p")).status().unwrap();
            assert!(made.success());
        },
        limits(),
        "p",
        Fault::Fifo,
    );
    let few = Limits { entries_max: 2, ..limits() };
    expect(&|p| drop(p.write("app/x/y", "")), few, "x/y", Fault::TooManyEntries { max: 2 });
    let small = Limits { file_bytes_max: 3, ..limits() };
    expect(&|_| {}, small, "a", Fault::FileTooLarge { bytes: 4, max: 3 });
    let little = Limits { bytes_max: 7, ..limits() };
    expect(&|p| drop(p.write("app/b", "bbbb")), little, "b", Fault::TooManyBytes { max: 7 });
    let flat = Limits { depth_max: 1, ..limits() };
    expect(&|p| drop(p.write("app/b/c", "")), flat, "b/c", Fault::TooDeep { depth: 2, max: 1 });
    let unlinked = Limits { links_max: 0, ..limits() };
    expect(&|p| p.link("app/l", "a"), unlinked, "l", Fault::TooManyLinks { max: 0 });
}

#[test]
fn a_bomb_is_found_where_it_is_built() {
    let place = Place::new();
    std::fs::create_dir(place.path("app")).unwrap();
    let file = std::fs::File::create(place.path("app/zeros")).unwrap();
    file.set_len(20 << 20).unwrap();
    let (_, found) = fault(place.build(&Source::Folder(place.path("app"))));
    assert_eq!(found, Fault::Bomb { max: 200 });
}

#[test]
fn a_folder_that_is_there_already_is_left_alone() {
    let place = Place::new();
    let built = place.build(&Source::Folder(place.shop())).unwrap();
    let bytes = envelope(&built);
    place.write("out/mine", "mine");
    let verified = verify(&bytes[..], trusted(), &policy(), NOW_MS).unwrap();
    let how = Unpacking { durable: false, read_only: false };
    let error = verified.unpack(&place.path("out"), &Limits::default(), how).unwrap_err();
    assert!(matches!(error, Error::FolderExists(_)));
    assert_eq!(std::fs::read(place.path("out/mine")).unwrap(), b"mine");
}

#[test]
fn a_release_can_be_for_reading_only_and_can_be_removed_all_the_same() {
    let place = Place::new();
    let built = place.build(&Source::Folder(place.shop())).unwrap();
    let bytes = envelope(&built);
    let verified = verify(&bytes[..], trusted(), &policy(), NOW_MS).unwrap();
    let how = Unpacking { durable: true, read_only: true };
    verified.unpack(&place.path("out"), &Limits::default(), how).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&place.path("out")), 0o555);
    assert_eq!(mode(&place.path("out/src")), 0o555);
    assert_eq!(mode(&place.path("out/shop.php")), 0o444);
    assert_eq!(mode(&place.path("out/bin/console")), 0o555);
    assert_eq!(identify(&place.path("out")).unwrap(), built.content());
    remove_release(&place.path("out")).unwrap();
    assert!(!place.path("out").exists());
}
