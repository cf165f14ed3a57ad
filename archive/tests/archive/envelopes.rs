//! Envelopes: whose are accepted, and that nothing about them can be changed.

use crate::support::{
    NOW_MS, PLAIN, Place, Refused, app, envelope, key, label, policy, sealed, trusted,
};
use archive::{
    Accepted, ContentId, DeployKey, Error, Fault, Header, Label, Limits, Policy, Rejected, Source,
    TrustedKeys, verify,
};

fn header(number: u64) -> Header {
    Header {
        app: app("shop"),
        number,
        content: ContentId::from_bytes([1; 32]),
        payload_bytes: 100,
        payload_hash: [2; 32],
        signed_at_ms: NOW_MS,
        deployer: "alice@desk".into(),
        note: String::new(),
    }
}

#[test]
fn a_verified_envelope_says_who_signed_what() {
    let place = Place::new();
    let built = place.build(&Source::Folder(place.shop())).unwrap();
    let mut bytes = Vec::new();
    let said = built.seal(label(3), &key(), &mut bytes).unwrap();
    let verified = verify(&bytes[..], trusted(), &policy(), NOW_MS).unwrap();
    assert_eq!(verified.header(), &said);
    assert_eq!((said.number, said.content), (3, built.content()));
    assert_eq!((&*said.deployer, &*said.note), ("alice@desk", "first"));
    assert_eq!(verified.signer().comment(), "alice");
    assert_eq!(verified.signer().id(), key().public("").id());
}

#[test]
fn only_trusted_keys_count() {
    let place = Place::new();
    let built = place.build(&Source::Folder(place.shop())).unwrap();
    let stranger = DeployKey::from_seed(&[8; 32]);
    let mut bytes = Vec::new();
    built.seal(label(1), &stranger, &mut bytes).unwrap();
    let rejected = verify(&bytes[..], trusted(), &policy(), NOW_MS).unwrap_err();
    assert!(matches!(rejected, Rejected::UnknownKey(id) if id == stranger.public("").id()));
    let none = TrustedKeys::default();
    assert!(matches!(verify(&bytes[..], &none, &policy(), NOW_MS), Err(Rejected::UnknownKey(_))));
    let both = TrustedKeys::new(vec![key().public(""), stranger.public("bob")]);
    assert!(verify(&bytes[..], &both, &policy(), NOW_MS).is_ok());
}

#[test]
fn each_truncation_is_refused_and_leaves_nothing() {
    let place = Place::new();
    place.write("app/a.php", "<?php echo 1;");
    place.write("app/b/c.php", "<?php echo 2;");
    let built = place.build(&Source::Folder(place.path("app"))).unwrap();
    let bytes = envelope(&built);
    for length in 0..bytes.len() {
        match place.receive(&bytes[..length]) {
            Err(Refused::Before(Rejected::Truncated)) => {}
            Err(Refused::Within(Error::Refused(refusal))) => {
                assert_eq!(refusal.fault, Fault::Truncated, "{length}");
            }
            other => panic!("{length} of {} bytes: {other:?}", bytes.len()),
        }
    }
    let longer = [&bytes[..], b"\0"].concat();
    match place.receive(&longer) {
        Err(Refused::Within(Error::Refused(refusal))) => {
            assert_eq!(refusal.fault, Fault::TrailingBytes);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_flipped_bit_is_refused_and_leaves_nothing() {
    let place = Place::new();
    place.write("app/a.php", "<?php echo 1;");
    place.write("app/b/c.php", "<?php echo 2;");
    let built = place.build(&Source::Folder(place.path("app"))).unwrap();
    let mut bytes = envelope(&built);
    let payload_at = bytes.len() as u64 - built.payload_bytes();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let in_payload = (bit / 8) as u64 >= payload_at;
        match place.receive(&bytes) {
            Err(Refused::Within(Error::PayloadAltered)) if in_payload => {}
            Err(Refused::Before(_)) if !in_payload => {}
            other => panic!("bit {bit}: {other:?}"),
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(place.receive(&bytes).is_ok());
}

#[test]
fn what_is_no_envelope_is_told_as_such() {
    let verify = |bytes: &[u8]| verify(bytes, trusted(), &policy(), NOW_MS).unwrap_err();
    assert!(matches!(verify(b"<?php echo 'not a release';"), Rejected::NotAnEnvelope));
    let mut newer = sealed(b"");
    newer[8] = 2;
    assert!(matches!(verify(&newer), Rejected::UnknownVersion { version: 2 }));
    let mut longer = sealed(b"");
    longer[11] = 0xff;
    assert!(matches!(verify(&longer), Rejected::HeaderTooLong { .. }));
}

#[test]
fn the_payload_must_be_the_release_that_was_signed() {
    let place = Place::new();
    let built = place.build(&Source::Folder(place.shop())).unwrap();
    let bytes = envelope(&built);
    let payload = &bytes[bytes.len() - built.payload_bytes() as usize..];
    // Signed by a trusted key, but with the id of other files.
    match place.receive(&sealed(payload)) {
        Err(Refused::Within(Error::OtherContent)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers_only_grow() {
    let highest = Accepted { number: 7, content: ContentId::from_bytes([1; 32]) };
    let policy = Policy { highest: Some(highest), ..policy() };
    let judge = |header: Header| policy.judge(&header, NOW_MS);
    assert!(judge(header(8)).is_ok());
    assert!(matches!(judge(header(7)), Err(Rejected::AlreadyHere { number: 7 })));
    let other = Header { content: ContentId::from_bytes([9; 32]), ..header(7) };
    assert!(matches!(judge(other), Err(Rejected::Replayed { number: 7, highest: 7 })));
    let older = judge(header(6)).unwrap_err();
    assert!(matches!(older, Rejected::Older { number: 6, highest: 7 }));
    assert!(older.to_string().contains('6') && older.to_string().contains('7'));
}

#[test]
fn the_application_the_time_and_the_size_must_fit() {
    let judge = |header: &Header, now_ms| policy().judge(header, now_ms);
    let blog = Header { app: app("blog"), ..header(1) };
    assert!(matches!(judge(&blog, NOW_MS), Err(Rejected::OtherApp { .. })));
    assert!(judge(&header(1), NOW_MS + 60_000).is_ok());
    let old = judge(&header(1), NOW_MS + 60_001);
    assert!(matches!(old, Err(Rejected::TooOld { age_ms: 60_001, max_ms: 60_000 })));
    assert!(judge(&header(1), NOW_MS - 5_000).is_ok());
    let early = judge(&header(1), NOW_MS - 5_001);
    assert!(matches!(early, Err(Rejected::FromTheFuture { ahead_ms: 5_001, max_ms: 5_000 })));
    let large = Header { payload_bytes: (1 << 30) + 1, ..header(1) };
    assert!(matches!(judge(&large, NOW_MS), Err(Rejected::PayloadTooLarge { .. })));
}

#[test]
fn an_envelope_says_nothing_that_a_log_could_not_hold() {
    let place = Place::new();
    let built = place.build(&Source::Folder(place.shop())).unwrap();
    let wrong = [
        Label { app: app(""), ..label(1) },
        label(0),
        Label { deployer: "a\nb".into(), ..label(1) },
        Label { deployer: "a".repeat(257), ..label(1) },
        Label { note: "a".repeat(4097), ..label(1) },
    ];
    for label in wrong {
        let sealed = built.seal(label.clone(), &key(), &mut Vec::new());
        assert!(matches!(sealed, Err(Error::Label(_))), "{label:?}");
    }
    let most = Label { deployer: "a".repeat(256), note: "n".repeat(4096), ..label(u64::MAX) };
    let mut bytes = Vec::new();
    built.seal(most, &key(), &mut bytes).unwrap();
    let verified = verify(&bytes[..], trusted(), &policy(), NOW_MS).unwrap();
    assert!(verified.unpack(&place.path("out"), &Limits::default(), PLAIN).is_ok());
}
