//! Headers and whole frames.

use crate::samples;
use proptest::prelude::*;
use protocol::{BadFrame, EncodeBody, HEADER_BYTES, Header, Kind};

proptest! {
    #[test]
    fn a_header_comes_back_as_it_was_written(header in samples::header()) {
        prop_assert_eq!(Header::parse(&header.to_bytes(), u32::MAX), Ok(Some(header)));
    }

    #[test]
    fn what_follows_a_header_does_not_matter(header in samples::header(), rest: Vec<u8>) {
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend(rest);
        prop_assert_eq!(Header::parse(&bytes, u32::MAX), Ok(Some(header)));
    }

    #[test]
    fn every_truncation_is_incomplete(header in samples::header(), kept in 0..HEADER_BYTES) {
        prop_assert_eq!(Header::parse(&header.to_bytes()[..kept], u32::MAX), Ok(None));
    }

    #[test]
    fn a_length_over_the_limit_is_refused(header in samples::header(), limit: u32) {
        let parsed = Header::parse(&header.to_bytes(), limit);
        if header.length > limit {
            prop_assert_eq!(parsed, Err(BadFrame::TooLarge { length: header.length, limit }));
        } else {
            prop_assert_eq!(parsed, Ok(Some(header)));
        }
    }

    /// Every bit means something: flipped, the header is refused, or is another one.
    #[test]
    fn every_flipped_bit_is_noticed(header in samples::header(), bit in 0..HEADER_BYTES * 8) {
        let mut bytes = header.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match Header::parse(&bytes, u32::MAX) {
            Ok(parsed) => {
                let parsed = parsed.expect("the header is complete");
                prop_assert_ne!(parsed, header);
                prop_assert_eq!(parsed.to_bytes(), bytes);
            }
            Err(error) => prop_assert!(matches!(
                error,
                BadFrame::UnknownKind(_) | BadFrame::UnknownFlags(_)
            )),
        }
    }

    #[test]
    fn frames_follow_one_another_in_one_buffer(bodies in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let mut buffer = Vec::new();
        for (request_id, body) in (0..).zip(&bodies) {
            let header = Header::new(Kind::Call, request_id);
            let put = |out: &mut Vec<u8>| {
                out.extend_from_slice(body);
                Ok::<_, ()>(())
            };
            buffer.put_frame(header, put).unwrap();
        }
        let mut rest = buffer.as_slice();
        for (request_id, body) in (0..).zip(&bodies) {
            let header = Header::parse(rest, u32::MAX).unwrap().unwrap();
            prop_assert_eq!(header.request_id, request_id);
            prop_assert_eq!(&rest[HEADER_BYTES..header.frame_bytes()], body.as_slice());
            rest = &rest[header.frame_bytes()..];
        }
        prop_assert!(rest.is_empty());
    }
}

#[test]
fn a_body_that_cannot_be_written_leaves_the_buffer_as_it_was() {
    let mut buffer = b"before".to_vec();
    let result = buffer.put_frame(Header::new(Kind::Return, 1), |out| {
        out.extend_from_slice(b"half a value");
        Err("closure")
    });
    assert_eq!(result, Err("closure"));
    assert_eq!(buffer, b"before");
}
