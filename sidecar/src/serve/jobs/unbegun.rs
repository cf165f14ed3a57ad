//! Calls of jobs that ended before they began, because their executor died while it read them: what the
//! supervisor, which knows from the executor's cell, tells the runner, which sees but the end of its
//! connection.

use super::super::connections::ConnectionId;
use super::super::supervisor::Supervisor;
use super::runner::PEER;
use protocol::{Failure, Header, Kind, control_frame};
use rustix::net::{SendFlags, send};
use shm::{Cell, State};

/// Stands for whatever request there may have been: only an executor that read it knows its number.
const ANY_REQUEST: u64 = 0;

/// Whether a frame tells that nothing of what was sent has run.
pub(super) fn is_told_by(header: &Header) -> bool {
    header.kind == Kind::Failure && header.request_id == ANY_REQUEST
}

impl Supervisor {
    /// Before a connection is hung up of whose request nothing has run: no attempt at a job is to be
    /// counted that was none.
    pub(in crate::serve) fn tell_unbegun(&self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id).filter(|one| one.peer == PEER) else {
            return;
        };
        let pool = self.pool(&connection.pool);
        let mut cells = pool.into_iter().flat_map(|pool| pool.scoreboard.cells());
        let is_named =
            |cell: &Cell| cell.state() != State::Empty && cell.remains().connection == id.to_u64();
        // An executor that lives may run it.
        if cells.any(is_named) {
            return;
        }
        let reason = "its executor died before it began".to_owned();
        let failure = Failure::Unavailable { reason, ran: false };
        let frame = control_frame(Header::new(Kind::Failure, ANY_REQUEST), &failure);
        // Without it the attempt counts as a crash.
        let _ = send(&connection.fd, &frame, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    }
}
