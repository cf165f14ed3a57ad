//! Archives that a deployer was given by somebody else.

use crate::raw_tar::{Raw, file, folder, link, pax, raw, tar};
use crate::raw_zip::{Member, deflated, of_mode, stored, zip, zip_after};
use crate::support::{Place, envelope, listing};
use archive::{Error, Fault, Limits, Source};

fn built(bytes: &[u8]) -> Result<Vec<String>, Fault> {
    let place = Place::new();
    place.write("file", bytes);
    match place.build_file("file") {
        Ok(built) => {
            place.receive(&envelope(&built)).unwrap();
            Ok(listing(&place.path("out")).into_iter().map(|(name, ..)| name).collect())
        }
        Err(Error::Refused(refusal)) => Err(refusal.fault),
        Err(other) => panic!("{other:?}"),
    }
}

fn of_tar(entries: &[Raw]) -> Fault {
    built(&tar(entries)).unwrap_err()
}

fn of_zip(members: &[Member]) -> Fault {
    built(&zip(members)).unwrap_err()
}

#[test]
fn a_tar_may_be_in_any_order_but_not_say_anything() {
    let in_any_order = tar(&[file("b/c"), folder("b"), file("a"), folder("./"), file("./d")]);
    assert_eq!(built(&in_any_order).unwrap(), ["a", "b", "b/c", "d"]);
    assert_eq!(of_tar(&[file("a"), file("./a")]), Fault::Duplicate);
    assert_eq!(of_tar(&[folder("a"), folder("a")]), Fault::Duplicate);
    assert_eq!(of_tar(&[file("a/b"), file("a")]), Fault::Duplicate);
    assert_eq!(of_tar(&[file("a"), file("a/b")]), Fault::ParentIsNoFolder { parent: "a".into() });
    let through = Fault::ParentIsNoFolder { parent: "a".into() };
    assert_eq!(of_tar(&[link("a", "."), file("a/b")]), through);
    assert_eq!(of_tar(&[file("../x")]), Fault::Parent);
    assert_eq!(of_tar(&[file("././x")]), Fault::Dot);
    assert_eq!(of_tar(&[file("/x")]), Fault::Absolute);
    assert_eq!(of_tar(&[link("a", "../x")]), Fault::LinkLeaves { target: "../x".into() });
    assert_eq!(of_tar(&[raw(b'1', "b", b"")]), Fault::HardLink);
    assert_eq!(of_tar(&[raw(b'3', "b", b"")]), Fault::Device);
    assert_eq!(of_tar(&[raw(b'6', "b", b"")]), Fault::Fifo);
    assert_eq!(of_tar(&[raw(b'S', "b", b"")]), Fault::Sparse);
    assert_eq!(of_tar(&[Raw { mode: 0o4755, ..file("b") }]), Fault::SpecialBits { mode: 0o4755 });
    assert_eq!(of_tar(&[pax("size", "1"), file("a")]), Fault::SizeOverride);
    assert_eq!(of_tar(&[pax("GNU.sparse.name", "1"), file("a")]), Fault::Sparse);
    let long = || raw(b'L', "././@LongLink", b"b\0");
    assert!(matches!(of_tar(&[long(), pax("path", "c"), file("a")]), Fault::Malformed(_)));
    assert!(matches!(of_tar(&[long(), long(), file("a")]), Fault::Malformed(_)));
    let global = Raw { kind: b'g', ..pax("comment", "c") };
    assert!(matches!(of_tar(&[long(), global, file("a")]), Fault::Malformed(_)));
}

#[test]
fn after_the_end_of_a_tar_there_is_nothing_but_zeros() {
    let whole = tar(&[file("a")]);
    assert_eq!(built(&[&whole[..], &[0; 8192]].concat()).unwrap(), ["a"]);
    let longer = [&whole[..], &[0; 100], b"x"].concat();
    assert_eq!(built(&longer).unwrap_err(), Fault::TrailingBytes);
    assert_eq!(built(&file("a").bytes()).unwrap_err(), Fault::Truncated);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let packed = gzip(&whole);
    assert_eq!(built(&packed).unwrap(), ["a"]);
    assert!(built(&[&packed[..], b"garbage after it"].concat()).is_err());
    assert!(built(&packed[..packed.len() - 4]).is_err());
    let mut damaged = packed.clone();
    let crc_at = packed.len() - 8;
    damaged[crc_at] ^= 1;
    assert_eq!(built(&damaged).unwrap_err(), Fault::Compression("gzip"));
    let bomb = gzip(&tar(&[raw(b'0', "a", &vec![0; 20 << 20])]));
    assert_eq!(built(&bomb).unwrap_err(), Fault::Bomb { max: 200 });
}

#[test]
fn a_zip_in_order_is_read() {
    let mut streamed = deflated("s", b"streamed");
    streamed = streamed.both(|head| head.flags = 8);
    let numbers = [streamed.central.crc, streamed.central.packed_bytes, streamed.central.bytes];
    streamed.descriptor = numbers.map(u32::to_le_bytes).concat();
    let streamed = streamed.local(|head| (head.crc, head.packed_bytes, head.bytes) = (0, 0, 0));
    let mut signed = streamed.clone().both(|head| head.name = b"t".to_vec());
    signed.descriptor.splice(0..0, *b"PK\x07\x08");
    let members = [
        stored("b/c", b"1"),
        deflated("a", b"22"),
        of_mode("l", 0o120_777, b"a"),
        of_mode("x", 0o100_755, b"run"),
        stored("b/", b""),
        streamed,
        signed,
    ];
    assert_eq!(built(&zip(&members)).unwrap(), ["a", "b", "b/c", "l", "s", "t", "x"]);
    assert_eq!(built(&zip(&[])).unwrap(), [""; 0]);
}

#[test]
fn a_zip_that_says_two_things_is_refused() {
    let disagree =
        |change: fn(&mut crate::raw_zip::Head)| of_zip(&[stored("a", b"abc").local(change)]);
    assert_eq!(disagree(|head| head.name = b"b".to_vec()), Fault::HeadersDisagree("name"));
    assert_eq!(disagree(|head| head.name = b"../b".to_vec()), Fault::HeadersDisagree("name"));
    assert_eq!(disagree(|head| head.method = 8), Fault::HeadersDisagree("method"));
    assert_eq!(disagree(|head| head.bytes = 4), Fault::HeadersDisagree("size"));
    assert_eq!(disagree(|head| head.packed_bytes = 4), Fault::HeadersDisagree("size"));
    assert_eq!(disagree(|head| head.crc ^= 1), Fault::HeadersDisagree("checksum"));
    assert_eq!(disagree(|head| head.flags = 2), Fault::HeadersDisagree("flags"));
    let second_name = [&b"\x75\x70\x08\x00\x01\0\0\0\0"[..], b"../"].concat();
    let second = |member: Member| of_zip(&[member]);
    let expected = Fault::HeadersDisagree("name");
    assert_eq!(second(stored("a", b"").both(|head| head.extra = second_name.clone())), expected);
    assert_eq!(second(stored("a", b"").local(|head| head.extra = second_name.clone())), expected);
    assert_eq!(of_zip(&[of_mode("a/", 0o100_644, b"")]), Fault::HeadersDisagree("kind"));
    assert_eq!(of_zip(&[of_mode("a", 0o040_755, b"")]), Fault::HeadersDisagree("kind"));
    let mut wrong = stored("a", b"abc").both(|head| head.flags = 8);
    wrong.descriptor = vec![0; 12];
    assert_eq!(of_zip(&[wrong]), Fault::Overlap);
}

#[test]
fn a_zip_consists_of_its_entries() {
    let two = || [stored("a", b"abc"), stored("b", b"abc")];
    assert_eq!(built(&zip(&two())).unwrap(), ["a", "b"]);
    let mut same = two();
    same[1].local_at = Some(0);
    same[1].central.name = b"a".to_vec();
    assert_eq!(of_zip(&same), Fault::Overlap);
    // The second header lies in the first one's content.
    let inner = zip(&[stored("b", b"abc")]);
    let mut quine = [stored("a", &inner[..34]), stored("b", b"abc")];
    quine[1].local_at = Some(31);
    assert_eq!(of_zip(&quine), Fault::Overlap);
    let larger = two().map(|member| {
        member.both(|head| {
            head.packed_bytes += 5;
            head.bytes += 5;
        })
    });
    assert_eq!(of_zip(&larger), Fault::Overlap);
    assert_eq!(built(&zip_after(b"", &two(), b"gap")).unwrap_err(), Fault::Overlap);
    let mut gap = two();
    gap[0].descriptor = b"gap".to_vec();
    assert_eq!(of_zip(&gap), Fault::Overlap);
    // Bytes before the first entry: a program that unpacks itself, or another archive.
    let prefixed = zip_after(b"PK\x03\x04#!/bin/sh", &two(), b"");
    assert_eq!(built(&prefixed).unwrap_err(), Fault::Overlap);
    let followed = [&zip(&two())[..], b"garbage"].concat();
    assert_eq!(built(&followed).unwrap_err(), Fault::TrailingBytes);
    let whole = zip(&two());
    assert_eq!(built(&whole[..whole.len() - 1]).unwrap_err(), Fault::Truncated);
    assert_eq!(built(&whole[..40]).unwrap_err(), Fault::Truncated);
    let mut fewer = whole.clone();
    let end = whole.len() - 22;
    (fewer[end + 8], fewer[end + 10]) = (1, 1);
    assert_eq!(built(&fewer).unwrap_err(), Fault::TrailingBytes);
    let mut volumes = whole.clone();
    volumes[end + 4] = 1;
    assert!(matches!(built(&volumes), Err(Fault::Malformed(_))));
}

#[test]
fn contents_of_a_zip_are_what_was_told() {
    assert_eq!(
        of_zip(&[stored("a", b"abc").both(|head| head.crc ^= 1)]),
        Fault::Checksum("an entry")
    );
    let claim = |bytes: u32| of_zip(&[deflated("a", b"abcdef").both(|head| head.bytes = bytes)]);
    assert_eq!(claim(5), Fault::TrailingBytes);
    assert_eq!(claim(7), Fault::Truncated);
    let mut behind = deflated("a", b"abcdef");
    behind.data.extend(b"more");
    let behind = behind.both(|head| head.packed_bytes += 4);
    assert_eq!(of_zip(&[behind]), Fault::TrailingBytes);
    let mut damaged = deflated("a", b"abcdef");
    damaged.data[0] = 0xff;
    assert_eq!(of_zip(&[damaged]), Fault::Compression("deflate"));
    let hidden = deflated("a/", b"in a folder").both(|head| head.bytes = 0);
    assert!(matches!(of_zip(&[hidden]), Fault::HeadersDisagree("size")));
    assert!(matches!(of_zip(&[stored("a/", b"x")]), Fault::Malformed(_)));
    for method in [1, 9, 14, 93, 99] {
        let other = stored("a", b"abc").both(|head| head.method = method);
        assert_eq!(of_zip(&[other]), Fault::Method(method));
    }
    for flags in [1, 1 << 6, 1 << 13] {
        let encrypted = stored("a", b"abc").both(|head| head.flags = flags);
        assert_eq!(of_zip(&[encrypted]), Fault::Encrypted);
    }
}

#[test]
fn zip64_and_bombs_are_refused() {
    let zip64 = |change: fn(&mut crate::raw_zip::Head)| of_zip(&[stored("a", b"abc").both(change)]);
    assert_eq!(zip64(|head| head.bytes = u32::MAX), Fault::Zip64);
    assert_eq!(zip64(|head| head.packed_bytes = u32::MAX), Fault::Zip64);
    assert_eq!(
        zip64(|head| head.extra = b"\x01\x00\x08\x00\0\0\0\0\x01\0\0\0".to_vec()),
        Fault::Zip64
    );
    let mut many = zip(&[]);
    many[8..12].fill(0xff);
    assert_eq!(built(&many).unwrap_err(), Fault::Zip64);
    let bomb = deflated("a", &vec![0; 20 << 20]);
    assert_eq!(of_zip(&[bomb]), Fault::Bomb { max: 200 });
    let promise = stored("a", b"abc").both(|head| head.bytes = 600 << 20);
    assert_eq!(of_zip(&[promise]), Fault::Bomb { max: 200 });
    let place = Place::new();
    place.write("file", zip(&[stored("a", b"1"), stored("b", b"2")]));
    let limits = Limits { entries_max: 1, ..Limits::default() };
    let built = place.build_within(&Source::File(place.path("file")), &limits);
    assert!(
        matches!(built, Err(Error::Refused(refusal)) if refusal.fault == Fault::TooManyEntries { max: 1 })
    );
}

#[test]
fn names_and_kinds_in_a_zip_are_those_of_a_release() {
    let named = |name: &[u8]| of_zip(&[stored(name, b"")]);
    assert_eq!(named(b"../x"), Fault::Parent);
    assert_eq!(named(b"/x"), Fault::Absolute);
    assert_eq!(named(b"a\\x"), Fault::Backslash);
    assert_eq!(named(b"a\0x"), Fault::Nul);
    assert_eq!(named(b"a\xffx"), Fault::NotUtf8);
    assert_eq!(named(b""), Fault::Empty);
    assert_eq!(of_zip(&[stored("a", b""), stored("a", b"")]), Fault::Duplicate);
    assert_eq!(
        of_zip(&[stored("a", b""), stored("A", b"")]),
        Fault::Collides { other: "a".into() }
    );
    let of_kind = |mode: u32| of_zip(&[of_mode("a", mode, b"")]);
    assert_eq!(of_kind(0o010_644), Fault::Fifo);
    assert_eq!(of_kind(0o020_644), Fault::Device);
    assert_eq!(of_kind(0o060_644), Fault::Device);
    assert_eq!(of_kind(0o140_644), Fault::Socket);
    assert_eq!(of_kind(0o104_755), Fault::SpecialBits { mode: 0o4755 });
    assert_eq!(of_kind(0o102_755), Fault::SpecialBits { mode: 0o2755 });
    let link = |target: &[u8]| of_zip(&[of_mode("a", 0o120_777, target)]);
    assert_eq!(link(b"../x"), Fault::LinkLeaves { target: "../x".into() });
    assert_eq!(link(b"/x"), Fault::LinkAbsolute { target: "/x".into() });
    assert!(matches!(link(&[b'x'; 2000]), Fault::PathTooLong { .. }));
}

/// A PHAR without signature: entries as name, flags, content as it is stored, its size and checksum.
fn phar(entries: &[(&str, u32, &[u8], u32, u32)], rest: &[u8]) -> Vec<u8> {
    let counted = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    let mut manifest = (entries.len() as u32).to_le_bytes().to_vec();
    manifest.extend(b"\x11\x10\0\0\0\0");
    manifest.extend(counted(b"alias.phar"));
    manifest.extend(counted(b"O:6:\"Gadget\":0:{}"));
    for (name, flags, content, bytes, crc) in entries {
        manifest.extend(counted(name.as_bytes()));
        for number in [*bytes, 0, content.len() as u32, *crc, *flags] {
            manifest.extend(number.to_le_bytes());
        }
        manifest.extend(counted(b"O:6:\"Gadget\":0:{}"));
    }
    let mut bytes = b"<?php echo 1; __HALT_COMPILER(); ?>\r\n".to_vec();
    bytes.extend(counted(&manifest));
    entries.iter().for_each(|(_, _, content, ..)| bytes.extend(*content));
    bytes.extend(rest);
    bytes
}

fn crc(content: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    crc.sum()
}

#[test]
fn a_phar_is_read_as_strictly_as_the_rest() {
    let sum = crc(b"abc");
    let good: (&str, u32, &[u8], u32, u32) = ("a", 0o644, b"abc", 3, sum);
    assert_eq!(built(&phar(&[good, ("b/", 0o777, b"", 0, 0)], b"")).unwrap(), ["a", "b"]);
    let of = |entry| built(&phar(&[entry], b"")).unwrap_err();
    assert_eq!(of(("../a", 0o644, b"abc", 3, sum)), Fault::Parent);
    assert_eq!(of(("/a", 0o644, b"abc", 3, sum)), Fault::Absolute);
    assert_eq!(of(("a\0b", 0o644, b"abc", 3, sum)), Fault::Nul);
    assert_eq!(of(("a", 0o644, b"abc", 3, sum ^ 1)), Fault::Checksum("an entry"));
    assert_eq!(of(("a", 0o644, b"abc", 4, sum)), Fault::Truncated);
    assert_eq!(of(("a", 0o644, b"abc", 2, sum)), Fault::TrailingBytes);
    assert_eq!(of(("a", 0x1000, b"\xff\xff", 3, sum)), Fault::Compression("deflate"));
    assert_eq!(of(("a", 0x2000, b"no bzip2", 3, sum)), Fault::Compression("bzip2"));
    assert!(matches!(of(("a", 0x3000, b"abc", 3, sum)), Fault::Malformed(_)));
    assert!(matches!(of(("a/", 0, b"abc", 3, sum)), Fault::Malformed(_)));
    assert_eq!(of(("a", 0, b"abc", 600 << 20, sum)), Fault::Bomb { max: 200 });
    assert_eq!(built(&phar(&[good, good], b"")).unwrap_err(), Fault::Duplicate);
    assert_eq!(built(&phar(&[good], b"more")).unwrap_err(), Fault::TrailingBytes);
    let whole = phar(&[good], b"");
    assert_eq!(built(&whole[..whole.len() - 1]).unwrap_err(), Fault::Truncated);
    assert!(built(&whole[..60]).is_err());
    let mut manifest = whole.clone();
    manifest[37..41].fill(0xff);
    assert!(matches!(built(&manifest), Err(Fault::Malformed(_))));
    // As many entries as never fit.
    let mut many = whole;
    many[41..45].fill(0xff);
    assert!(matches!(built(&many), Err(Fault::TooManyEntries { .. })));
}

#[test]
fn bzip2_in_a_phar_is_read() {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    std::io::Write::write_all(&mut encoder, b"abc").unwrap();
    let packed = encoder.finish().unwrap();
    let bytes = phar(&[("a", 0x2000 | 0o644, &packed, 3, crc(b"abc"))], b"");
    assert_eq!(built(&bytes).unwrap(), ["a"]);
}
