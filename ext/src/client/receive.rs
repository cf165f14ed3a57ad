//! Receiving an answer.

use super::app::Version;
use super::call::{Call, State};
use super::cluster::Cluster;
use super::connection::describe;
use super::errand::answered;
use super::error::CallError;
use super::fate::{drop_link, failed, heard_from, keep_link, lost, out_of_patience};
use net::is_transient;
use protocol::{BadFrame, FLAG_OUTPUT, HEADER_BYTES, Header, Kind, ReleaseId, body_from_slice};

/// First room for an answer: most fit, and one read suffices.
const FIRST_READ_BYTES: usize = 16 * 1024;
/// Reads what has arrived, without waiting. True when the call is done.
pub(super) fn advance(cluster: &mut Cluster, call: &mut Call) -> bool {
    while let Some(link) = &mut call.link {
        if call.inbound.len() == call.inbound.capacity() || call.inbound.is_empty() {
            call.inbound.reserve(FIRST_READ_BYTES);
        }
        match link.connection.socket.receive(&mut call.inbound) {
            Ok(0) => lost(cluster, call, "the worker closed it"),
            Ok(_) => match frame(call) {
                Ok(Some(header)) => complete(cluster, call, header),
                Ok(None) => {}
                Err(bad) => {
                    drop_link(cluster, call);
                    call.fail(CallError::protocol(bad));
                }
            },
            Err(error) if is_transient(&error) => {
                out_of_patience(cluster, call);
                break;
            }
            Err(error) => lost(cluster, call, &describe(&error)),
        }
    }
    call.is_done()
}

/// The header, once the whole frame is there. Makes room for the rest when it is not.
fn frame(call: &mut Call) -> Result<Option<Header>, BadFrame> {
    let limit = call.options().map_or(0, |options| options.frame_bytes_max);
    let Some(header) = Header::parse(&call.inbound, limit)? else {
        return Ok(None);
    };
    let missing = header.frame_bytes().saturating_sub(call.inbound.len());
    if missing > 0 {
        call.inbound.reserve_exact(missing);
        return Ok(None);
    }
    if header.request_id != call.request_id {
        return Err(BadFrame::Malformed { what: "request id of an answer" });
    }
    if call.inbound.len() > header.frame_bytes() {
        return Err(BadFrame::Malformed { what: "end of an answer: more bytes follow" });
    }
    match (header.kind, call.errand()) {
        (Kind::Return | Kind::Failure, None) | (Kind::JobReply, Some(_)) => Ok(Some(header)),
        (kind, _) => Err(BadFrame::Unexpected(kind)),
    }
}

/// A whole answer is in `call.inbound`.
fn complete(cluster: &mut Cluster, call: &mut Call, header: Header) {
    cluster.heard_of(header.epoch);
    if let Err(bad) = split_output(call, header.flags) {
        drop_link(cluster, call);
        return call.fail(CallError::protocol(bad));
    }
    let ran_in = Version { release: ReleaseId(header.release_id), settings: header.settings };
    if header.kind == Kind::JobReply {
        keep_link(cluster, call);
        return answered(cluster, call);
    }
    if header.kind == Kind::Return {
        keep_link(cluster, call);
        heard_from(cluster, call, ran_in);
        call.state = State::Value;
        call.ran_in = ran_in;
        return;
    }
    match body_from_slice("Failure", call.answer()) {
        Ok(failure) => failed(cluster, call, failure, ran_in),
        Err(bad) => {
            drop_link(cluster, call);
            call.fail(CallError::protocol(bad));
        }
    }
}

fn split_output(call: &mut Call, flags: u8) -> Result<(), BadFrame> {
    call.body_start = HEADER_BYTES;
    call.output_bytes = 0;
    if flags & FLAG_OUTPUT == 0 {
        return Ok(());
    }
    let malformed = BadFrame::Malformed { what: "output of an answer" };
    let body = &call.inbound[HEADER_BYTES..];
    let Some((length, rest)) = body.split_first_chunk::<4>() else {
        return Err(malformed);
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > rest.len() {
        return Err(malformed);
    }
    call.body_start = HEADER_BYTES + length.saturating_add(4);
    call.output_bytes = length;
    Ok(())
}
