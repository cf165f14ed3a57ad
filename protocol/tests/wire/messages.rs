//! Every message comes back as it was sent.

use crate::samples;
use proptest::prelude::*;
use protocol::{body_from_slice, body_to_vec};

/// One test for each message: what its strategy makes survives the way to bytes and back.
macro_rules! round_trips {
    ($($name:ident),* $(,)?) => {
        $(proptest! {
            #[test]
            fn $name(message in samples::$name()) {
                let bytes = body_to_vec(&message);
                let back = body_from_slice("message", &bytes);
                prop_assert_eq!(back, Ok(message));
            }
        })*
    };
}

round_trips!(
    hello,
    welcome,
    refused,
    failure,
    catalog,
    control_request,
    control_reply,
    boot,
    to_prototype,
    from_prototype,
    to_executor,
    from_executor,
    job_request,
    job_reply,
    job_context,
    progress,
);

proptest! {
    #[test]
    fn a_trailing_byte_is_an_error(message in samples::hello(), byte: u8) {
        let mut bytes = body_to_vec(&message);
        bytes.push(byte);
        prop_assert!(body_from_slice::<protocol::Hello>("Hello", &bytes).is_err());
    }
}
