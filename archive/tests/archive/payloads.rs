//! Payloads by a deployer who can sign, and means harm: none is unpacked, and nothing is left.

use crate::raw_tar::{Raw, file, folder, link, pax, raw, sum, tar};
use crate::support::{Place, Refused, sealed};
use archive::{Error, Fault, Limits};

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn refused(entries: &[Raw]) -> Fault {
    Place::new().refusal_of(&zstd(&tar(entries)))
}

/// Refused for nothing but the id of its content, which these tests do not sign.
fn is_fine_otherwise(payload: &[u8]) -> bool {
    matches!(Place::new().receive(&sealed(payload)), Err(Refused::Within(Error::OtherContent)))
}

#[test]
fn a_payload_in_order_has_no_fault() {
    let long = "n".repeat(120);
    let mut executable = file("b/run");
    executable.mode = 0o755;
    let good = [
        file("a"),
        folder("b"),
        pax("path", &format!("b/{long}")),
        file(&format!("b/{long}").as_bytes()[..100]),
        executable,
        file("b-"),
        link("c", "b/run"),
    ];
    assert!(is_fine_otherwise(&zstd(&tar(&good))));
    assert!(is_fine_otherwise(&zstd(&tar(&[]))));
}

#[test]
fn what_is_no_zstd_is_refused() {
    let place = Place::new();
    assert_eq!(place.refusal_of(b"no zstd at all"), Fault::Compression("zstd"));
    assert_eq!(place.refusal_of(b""), Fault::Truncated);
    assert_eq!(place.refusal_of(&zstd(b"")), Fault::Truncated);
    // A window that only its own tool's --long asks for.
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(24).unwrap();
    std::io::Write::write_all(&mut encoder, &tar(&[raw(b'0', "a", &vec![7; 1 << 20])])).unwrap();
    assert_eq!(place.refusal_of(&encoder.finish().unwrap()), Fault::Compression("zstd"));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    assert_eq!(refused(&[file("/etc/cron.d/x")]), Fault::Absolute);
    assert_eq!(refused(&[file("../x")]), Fault::Parent);
    assert_eq!(refused(&[folder("a"), file("a/../../x")]), Fault::Parent);
    assert_eq!(refused(&[file("..")]), Fault::Parent);
    assert_eq!(refused(&[file("./x")]), Fault::Dot);
    assert_eq!(refused(&[folder(".")]), Fault::Dot);
    assert_eq!(refused(&[folder("a"), file("a//x")]), Fault::EmptyPart);
    assert_eq!(refused(&[file("")]), Fault::Empty);
    assert_eq!(refused(&[file("a\\..\\x")]), Fault::Backslash);
    assert_eq!(refused(&[pax("path", "a\0b"), file("a")]), Fault::Nul);
    assert_eq!(refused(&[file(b"a\xff")]), Fault::NotUtf8);
    assert_eq!(refused(&[file("a\u{1b}[2Jb")]), Fault::Control('\u{1b}'));
    assert_eq!(refused(&[file("invoice\u{202e}php.txt")]), Fault::Unseen('\u{202e}'));
    assert_eq!(refused(&[file("a\u{200b}")]), Fault::Unseen('\u{200b}'));
    assert_eq!(refused(&[file("\u{ff0e}\u{ff0e}")]), Fault::LookAlike);
    // A NUL ends the name, and whatever is behind it is not in our spelling.
    let mut hidden = file("a").bytes();
    hidden[2..7].copy_from_slice(b"/../x");
    sum(&mut hidden);
    hidden.resize(hidden.len() + 1024, 0);
    assert_eq!(Place::new().refusal_of(&zstd(&hidden)), Fault::NotCanonical);
}

#[test]
fn names_that_meet_another_one_are_refused() {
    assert_eq!(refused(&[file("a"), file("a")]), Fault::Duplicate);
    assert_eq!(refused(&[file("a"), folder("a")]), Fault::Duplicate);
    let collides = |one: &str, other: &str| {
        let expected = Fault::Collides { other: one.into() };
        assert_eq!(refused(&[file(one), file(other)]), expected, "{one} {other}");
    };
    collides("Index.php", "index.php");
    collides("cafe\u{301}", "caf\u{e9}");
    collides("K", "\u{212a}");
    collides("strasse", "stra\u{df}e");
    collides("a\u{30a}", "\u{e5}");
    collides("ab", "a\u{200d}b");
    let folders = [folder("A"), file("A/x"), folder("a"), file("a/y")];
    assert_eq!(refused(&folders), Fault::Collides { other: "A".into() });
}

#[test]
fn nothing_is_written_through_a_link() {
    let through = Fault::ParentIsNoFolder { parent: "a".into() };
    assert_eq!(refused(&[link("a", "b"), file("a/x")]), through);
    assert_eq!(
        refused(&[link("a", "/tmp"), file("a/x")]),
        Fault::LinkAbsolute { target: "/tmp".into() }
    );
    assert_eq!(refused(&[link("a", "b"), file("a")]), Fault::Duplicate);
    assert_eq!(refused(&[link("a", "b"), folder("a"), file("a/x")]), Fault::Duplicate);
    assert_eq!(refused(&[file("a"), file("a/x")]), through);
}

#[test]
fn links_that_leave_the_tree_are_refused() {
    let leaves = |target: &str| Fault::LinkLeaves { target: target.into() };
    assert_eq!(refused(&[link("a", "..")]), leaves(".."));
    assert_eq!(refused(&[link("a", "../out/a")]), leaves("../out/a"));
    assert_eq!(refused(&[folder("a"), link("a/b", "../../x")]), leaves("../../x"));
    // Each of them stays in the tree; one after the other they do not.
    let chain = [folder("a"), folder("a/b"), link("a/b/up", ".."), link("x", "a/b/up/../..")];
    assert_eq!(refused(&chain), leaves("a/b/up/../.."));
    assert!(matches!(refused(&[link("a", "b"), link("b", "a")]), Fault::LinkLoops { .. }));
    assert_eq!(refused(&[link("a", "")]), Fault::Empty);
    assert_eq!(refused(&[link("a", "b\nc")]), Fault::Control('\n'));
}

#[test]
fn only_files_folders_and_links_are_unpacked() {
    let of_kind = |kind: u8| refused(&[raw(kind, "a", b"")]);
    assert_eq!(
        refused(&[file("a"), Raw { link: b"a".to_vec(), ..raw(b'1', "b", b"") }]),
        Fault::HardLink
    );
    assert_eq!(of_kind(b'3'), Fault::Device);
    assert_eq!(of_kind(b'4'), Fault::Device);
    assert_eq!(of_kind(b'6'), Fault::Fifo);
    assert_eq!(of_kind(b'S'), Fault::Sparse);
    for kind in [b'7', b'8', b'A', b'D', b'M', b'N', b'V', b'X', 0xff] {
        assert_eq!(of_kind(kind), Fault::UnknownKind(kind));
    }
    assert_eq!(of_kind(0), Fault::NotCanonical);
}

#[test]
fn modes_are_two_and_none_is_special() {
    for special in [0o4755, 0o2755, 0o1777, 0o6644] {
        let setid = Raw { mode: special, ..file("a") };
        assert_eq!(refused(&[setid]), Fault::SpecialBits { mode: special });
        let on_folder = Raw { mode: special, ..folder("a") };
        assert_eq!(refused(&[on_folder]), Fault::SpecialBits { mode: special });
    }
    assert_eq!(refused(&[Raw { mode: 0o777, ..file("a") }]), Fault::NotCanonical);
    assert_eq!(refused(&[Raw { mode: 0o700, ..folder("a") }]), Fault::NotCanonical);
}

#[test]
fn extended_headers_say_long_names_and_nothing_else() {
    assert_eq!(refused(&[pax("size", "1"), file("a")]), Fault::SizeOverride);
    assert_eq!(refused(&[pax("GNU.sparse.major", "1"), file("a")]), Fault::Sparse);
    let unknown = Fault::Record { key: "VENDOR.x".into() };
    assert_eq!(refused(&[pax("VENDOR.x", "1"), file("a")]), unknown);
    assert_eq!(refused(&[pax("mtime", "1"), file("a")]), Fault::NotCanonical);
    assert_eq!(refused(&[pax("path", "short"), file("short")]), Fault::NotCanonical);
    assert_eq!(refused(&[pax("path", "../../x"), file("a")]), Fault::Parent);
    assert_eq!(refused(&[pax("linkpath", "../x"), link("a", "b")]), Fault::NotCanonical);
    let gnu = raw(b'L', "././@LongLink", &[b"b".repeat(120), vec![0]].concat());
    assert_eq!(refused(&[gnu, file("b".repeat(100))]), Fault::NotCanonical);
    let global = Raw { kind: b'g', ..pax("path", "b") };
    assert_eq!(refused(&[global, file("a")]), Fault::Record { key: "path".into() });
    let comment = Raw { kind: b'g', ..pax("comment", "b") };
    assert_eq!(refused(&[comment, file("a")]), Fault::NotCanonical);
    let twice = [pax("path", "a"), pax("path", "b"), file("a")];
    assert!(matches!(refused(&twice), Fault::Malformed(_)));
    let endless = Raw { bytes: Some(1 << 20), ..pax("path", "a") };
    assert!(matches!(refused(&[endless, file("a")]), Fault::Malformed(_)));
    let malformed = raw(b'x', "long", b"7 path");
    assert!(matches!(refused(&[malformed, file("a")]), Fault::Malformed(_)));
    assert_eq!(refused(&[pax("path", "a")]), Fault::Truncated);
    let many: Vec<Raw> = (0..300).map(|_| pax("comment", "x")).collect();
    assert!(matches!(refused(&many), Fault::Malformed(_)));
}

#[test]
fn a_tar_is_spelled_in_one_way() {
    let spelled = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = tar(&[file("a")]);
        change(&mut bytes);
        sum(&mut bytes[..512]);
        Place::new().refusal_of(&zstd(&bytes))
    };
    assert_eq!(spelled(&|bytes| bytes[115] = b'0'), Fault::NotCanonical); // owner
    assert_eq!(spelled(&|bytes| bytes[146] = b'1'), Fault::NotCanonical); // time
    assert_eq!(spelled(&|bytes| bytes[265] = b'x'), Fault::NotCanonical); // owner's name
    assert_eq!(spelled(&|bytes| bytes[505] = 1), Fault::NotCanonical); // unused
    assert_eq!(spelled(&|bytes| bytes[345] = b'p'), Fault::NotCanonical); // prefix
    assert_eq!(
        spelled(&|bytes| bytes[257..265].copy_from_slice(b"ustar  \0")),
        Fault::NotCanonical
    );
    assert!(matches!(spelled(&|bytes| bytes[257] = b'x'), Fault::Malformed(_)));
    assert!(matches!(spelled(&|bytes| bytes[124] = 0x80), Fault::Malformed(_))); // binary size
    assert!(matches!(spelled(&|bytes| bytes[130] = b'9'), Fault::Malformed(_)));
    assert!(matches!(spelled(&|bytes| bytes[600] = 1), Fault::Malformed(_))); // padding
    assert_eq!(refused(&[file("b"), file("a")]), Fault::NotCanonical);
    assert_eq!(refused(&[file("a-"), folder("a")]), Fault::NotCanonical);
    assert_eq!(refused(&[file("a/b")]), Fault::NotCanonical);
    assert_eq!(refused(&[folder("a"), file("b"), file("c/d")]), Fault::NotCanonical);
    let with_content = Raw { content: b"x".to_vec(), ..folder("a") };
    assert!(matches!(refused(&[with_content]), Fault::Malformed(_)));
    let mut wrong_sum = tar(&[file("a")]);
    wrong_sum[0] = b'b';
    assert_eq!(Place::new().refusal_of(&zstd(&wrong_sum)), Fault::Checksum("a tar header"));
}

#[test]
fn nothing_is_missing_at_the_end_and_nothing_follows() {
    let place = Place::new();
    let whole = tar(&[file("a")]);
    for length in [511, 512, 515, 1024, 1536, 2047] {
        assert_eq!(place.refusal_of(&zstd(&whole[..length])), Fault::Truncated, "{length}");
    }
    let longer = |rest: &[u8]| place.refusal_of(&zstd(&[&whole[..], rest].concat()));
    assert_eq!(longer(&[0; 512]), Fault::TrailingBytes);
    assert_eq!(longer(b"x"), Fault::TrailingBytes);
    assert_eq!(longer(&file("b").bytes()), Fault::TrailingBytes);
    let mut one_block = file("a").bytes();
    one_block.extend([0; 512]);
    one_block.extend(file("b").bytes());
    assert_eq!(place.refusal_of(&zstd(&one_block)), Fault::TrailingBytes);
    let after = |rest: &[u8]| place.refusal_of(&[&zstd(&whole)[..], rest].concat());
    assert_eq!(after(b"x"), Fault::TrailingBytes);
    assert_eq!(after(&zstd(b"")), Fault::TrailingBytes);
    assert_eq!(after(b"\x50\x2a\x4d\x18\x00\x00\x00\x00"), Fault::TrailingBytes); // skippable
}

#[test]
fn a_worker_keeps_to_its_own_limits() {
    let within = |entries: &[Raw], limits: &Limits| {
        let payload = zstd(&tar(entries));
        match Place::new().receive_within(&sealed(&payload), limits) {
            Err(Refused::Within(Error::Refused(refusal))) => refusal.fault,
            other => panic!("{other:?}"),
        }
    };
    let limits = Limits::default;
    let few = Limits { entries_max: 1, ..limits() };
    assert_eq!(within(&[file("a"), file("b")], &few), Fault::TooManyEntries { max: 1 });
    let one_link = Limits { links_max: 1, ..limits() };
    let links = [link("a", "x"), link("b", "x")];
    assert_eq!(within(&links, &one_link), Fault::TooManyLinks { max: 1 });
    let small = Limits { file_bytes_max: 6, ..limits() };
    assert_eq!(within(&[file("a")], &small), Fault::FileTooLarge { bytes: 7, max: 6 });
    let little = Limits { bytes_max: 13, ..limits() };
    assert_eq!(within(&[file("a"), file("b")], &little), Fault::TooManyBytes { max: 13 });
    let short = Limits { path_bytes_max: 3, ..limits() };
    assert_eq!(within(&[file("abcd")], &short), Fault::PathTooLong { bytes: 4, max: 3 });
    let flat = Limits { depth_max: 1, ..limits() };
    assert_eq!(within(&[folder("a"), file("a/b")], &flat), Fault::TooDeep { depth: 2, max: 1 });
    let packed = Limits { archive_bytes_max: 10, ..limits() };
    let refused = within(&[file("a")], &packed);
    assert!(matches!(refused, Fault::ArchiveTooLarge { max: 10, .. }), "{refused:?}");
    // The size is said, and no disk is filled with what is not there.
    let empty_promise = Raw { bytes: Some(8 << 30), ..file("a") };
    assert!(matches!(within(&[empty_promise], &limits()), Fault::FileTooLarge { .. }));
}

#[test]
fn bombs_are_stopped_on_the_way() {
    let zeros = raw(b'0', "a", &vec![0; 20 << 20]);
    assert_eq!(refused(&[zeros]), Fault::Bomb { max: 200 });
}
