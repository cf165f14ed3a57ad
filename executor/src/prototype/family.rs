//! The executors of a release: forked on demand, reaped at once, ended with the prototype.
//!
//! Unsafe for `fork`. Contract: this process has one thread, and the child never returns from here.
#![allow(unsafe_code)]

use super::signals;
use super::start::Release;
use crate::control::{Channel, Gone, Incoming};
use crate::executor::{self, Seat};
use anyhow::{Context, Result, anyhow};
use protocol::{Boot, ExecutorExit, ExitCause, FromPrototype, ToPrototype};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, kill_process, pidfd_open, wait,
};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Killed processes are gone within microseconds unless the kernel holds one, e.g. for a broken disk.
const DIE_WITHIN: Duration = Duration::from_millis(500);

/// The prototype's children, by process id: pool and index of each.
pub(super) struct Family<'a> {
    boot: &'a Boot,
    control: &'a Channel,
    release: &'a mut Release,
    ended: OwnedFd,
    members: HashMap<Pid, (u16, u16)>,
}

impl<'a> Family<'a> {
    pub(super) fn new(
        boot: &'a Boot,
        control: &'a Channel,
        release: &'a mut Release,
    ) -> Result<Self> {
        let ended = signals::child_ended()?;
        Ok(Self { boot, control, release, ended, members: HashMap::new() })
    }

    /// Serves the supervisor until it says Stop or is gone, then ends every executor.
    pub(super) fn run(mut self) -> Result<()> {
        loop {
            match self.serve_one() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.is::<Gone>() => break,
                Err(error) => return Err(error),
            }
        }
        self.stop()
    }

    /// False when it is time to stop.
    fn serve_one(&mut self) -> Result<bool> {
        self.wait(None)?;
        self.reap()?;
        match self.control.receive()? {
            Incoming::Message(ToPrototype::Fork { pool, index, cells }, fds) => {
                self.fork(pool, index, cells, fds)?;
            }
            Incoming::Message(ToPrototype::Stop, _) | Incoming::Closed => return Ok(false),
            Incoming::Nothing => {}
        }
        Ok(true)
    }

    fn wait(&self, timeout: Option<&Timespec>) -> Result<()> {
        let mut fds =
            [PollFd::new(self.control, PollFlags::IN), PollFd::new(&self.ended, PollFlags::IN)];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("poll"),
        }
    }

    fn fork(&mut self, pool: u16, index: u16, cells: u16, fds: Vec<OwnedFd>) -> Result<()> {
        let seat = match Seat::new(self.boot, &self.release.catalog, (pool, index, cells), fds) {
            Ok(seat) => seat,
            Err(error) => return self.fork_failed(pool, index, &error),
        };
        let prototype = rustix::process::getpid();
        // SAFETY: one thread, see above.
        match unsafe { libc::fork() } {
            -1 => {
                let error = anyhow!(std::io::Error::last_os_error()).context("fork");
                self.fork_failed(pool, index, &error)
            }
            0 => {
                signals::unblock_child_ended();
                let release = &mut *self.release;
                executor::run(
                    &mut release.php,
                    self.boot,
                    &release.catalog,
                    &release.prologue,
                    seat,
                    Some(prototype),
                )
            }
            pid => self.forked(pool, index, Pid::from_raw(pid).context("pid of an executor")?),
        }
    }

    fn forked(&mut self, pool: u16, index: u16, pid: Pid) -> Result<()> {
        self.members.insert(pid, (pool, index));
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).context("pidfd")?;
        let message = FromPrototype::Forked { pool, index, pid: number(pid) };
        self.control.send(&message, &[pidfd.as_fd()])
    }

    fn fork_failed(&self, pool: u16, index: u16, error: &anyhow::Error) -> Result<()> {
        let message = format!("{error:#}");
        self.control.send(&FromPrototype::ForkFailed { pool, index, message }, &[])
    }

    /// Reports every executor that has ended or was stopped.
    fn reap(&mut self) -> Result<()> {
        let mut signals = [0; 1024];
        // Only empties the descriptor: one signal may stand for several children.
        while rustix::io::read(&self.ended, &mut signals).is_ok_and(|bytes| bytes > 0) {}
        loop {
            // Any child: a function may have moved its process to another process group.
            match wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                Ok(Some((pid, status))) => self.report(pid, status)?,
                Ok(None) | Err(Errno::CHILD) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("wait"),
            }
        }
    }

    fn report(&mut self, pid: Pid, status: WaitStatus) -> Result<()> {
        let Some((pool, index)) = self.members.get(&pid).copied() else { return Ok(()) };
        if status.stopped() {
            let stopped = FromPrototype::Stopped { pool, index, pid: number(pid) };
            return self.control.send(&stopped, &[]);
        }
        self.members.remove(&pid);
        let cause = match status.terminating_signal() {
            Some(signal) => ExitCause::Signal(signal),
            None => ExitCause::Status(status.exit_status().unwrap_or(-1)),
        };
        let exit = ExecutorExit { pool, index, pid: number(pid), cause };
        self.control.send(&FromPrototype::Exited(exit), &[])
    }

    /// Ends every executor: the supervisor has let their calls finish, or is gone.
    fn stop(mut self) -> Result<()> {
        self.kill_all();
        let deadline = Instant::now() + DIE_WITHIN;
        while !self.members.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let mut fds = [PollFd::new(&self.ended, PollFlags::IN)];
            let left = Timespec::try_from(left).context("time left")?;
            match poll(&mut fds, Some(&left)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("poll"),
            }
            // The supervisor may be gone already; its ears do not matter now.
            let _ = self.reap();
        }
        Ok(())
    }

    fn kill_all(&self) {
        for pid in self.members.keys() {
            // One that has ended meanwhile is not reaped yet, so the number is still its own.
            let _ = kill_process(*pid, Signal::KILL);
        }
    }
}

fn number(pid: Pid) -> u32 {
    pid.as_raw_pid().unsigned_abs()
}
