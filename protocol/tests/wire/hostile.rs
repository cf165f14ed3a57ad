//! Bytes nobody should have sent: decoded or refused, never a panic. What they may allocate is in
//! `allocation.rs`.

use crate::samples;
use proptest::prelude::*;
use protocol::{
    Boot, Catalog, ControlReply, ControlRequest, Failure, FromExecutor, Hello, JobContext,
    JobReply, JobRequest, Progress, Refused, Welcome, body_from_slice, body_to_vec,
};
use serde::de::DeserializeOwned;

/// Decodes every truncation of `bytes`, none of which can be the whole message.
fn refuses_truncations<T: DeserializeOwned>(bytes: &[u8]) -> Result<(), TestCaseError> {
    for kept in 0..bytes.len() {
        let decoded = body_from_slice::<T>("message", &bytes[..kept]);
        prop_assert!(decoded.is_err(), "{kept} of {} bytes were enough", bytes.len());
    }
    Ok(())
}

/// Decodes `bytes` with each bit flipped in turn.
fn survives_bit_flips<T: DeserializeOwned>(bytes: &mut [u8]) {
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = body_from_slice::<T>("message", bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

macro_rules! damaged {
    ($($name:ident: $message:ty),* $(,)?) => {
        $(proptest! {
            #![proptest_config(ProptestConfig::with_cases(64))]
            #[test]
            fn $name(message in samples::$name()) {
                let mut bytes = body_to_vec(&message);
                refuses_truncations::<$message>(&bytes)?;
                survives_bit_flips::<$message>(&mut bytes);
            }
        })*
    };
}

damaged!(
    hello: Hello,
    welcome: Welcome,
    refused: Refused,
    failure: Failure,
    catalog: Catalog,
    control_request: ControlRequest,
    control_reply: ControlReply,
    boot: Boot,
    from_executor: FromExecutor,
    job_request: JobRequest,
    job_reply: JobReply,
    job_context: JobContext,
    progress: Progress,
);

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_refused(bytes: Vec<u8>) {
        let _ = body_from_slice::<Hello>("Hello", &bytes);
        let _ = body_from_slice::<Welcome>("Welcome", &bytes);
        let _ = body_from_slice::<Failure>("Failure", &bytes);
        let _ = body_from_slice::<ControlRequest>("ControlRequest", &bytes);
        let _ = body_from_slice::<ControlReply>("ControlReply", &bytes);
        let _ = body_from_slice::<JobRequest>("JobRequest", &bytes);
        let _ = body_from_slice::<JobReply>("JobReply", &bytes);
        let _ = protocol::split_job(&bytes);
    }

    /// A name that a stranger sends is checked like one that a person writes.
    #[test]
    fn an_application_name_is_checked_when_it_is_decoded(name in ".{0,80}") {
        let decoded = body_from_slice::<protocol::AppName>("name", &body_to_vec(&name));
        prop_assert_eq!(decoded.is_ok(), protocol::AppName::new(&name).is_ok());
    }
}
