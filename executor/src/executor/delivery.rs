//! Getting an answer out: by this executor while its peer reads, by the supervisor when it does not.
//!
//! A client may leave its answer unread for as long as it likes, and an executor that waited for it
//! would be lost to all others. So what the socket does not hold goes to the supervisor in a memfd,
//! and the connection with it.

use super::answer::Answer;
use super::connections::{Connection, Connections, HandedOver};
use super::seat::Seat;
use anyhow::{Context, Result};
use protocol::ClosedReason;
use rustix::fd::OwnedFd;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write;

/// What became of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It is out, or somebody else sees to that.
    Done,
    /// The connection is of no further use.
    Failed(ClosedReason),
}

/// Sends the answer. A connection that was handed over is not held any more.
pub(super) fn deliver(
    seat: &Seat,
    connections: &mut Connections<'_>,
    connection: Connection,
    answer: &Answer,
) -> Result<Delivery> {
    let fd = connections.fd(connection);
    let rest = match answer.send(fd) {
        Ok([]) => return Ok(Delivery::Done),
        Ok(rest) => rest,
        Err(reason) => return Ok(Delivery::Failed(reason)),
    };
    // Without memory for a copy this executor waits, as it does when the supervisor has no room.
    if let Ok(copy) = in_memory(rest)
        && connections.hand_over(connection, &copy)? == HandedOver::Yes
    {
        // Before the cell says that this executor is done with the answer: a cell that names a
        // connection claims it.
        seat.cell().released();
        return Ok(Delivery::Done);
    }
    Ok(match answer.send_rest(fd, rest) {
        Ok(()) => Delivery::Done,
        Err(reason) => Delivery::Failed(reason),
    })
}

fn in_memory(bytes: &[u8]) -> Result<OwnedFd> {
    let file = memfd_create("appserver-unread", MemfdFlags::CLOEXEC).context("memfd_create")?;
    let mut file = File::from(file);
    file.write_all(bytes).context("writing to a memfd")?;
    Ok(file.into())
}
