//! A forked executor, as the supervisor sees it.

use super::{Channel, Client, wait_for};
use protocol::{ExecutorExit, FromExecutor, FromPrototype, ToExecutor};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use shm::{Cell, Command, Scoreboard, State};
use std::rc::Rc;
use std::time::{Duration, Instant};

pub struct FakeExecutor {
    scoreboard: Rc<Scoreboard>,
    prototype: Rc<Channel>,
    index: u16,
    pub pid: u32,
    pidfd: OwnedFd,
    pub control: Channel,
}

impl FakeExecutor {
    pub fn new(
        scoreboard: Rc<Scoreboard>,
        prototype: Rc<Channel>,
        index: u16,
        pid: u32,
        pidfd: OwnedFd,
        control: Channel,
    ) -> Self {
        Self { scoreboard, prototype, index, pid, pidfd, control }
    }

    /// Offers a connection.
    pub fn offer(&self, client: &Client) {
        let (slot, generation) = (client.slot, client.generation);
        self.control.send(&ToExecutor::Connection { slot, generation }, &[client.server_fd()]);
    }

    pub fn cell(&self) -> &Cell {
        self.scoreboard.cell(usize::from(self.index))
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

    /// Waits for a log line that contains `words`.
    pub fn log_with(&self, words: &str) {
        loop {
            match self.log() {
                FromExecutor::Log { text, .. } if text.contains(words) => return,
                FromExecutor::Log { .. } => {}
                other => panic!("{other:?} before {words:?} was logged"),
            }
        }
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

    /// Leaves it so many descriptors; those it has open stay open.
    pub fn limit_descriptors(&self, most: u64) {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        let pid = Pid::from_raw(i32::try_from(self.pid).unwrap());
        prlimit(pid, Resource::Nofile, limit).unwrap();
    }

    /// Answers what it has asked for so far.
    pub fn serve_needs(&self, clients: &[Client]) {
        while let Some(message) = self.control.poll::<FromExecutor>() {
            if let FromExecutor::Need { slot, .. } = message {
                self.offer(clients.iter().find(|client| client.slot == slot).unwrap());
            }
        }
    }

    /// Waits until its cell is as wanted.
    pub fn until(&self, wanted: impl Fn(&Cell) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !wanted(self.cell()) {
            assert!(Instant::now() < deadline, "the cell is still {:?}", self.cell());
            std::thread::yield_now();
        }
    }

    /// Waits until a call runs here, and returns its `seq`.
    pub fn running(&self) -> u64 {
        self.until(|cell| cell.running().is_some_and(|running| running.state == State::Running));
        self.cell().seq()
    }

    pub fn take_pidfd(self) -> OwnedFd {
        self.pidfd
    }

    /// Waits for its end, as the prototype reports it.
    pub fn exit(&self) -> ExecutorExit {
        wait_for(&self.pidfd);
        match self.prototype.receive::<FromPrototype>().0 {
            FromPrototype::Exited(exit) => exit,
            other => panic!("unexpected {other:?}"),
        }
    }
}
