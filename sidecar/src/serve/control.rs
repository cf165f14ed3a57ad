//! A control connection: questions and answers, one at a time.

use super::door::Door;
use super::event::Event;
use super::handshake::write_within;
use protocol::{
    BadFrame, ControlReply, ControlRequest, HEADER_BYTES, Header, Kind, body_from_slice,
    control_frame,
};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Largest question, in bytes: an invalidation with all the tags it may have, each as long as it may
/// be, and as much again for the rest.
const REQUEST_BYTES_MAX: u32 =
    2 * (ControlRequest::TAGS_MAX * ControlRequest::TAG_BYTES_MAX) as u32;

/// Most control connections at a time; further ones are closed after their Welcome.
pub(super) const CONTROLS_MAX: usize = 256;

/// Answers until the peer hangs up, speaks nonsense, or the worker stops.
pub(super) async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, door: Door) {
    let Ok(_permit) = door.controls.try_acquire() else {
        return tracing::warn!("control connection closed: there are {CONTROLS_MAX} already");
    };
    loop {
        let answered = tokio::select! {
            answered = answer_one(&mut stream, &door) => answered,
            () = door.closed.cancelled() => return,
        };
        match answered {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::warn!("control connection closed: {error}"),
        }
    }
}

/// `false` when the peer has hung up between questions.
async fn answer_one(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    door: &Door,
) -> io::Result<bool> {
    let mut header = [0; HEADER_BYTES];
    if stream.read(&mut header[..1]).await? == 0 {
        return Ok(false);
    }
    let limit = door.settings.frame_timeout;
    let reading = read_request(stream, &mut header);
    let (id, request) = timeout(limit, reading).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let (reply, answer) = oneshot::channel();
    let sent = door.events.send(Event::Control { request, reply }).await;
    let Some(answer) = (match sent {
        Ok(()) => answer.await.ok(),
        Err(_) => None,
    }) else {
        return Ok(false);
    };
    let frame = control_frame::<ControlReply>(Header::new(Kind::ControlReply, id), &answer);
    write_within(stream, &frame, limit).await?;
    Ok(true)
}

/// The rest of a frame whose first byte is in `header`.
async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    header: &mut [u8; HEADER_BYTES],
) -> io::Result<(u64, ControlRequest)> {
    stream.read_exact(&mut header[1..]).await?;
    let malformed = BadFrame::Malformed { what: "header of a question" };
    let parsed =
        Header::parse(header, REQUEST_BYTES_MAX).and_then(|header| header.ok_or(malformed));
    let header = parsed.map_err(invalid)?;
    if header.kind != Kind::ControlRequest {
        return Err(invalid(BadFrame::Unexpected(header.kind)));
    }
    let mut body = vec![0; header.length as usize];
    stream.read_exact(&mut body).await?;
    Ok((header.request_id, body_from_slice("question", &body).map_err(invalid)?))
}

fn invalid(fault: BadFrame) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}
