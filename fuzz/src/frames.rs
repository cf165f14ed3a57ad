//! What a worker reads from a stranger: preface, then frames with their bodies, in one stream.

use crate::messages;
use crate::target::Verdict;
use protocol::{
    BadFrame, CallHead, ControlRequest, EncodeBody, HEADER_BYTES, HELLO_BYTES_MAX, Header, Kind,
    PREFACE, PREFACE_BYTES, body_from_slice, check_preface, control_frame,
};

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let with_frames = |frames: &[Vec<u8>]| [&PREFACE[..], &frames.concat()].concat();
    let hello = control_frame(Header::new(Kind::Hello, 0), &messages::hello());
    let status = control_frame(Header::new(Kind::ControlRequest, 1), &ControlRequest::Status);
    let mut call = Vec::new();
    let put = |body: &mut Vec<u8>| {
        CallHead { function: "Cart::total" }.put(body);
        body.extend_from_slice(b"arguments");
        Ok::<_, ()>(())
    };
    call.put_frame(Header::new(Kind::Call, 7), put).expect("the closure does not fail");
    vec![
        with_frames(&[hello.clone(), call.clone(), call]),
        with_frames(&[hello, status.clone(), status]),
    ]
}

pub(crate) fn run(input: &[u8]) -> Verdict {
    Verdict::of(&read_stream(input))
}

/// Reads the whole stream as the supervisor and an executor do.
fn read_stream(input: &[u8]) -> Result<(), BadFrame> {
    let Some((preface, mut rest)) = input.split_first_chunk::<PREFACE_BYTES>() else {
        return Ok(());
    };
    check_preface(*preface)?;
    let mut limit = HELLO_BYTES_MAX;
    while let Some(header) = Header::parse(rest, limit)? {
        assert!(header.length <= limit, "a length over the limit was accepted");
        assert_eq!(header.to_bytes(), rest[..HEADER_BYTES], "a header has two spellings");
        let Some(frame) = rest.get(..header.frame_bytes()) else {
            return Ok(());
        };
        read_body(header.kind, &frame[HEADER_BYTES..])?;
        rest = &rest[frame.len()..];
        limit = protocol::FRAME_BYTES_MAX_DEFAULT;
    }
    Ok(())
}

fn read_body(kind: Kind, body: &[u8]) -> Result<(), BadFrame> {
    match kind {
        Kind::Hello => body_from_slice::<protocol::Hello>("Hello", body).map(drop),
        Kind::ControlRequest => body_from_slice::<ControlRequest>("request", body).map(drop),
        Kind::Call => CallHead::parse(body).map(drop),
        other => Err(BadFrame::Unexpected(other)),
    }
}
