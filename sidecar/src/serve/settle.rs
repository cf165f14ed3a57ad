//! An executor has died: what its cell says decides what its caller gets.

use super::connections::ConnectionId;
use super::executor::Executor;
use super::key::PoolKey;
use super::supervisor::Supervisor;
use protocol::{ExitCause, Failure, Header, Kind, control_frame};
use rustix::net::{SendFlags, send};
use shm::{Command, Running, State};

impl Supervisor {
    /// Clears the cell of a dead executor and answers, or hangs up on, the caller it served.
    pub(super) fn settle(
        &mut self,
        key: &PoolKey,
        index: usize,
        executor: &Executor,
        cause: ExitCause,
    ) {
        let stopping = self.is_stopping() || self.release_stops(&key.release);
        let Some(pool) = self.pool_mut(key) else {
            return;
        };
        let cell = pool.scoreboard.cell(index);
        let remains = cell.remains();
        cell.clear();
        let planned = stopping
            || remains.state != State::Running
                && (executor.leaving.is_some() || cause == ExitCause::Status(0));
        if remains.state == State::Running {
            pool.died += 1;
        } else if planned {
            pool.recycled += 1;
        }
        if !planned {
            self.tell_of_death(key, executor, &remains, cause);
        }
        let id = ConnectionId::from_u64(remains.connection);
        let call_is_on = remains.seq & 1 == 1;
        match remains.state {
            State::Running => self.answer_for(key, id, &remains, executor, cause),
            // Part of a request is read.
            State::Reading => self.close_unbegun(key, id),
            // Part of an answer may be out.
            State::Replying if call_is_on => self.close_of(key, id),
            // The whole answer is out and nothing of a next request was read.
            State::Answered if call_is_on => self.give_on(key, id),
            // It gave its connection back before it left.
            State::Replying | State::Answered | State::Idle if cause == ExitCause::Status(0) => {}
            State::Replying | State::Answered | State::Idle => {
                if remains.state == State::Idle {
                    // It watched the connection that it names, and may have read from it.
                    self.close_unbegun(key, id);
                }
                self.look_for_orphans(key);
            }
            State::Empty | State::Starting | State::Preparing => {}
        }
    }

    /// An executor that cannot be reached any more, and may not be dead: its caller is hung up on.
    pub(super) fn abandon(&mut self, key: &PoolKey, index: usize) {
        if let Some(pool) = self.pool(key) {
            let id = ConnectionId::from_u64(pool.scoreboard.cell(index).remains().connection);
            self.close_of(key, id);
        }
    }

    fn answer_for(
        &mut self,
        key: &PoolKey,
        id: ConnectionId,
        remains: &Running,
        executor: &Executor,
        cause: ExitCause,
    ) {
        let Some(connection) = self.connections.get(id).filter(|c| c.pool == *key) else {
            return;
        };
        let failure = self.failure_of(key, remains, executor, cause);
        let mut header = Header::new(Kind::Failure, remains.request_id);
        header.release_id = key.release.release.0;
        header.epoch = self.membership.epoch;
        let frame = control_frame(header, &failure);
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let sent = send(&connection.fd, &frame, flags).is_ok_and(|sent| sent == frame.len());
        if sent { self.place(id) } else { self.close(id) }
    }

    fn failure_of(
        &self,
        key: &PoolKey,
        remains: &Running,
        executor: &Executor,
        cause: ExitCause,
    ) -> Failure {
        let ended = executor.interruption.filter(|i| i.killed && i.seq == remains.seq);
        match ended.map(|interruption| interruption.cause) {
            Some(Command::Cancel) => Failure::Cancelled,
            Some(Command::TimeOut) => {
                let limit_ns = remains.deadline_ns.saturating_sub(remains.started_ns);
                let limit_ms = u32::try_from(limit_ns.div_ceil(1_000_000)).unwrap_or(u32::MAX);
                Failure::TimedOut { limit_ms, killed: true }
            }
            _ if self.release_stops(&key.release) => {
                Failure::ReleaseGone { release: key.release.release }
            }
            _ if self.is_stopping() => {
                let reason = "the worker was stopped before the call ended".to_owned();
                Failure::Unavailable { reason, ran: true }
            }
            _ => {
                let function = self.function_name(key, remains.function);
                Failure::Died { cause, function, hint: hint(executor, cause).to_owned() }
            }
        }
    }

    fn tell_of_death(
        &self,
        key: &PoolKey,
        executor: &Executor,
        remains: &Running,
        cause: ExitCause,
    ) {
        let (app, pid, state) = (key.release.app.as_str(), executor.pid, remains.state);
        let hint = hint(executor, cause);
        if state == State::Running {
            let function = self.function_name(key, remains.function);
            let request_id = remains.request_id;
            tracing::warn!(app, function, request_id, pid, ?cause, "executor died: {hint}");
        } else {
            tracing::warn!(app, pid, ?cause, ?state, "executor died: {hint}");
        }
    }

    pub(super) fn function_name(&self, key: &PoolKey, index: u32) -> String {
        let published = self.releases.get(&key.release).and_then(|d| d.published.as_ref());
        let function = published.and_then(|p| p.catalog.functions.get(index as usize));
        function.map_or_else(String::new, |function| function.name.clone())
    }

    /// Lets another executor take the connection of a dead one.
    fn give_on(&mut self, key: &PoolKey, id: ConnectionId) {
        if self.connections.get(id).is_some_and(|connection| connection.pool == *key) {
            self.place(id);
        }
    }

    /// The executor may have read a request, and began none.
    fn close_unbegun(&mut self, key: &PoolKey, id: ConnectionId) {
        if !self.connections.is_unread(id) {
            self.tell_unbegun(id);
        }
        self.close_of(key, id);
    }

    fn close_of(&mut self, key: &PoolKey, id: ConnectionId) {
        let connection = self.connections.get(id).filter(|connection| connection.pool == *key);
        // The rest of an answer that was taken over comes without the executor that made it.
        if connection.is_some() && !self.connections.is_unread(id) {
            self.close(id);
        }
    }
}

/// What an end like this usually means.
fn hint(executor: &Executor, cause: ExitCause) -> &'static str {
    if let (ExitCause::Signal(libc::SIGKILL), Some(why)) = (cause, executor.killed_because) {
        return why;
    }
    match cause {
        ExitCause::Signal(libc::SIGSEGV) => "often endless recursion, or a bug in an extension",
        ExitCause::Signal(libc::SIGKILL) => {
            "often by the kernel for lack of memory, see its log, or by hand"
        }
        ExitCause::Signal(libc::SIGBUS) => "often a file cut short while it was mapped",
        ExitCause::Signal(libc::SIGABRT) => "an assertion in PHP or an extension failed",
        ExitCause::Signal(libc::SIGTERM | libc::SIGINT | libc::SIGHUP) => "somebody sent it",
        ExitCause::Signal(_) => "",
        ExitCause::Status(1) => {
            "its process exited: PHP does so when the system has no memory for it, and says \"Out of \
             memory\" in the worker's log; memory_limit ends a call in better order"
        }
        ExitCause::Status(_) => "its process exited, e.g. by native code that called exit()",
    }
}
