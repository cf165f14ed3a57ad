//! Executors come, speak and go.

use super::connections::ConnectionId;
use super::deployed::{Deployed, pause_after};
use super::directories::remove_temp;
use super::event::{ExecutorKey, Retry};
use super::key::{PoolKey, ReleaseKey};
use super::status::monotonic_ns;
use super::supervisor::{Phase, Supervisor};
use protocol::{ClosedReason, ExecutorExit, ExitCause, FromExecutor, LogLevel, ToExecutor};
use shm::{Command, State};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// A killed process is gone within microseconds unless the kernel holds it, e.g. for a broken disk.
const DIES_WITHIN: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Forks what is missing in a pool, unless a pause after failures is under way.
    pub(super) fn fill(&mut self, key: &PoolKey) {
        // While the worker drains whoever is here already is served, also by new executors.
        if self.phase == Phase::Stopped || self.release_stops(&key.release) {
            return;
        }
        let Some(deployed) = self.releases.get_mut(&key.release) else {
            return;
        };
        let (Some(prototype), Some(pool)) =
            (&deployed.prototype, deployed.pools.get_mut(&key.index))
        else {
            return;
        };
        if pool.pausing {
            return;
        }
        if let Err(error) = pool.fill(prototype, &self.events) {
            tracing::error!(release = %key.release, %error, "cannot ask for an executor");
            self.pause(key);
        }
    }

    fn pause(&mut self, key: &PoolKey) {
        let Some(pool) = self.pool_mut(key) else {
            return;
        };
        pool.start_failures += 1;
        pool.pausing = true;
        let pause = pause_after(pool.start_failures);
        self.retry_after(pause, Retry::Pool(key.clone()));
    }

    pub(super) fn on_pause_over(&mut self, key: &PoolKey) {
        if let Some(pool) = self.pool_mut(key) {
            pool.pausing = false;
        }
        self.fill(key);
    }

    pub(super) fn on_forked(
        &mut self,
        key: &PoolKey,
        index: u16,
        pid: u32,
        pidfd: Option<OwnedFd>,
    ) {
        let Some(pool) = self.pool_mut(key) else {
            return;
        };
        let executor = pool.executors.get_mut(usize::from(index)).and_then(Option::as_mut);
        if let (Some(executor), Some(pidfd)) = (executor, pidfd) {
            executor.started(pid, pidfd);
            pool.scoreboard.cell(index.into()).set_pid(pid);
            tracing::debug!(release = %key.release, pool = pool.boot.name, pid, "executor forked");
        }
    }

    pub(super) fn on_fork_failed(&mut self, key: &PoolKey, index: u16, message: &str) {
        tracing::error!(release = %key.release, "no executor could be forked: {message}");
        if let Some(pool) = self.pool_mut(key) {
            let index = usize::from(index);
            if let Some(executor) = pool.executors.get_mut(index) {
                *executor = None;
                pool.scoreboard.cell(index).clear();
            }
        }
        self.pause(key);
    }

    pub(super) fn on_executor(
        &mut self,
        from: &ExecutorKey,
        message: FromExecutor,
        mut descriptors: Vec<OwnedFd>,
    ) {
        match message {
            FromExecutor::Need { slot, generation } => {
                self.on_need(from, ConnectionId { slot, generation });
            }
            FromExecutor::Closed { slot, generation, reason } => {
                self.on_closed(from, ConnectionId { slot, generation }, &reason);
            }
            FromExecutor::Unread { slot, generation } => {
                self.on_unread(from, ConnectionId { slot, generation }, descriptors.pop());
            }
            FromExecutor::Log { request_id, function, level, text } => {
                let level = self.level_of(from, level, &text);
                log(from, request_id, &function, level, &text);
            }
            FromExecutor::Leaving { reason } => self.on_leaving(from, &reason),
            FromExecutor::Released { slot, generation, retirement } => {
                self.on_released(from, ConnectionId { slot, generation }, retirement);
            }
        }
    }

    /// PHP ends a cancelled call by a fatal error, which is none to worry about: it was asked for.
    fn level_of(&self, from: &ExecutorKey, level: LogLevel, text: &str) -> LogLevel {
        let executors = self.pool(&from.pool).map(|pool| pool.executors.iter().flatten());
        let executor = executors.and_then(|mut all| all.find(|one| one.serial == from.serial));
        let interruption = executor.and_then(|executor| executor.interruption);
        let cancelled = interruption.is_some_and(|asked| asked.cause == Command::Cancel);
        let is_about_it = text.contains("The call was cancelled by its caller");
        if cancelled && is_about_it { LogLevel::Notice } else { level }
    }

    fn on_need(&mut self, from: &ExecutorKey, id: ConnectionId) {
        let ConnectionId { slot, generation } = id;
        let connection = self.connections.get(id).filter(|c| c.pool == from.pool);
        let copy = connection.and_then(|c| c.fd.as_fd().try_clone_to_owned().ok());
        let answer = match copy {
            Some(_) => ToExecutor::Connection { slot, generation },
            None => ToExecutor::Gone { slot, generation },
        };
        if let Some(executor) = self.pool_mut(&from.pool).and_then(|p| p.executor_mut(from)) {
            executor.answer(answer, copy);
        }
    }

    fn on_closed(&mut self, from: &ExecutorKey, id: ConnectionId, reason: &ClosedReason) {
        let Some(connection) = self.connections.get(id).filter(|c| c.pool == from.pool) else {
            return;
        };
        if let ClosedReason::Fault(reason) = reason {
            tracing::warn!(peer = connection.peer, "connection closed: {reason}");
        }
        self.close(id);
    }

    fn on_leaving(&mut self, from: &ExecutorKey, reason: &str) {
        let Some(pool) = self.pool_mut(&from.pool) else {
            return;
        };
        if let Some(executor) = pool.executor_mut(from) {
            executor.leaving.get_or_insert_with(Instant::now);
            let pid = executor.pid;
            tracing::debug!(release = %from.pool.release, pid, "executor leaves: {reason}");
        }
        self.fill(&from.pool);
    }

    pub(super) fn on_executor_exited(&mut self, key: &PoolKey, exit: ExecutorExit) {
        let index = usize::from(exit.index);
        let Some(pool) = self.pool_mut(key) else {
            return;
        };
        pool.note_replacements();
        let Some(slot) = pool.executors.get_mut(index) else {
            return;
        };
        if slot.as_ref().is_none_or(|executor| executor.pid != exit.pid) {
            return;
        }
        let executor = slot.take();
        if executor.as_ref().is_some_and(|executor| executor.leaving.is_none()) {
            pool.lose(monotonic_ns());
        }
        let state = pool.scoreboard.cell(index).state();
        let unstarted = matches!(state, State::Starting | State::Preparing);
        if let Some(executor) = executor {
            self.settle(key, index, &executor, exit.cause);
        }
        if unstarted {
            self.pause(key);
        } else if let Some(pool) = self.pool_mut(key) {
            pool.start_failures = 0;
        }
        self.fill(key);
        self.check_drained();
    }

    /// The prototype is gone and cannot report its executors any more: they are ended with it.
    pub(super) fn bury_all(&mut self, release: &ReleaseKey) {
        let pools = self.releases.get_mut(release).map(|deployed| deployed.pools.values_mut());
        let mut buried = Vec::new();
        for pool in pools.into_iter().flatten() {
            for (index, executor) in pool.executors.iter_mut().enumerate() {
                if let Some(mut executor) = executor.take() {
                    executor.killed_because.get_or_insert("killed: its prototype ended before it");
                    executor.kill();
                    buried.push((pool.key.clone(), index, executor));
                }
            }
        }
        for (pool, index, executor) in buried {
            // A cell is settled only when nobody can write to it, or to the connection, any more.
            if executor.is_dead_within(DIES_WITHIN) {
                self.settle(&pool, index, &executor, ExitCause::Signal(libc::SIGKILL));
            } else {
                self.abandon(&pool, index);
            }
        }
        self.remove_temp(release);
        self.check_drained();
    }

    /// Temporary files end with the processes that could use them.
    fn remove_temp(&self, release: &ReleaseKey) {
        let folder = self.releases.get(release).map(Deployed::temp_dir);
        if let Some(Err(error)) = folder.map(remove_temp) {
            tracing::warn!(%release, %error, "temporary files stay");
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Draining { .. } | Phase::Stopped)
    }
}

/// What a call printed, or PHP logged, with the call it belongs to.
fn log(from: &ExecutorKey, request_id: u64, function: &str, level: LogLevel, text: &str) {
    let app = from.pool.release.app.as_str();
    match level {
        LogLevel::Output | LogLevel::Notice => tracing::info!(app, function, request_id, "{text}"),
        LogLevel::Warning => tracing::warn!(app, function, request_id, "{text}"),
        LogLevel::Error => tracing::error!(app, function, request_id, "{text}"),
    }
}
