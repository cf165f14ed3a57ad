//! The first eight bytes of a connection.

use protocol::{BadFrame, PREFACE, PREFACE_BYTES, check_preface};

#[test]
fn our_own_preface_is_accepted() {
    assert_eq!(check_preface(PREFACE), Ok(()));
}

#[test]
fn every_flipped_bit_of_the_preface_is_refused_for_its_own_reason() {
    for bit in 0..PREFACE_BYTES * 8 {
        let mut bytes = PREFACE;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let error = check_preface(bytes).unwrap_err();
        match bit / 8 {
            0..4 => assert_eq!(error, BadFrame::NotAppserver),
            4..6 => assert!(matches!(error, BadFrame::Version { ours: 1, .. }), "{error}"),
            _ => assert_eq!(error, BadFrame::ReservedNotZero),
        }
    }
}

#[test]
fn other_protocols_are_told_apart_from_other_versions() {
    for stranger in [b"GET / HT", b"\x16\x03\x01\x02\x00\x01\x00\x01", &[0; 8], &[255; 8]] {
        assert_eq!(check_preface(*stranger), Err(BadFrame::NotAppserver));
    }
    let later = *b"APSV\x02\x01\x00\x00";
    assert_eq!(check_preface(later), Err(BadFrame::Version { ours: 1, theirs: 258 }));
}
