//! A forked executor, as the supervisor sees it.

use super::{Channel, Client, DEADLINE, FakeSupervisor};
use protocol::{ExecutorExit, FromExecutor, FromPrototype, ToExecutor};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use shm::{Cell, Command, State};

pub struct FakeExecutor<'a> {
    supervisor: &'a FakeSupervisor,
    pool: u16,
    index: u16,
    pub pid: u32,
    pidfd: OwnedFd,
    pub control: Channel,
}

impl<'a> FakeExecutor<'a> {
    pub fn new(
        supervisor: &'a FakeSupervisor,
        pool: u16,
        index: u16,
        pid: u32,
        pidfd: OwnedFd,
        control: Channel,
    ) -> Self {
        Self { supervisor, pool, index, pid, pidfd, control }
    }

    /// Offers a connection.
    pub fn offer(&self, client: &Client) {
        let (slot, generation) = (client.slot, client.generation);
        self.control.send(&ToExecutor::Connection { slot, generation }, &[client.server_fd()]);
    }

    pub fn cell(&self) -> &Cell {
        self.supervisor.scoreboard(self.pool).cell(usize::from(self.index))
    }

    /// The next message that is no log line.
    pub fn message(&self) -> FromExecutor {
        loop {
            match self.control.receive::<FromExecutor>().0 {
                FromExecutor::Log { .. } => {}
                message => return message,
            }
        }
    }

    /// The next log line.
    pub fn log(&self) -> FromExecutor {
        self.control.receive().0
    }

    /// Asks for something and signals, as the supervisor does.
    pub fn ask(&self, command: Command, seq: u64) {
        self.cell().ask(command, seq);
        self.signal(libc::SIGRTMIN() + 5);
    }

    pub fn signal(&self, signal: i32) {
        let pid = libc::pid_t::try_from(self.pid).unwrap();
        // SAFETY: a child of our child, not reaped before we are told.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    /// Waits until a call runs here, and returns its `seq`.
    pub fn running(&self) -> u64 {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        loop {
            if let Some(running) = self.cell().running().filter(|r| r.state == State::Running) {
                return running.seq;
            }
            assert!(std::time::Instant::now() < deadline, "no call began");
            std::thread::yield_now();
        }
    }

    /// Waits for its end, as the prototype reports it.
    pub fn exit(&self) -> ExecutorExit {
        let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
        assert_ne!(poll(&mut fds, Some(&DEADLINE)).unwrap(), 0, "still alive");
        match self.supervisor.control.receive::<FromPrototype>().0 {
            FromPrototype::Exited(exit) => exit,
            other => panic!("unexpected {other:?}"),
        }
    }
}
