//! The head of a call's body.

use proptest::prelude::*;
use protocol::{BadFrame, CallHead, FUNCTION_NAME_BYTES_MAX};

const MALFORMED: BadFrame = BadFrame::Malformed { what: "function name of a call" };

proptest! {
    #[test]
    fn a_head_comes_back_with_the_arguments(function in ".{1,200}", arguments: Vec<u8>) {
        let mut body = Vec::new();
        CallHead { function: &function }.put(&mut body);
        body.extend_from_slice(&arguments);
        let (head, rest) = CallHead::parse(&body).unwrap();
        prop_assert_eq!(head.function, function);
        prop_assert_eq!(rest, arguments);
    }

    #[test]
    fn every_truncation_of_a_head_is_refused(function in ".{1,50}", cut: prop::sample::Index) {
        let mut body = Vec::new();
        CallHead { function: &function }.put(&mut body);
        body.truncate(cut.index(body.len()));
        prop_assert_eq!(CallHead::parse(&body), Err(MALFORMED));
    }

    #[test]
    fn any_bytes_are_a_head_or_refused(body: Vec<u8>) {
        if let Ok((head, rest)) = CallHead::parse(&body) {
            prop_assert_eq!(2 + head.function.len() + rest.len(), body.len());
        }
    }
}

#[test]
fn names_have_a_length_within_bounds_and_are_utf_8() {
    let longest = "f".repeat(FUNCTION_NAME_BYTES_MAX);
    let mut body = Vec::new();
    CallHead { function: &longest }.put(&mut body);
    assert_eq!(CallHead::parse(&body).unwrap().0.function, longest);

    let too_long = "f".repeat(FUNCTION_NAME_BYTES_MAX + 1);
    let mut body = Vec::new();
    CallHead { function: &too_long }.put(&mut body);
    assert_eq!(CallHead::parse(&body), Err(MALFORMED));

    assert_eq!(CallHead::parse(b"\x00\x00rest"), Err(MALFORMED));
    assert_eq!(CallHead::parse(b"\x02\x00\xff\xfe"), Err(MALFORMED));
}
