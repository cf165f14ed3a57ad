//! One connection's turn: read a frame, run its call, answer.

use super::accept::{Call, accept};
use super::call::{self, Ended};
use super::clock::now_ns;
use super::connections::Connection;
use super::delivery::{Delivery, deliver};
use super::fork_guard;
use super::intake::Read;
use super::progress;
use super::prologue::PrologueFailure;
use super::reply::{Reply, reply};
use super::seat::Seat;
use super::serve::{Context, On, Server, Turn};
use super::waiting::has_hung_up;
use crate::deployed;
use anyhow::Result;
use embed::Request;
use protocol::{ClosedReason, Failure, Header};
use shm::Orders;

impl Server<'_> {
    /// Reads from the connection and answers, if there is a call. With `not_ready` the request's
    /// own start failed, and that is the answer.
    pub(super) fn serve(
        &mut self,
        turn: Turn,
        request: &Request<'_>,
        not_ready: Option<&PrologueFailure>,
    ) -> Result<Context> {
        let connection = turn.connection;
        self.seat.cell().reading(connection.name());
        let read = match turn.read {
            Some(read) => read,
            None => self.read_waiting(connection),
        };
        let header = match read {
            Read::Frame(header) => header,
            Read::Nothing => return Ok(Context::Clean),
            Read::HungUp => return self.close(connection, ClosedReason::HungUp),
            Read::Fault(reason) => return self.close(connection, ClosedReason::Fault(reason)),
        };
        self.answer.set_epoch(self.seat.scoreboard.epoch());
        self.answer.set_settings(0);
        let accepted = accept(
            self.boot,
            &self.functions,
            &self.classes,
            self.seat,
            header,
            self.intake.body(),
        );
        let (call, encoded) = match accepted {
            Ok(accepted) => accepted,
            Err(failure) => {
                let failure = self.for_release(&header, failure);
                return self.refuse(connection, &header, &failure);
            }
        };
        self.patience.came(connection, call.started_ns);
        let orders = begin(self.seat, &call);
        self.retired = orders.retired;
        if orders.retired && header.release_id == 0 {
            self.seat.cell().withdraw();
            return self.refuse(connection, &header, &Failure::Moved);
        }
        let settings = if header.settings == 0 { orders.settings } else { header.settings };
        self.answer.set_settings(settings);
        deployed::announce_call(settings, call.deadline_ns());
        request.time_now();
        request.time_limit(call.limit_ms);
        if let Some(job) = &call.job {
            deployed::announce_job(job);
            progress::begin(&call, self.connections.fd(connection));
        }
        let ended = match not_ready {
            None => call::run(request, &call, encoded),
            Some(not_ready) => Ended::from(not_ready),
        };
        let Reply { context, failed } = reply(request, &call, ended, &mut self.answer, self.seat);
        if let Some(held_back) = progress::end() {
            self.answer.precede(&held_back);
        }
        if fork_guard::is_stranger() {
            return Ok(Context::Stranger);
        }
        self.seat.cell().replying();
        let delivery = deliver(self.seat, &mut self.connections, connection, &self.answer)?;
        let answered_ns = now_ns();
        self.seat.scoreboard.function(call.index()).record(answered_ns - call.started_ns, failed);
        self.patience.answered(connection, answered_ns);
        self.on = Some(On { failed, request_id: header.request_id, function: call.index() });
        match delivery {
            Delivery::Done => self.seat.cell().answered(),
            Delivery::Failed(reason) => {
                self.close(connection, reason)?;
            }
        }
        Ok(context)
    }

    /// Reads from the connection. While a frame is incomplete this executor counts as busy, and the
    /// supervisor looks whether others wait for one.
    pub(super) fn read(&mut self, connection: Connection) -> Read {
        let seat = self.seat;
        self.intake.read(self.connections.fd(connection), || {
            seat.cell().reading(connection.name());
            seat.wake_supervisor();
        })
    }

    /// Reads from a connection that has waited for its turn. A caller that hung up in the meantime
    /// has no use for its call any more, and it is not run; between two calls of a connection that is
    /// being watched there is no such time, and so no system call for the question.
    fn read_waiting(&mut self, connection: Connection) -> Read {
        match self.read(connection) {
            Read::Frame(_) if has_hung_up(self.connections.fd(connection)) => Read::HungUp,
            read => read,
        }
    }

    /// What a refused call is told: a release that is not current any more has nothing to say to one
    /// that is not pinned to it.
    fn for_release(&mut self, header: &Header, failure: Failure) -> Failure {
        let about_the_call = !matches!(failure, Failure::Protocol { .. });
        if header.release_id == 0 && about_the_call && self.seat.scoreboard.retirement() != 0 {
            self.retired = true;
            return Failure::Moved;
        }
        failure
    }

    /// Answers a call that was not run.
    fn refuse(
        &mut self,
        connection: Connection,
        header: &Header,
        failure: &Failure,
    ) -> Result<Context> {
        if fork_guard::is_stranger() {
            return Ok(Context::Stranger);
        }
        self.answer.put_failure(header, failure);
        let delivery = deliver(self.seat, &mut self.connections, connection, &self.answer)?;
        match (delivery, failure) {
            (Delivery::Failed(reason), _) => self.close(connection, reason),
            (Delivery::Done, Failure::Protocol { reason }) => {
                self.close(connection, ClosedReason::Fault(reason.clone()))
            }
            (Delivery::Done, _) => Ok(Context::Clean),
        }
    }

    fn close(&mut self, connection: Connection, reason: ClosedReason) -> Result<Context> {
        self.connections.close(connection, reason)?;
        Ok(Context::Clean)
    }
}

fn begin(seat: &Seat, call: &Call<'_>) -> Orders {
    let request_id = call.header.request_id;
    seat.cell().begin(call.target.index, request_id, call.started_ns, call.deadline_ns());
    seat.orders()
}
