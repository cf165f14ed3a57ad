//! A pool: its epoll, its scoreboard and its executors.

use super::event::{Event, Events, ExecutorKey};
use super::executor::Executor;
use super::key::PoolKey;
use super::prototype::Prototype;
use super::ready::register;
use crate::config::Executors;
use protocol::{PoolBoot, Replacements, ToExecutor, ToPrototype};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use shm::{Cell, Command, Scoreboard, State};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::AbortHandle;

/// The executors of one (app, release, pool).
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) key: PoolKey,
    pub(super) boot: PoolBoot,
    pub(super) limits: Executors,
    pub(super) epoll: OwnedFd,
    pub(super) scoreboard: Scoreboard,
    scoreboard_file: OwnedFd,
    /// Executors write to it when nobody watches.
    busy: Arc<AsyncFd<OwnedFd>>,
    /// Turns that into events, for as long as there is a pool.
    reporter: AbortHandle,
    /// By cell.
    pub(super) executors: Vec<Option<Executor>>,
    /// How many the pool should have now, from `limits.min` to `limits.max`.
    pub(super) wanted: u16,
    pub(super) died: u64,
    pub(super) recycled: u64,
    pub(super) replacements: Replacements,
    /// When the end of an executor that is not replaced yet became known.
    lost: Option<u64>,
    /// Starts in a row that failed.
    pub(super) start_failures: u32,
    /// Whether a pause before the next start is under way.
    pub(super) pausing: bool,
    pub(super) watch: Watch,
    /// How often new calls of the application went elsewhere.
    pub(super) retirement: u32,
    /// Executors, by cell, that held nothing when that happened last.
    pub(super) passing: Vec<usize>,
    serial: u64,
}

/// What the periodic look at a pool remembers from one to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    pub(super) on: bool,
    /// Looks in a row that saw nothing run.
    pub(super) quiet: u32,
    /// Looks in a row that saw requests wait although more executors would help.
    pub(super) starved: u32,
    pub(super) calls: u64,
    /// Since when requests wait beside idle executors, and nothing moves.
    pub(super) stalled: Option<Instant>,
    /// Most executors seen busy at a time since `shrink_at` was set.
    pub(super) busy_peak: u16,
    pub(super) shrink_at: Option<Instant>,
}

impl Pool {
    /// A pool without executors; `functions` is the length of the release's catalog.
    pub(super) fn create(
        key: PoolKey,
        boot: PoolBoot,
        limits: Executors,
        functions: usize,
        events: Events,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let (scoreboard_file, scoreboard) = Scoreboard::create(limits.max.into(), functions)?;
        let busy = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let busy = Arc::new(register(busy, Interest::READABLE)?);
        let reporter = tokio::spawn(report_busy(Arc::clone(&busy), key.clone(), events));
        let executors = (0..limits.max).map(|_| None).collect();
        let wanted = limits.min;
        Ok(Self {
            key,
            boot,
            limits,
            epoll,
            scoreboard,
            scoreboard_file,
            busy,
            reporter: reporter.abort_handle(),
            executors,
            wanted,
            died: 0,
            recycled: 0,
            replacements: Replacements::default(),
            lost: None,
            start_failures: 0,
            pausing: false,
            watch: Watch::default(),
            retirement: 0,
            passing: Vec::new(),
            serial: 0,
        })
    }

    /// Forks executors until there are as many as wanted; those that leave do not count, but keep
    /// their cells until they are gone.
    pub(super) fn fill(&mut self, prototype: &Prototype, events: &Events) -> io::Result<()> {
        while self.staying() < usize::from(self.wanted) {
            let Some(index) = self.executors.iter().position(Option::is_none) else {
                return Ok(());
            };
            self.fork(index, prototype, events)?;
        }
        Ok(())
    }

    fn fork(&mut self, index: usize, prototype: &Prototype, events: &Events) -> io::Result<()> {
        self.serial += 1;
        let cell_index = u16::try_from(index).expect("a pool has at most 65535 executors");
        let key = ExecutorKey { pool: self.key.clone(), index: cell_index, serial: self.serial };
        let (executor, theirs) = Executor::prepare(key, self.lost, events.clone())?;
        self.scoreboard.cell(index).assign();
        let fork =
            ToPrototype::Fork { pool: self.key.index, index: cell_index, cells: self.limits.max };
        let busy = self.busy.get_ref().as_fd();
        let descriptors = [theirs.as_fd(), self.epoll.as_fd(), self.scoreboard_file.as_fd(), busy];
        if let Err(error) = prototype.send(&fork, &descriptors) {
            self.scoreboard.cell(index).clear();
            return Err(error);
        }
        self.executors[index] = Some(executor);
        self.lost = None;
        Ok(())
    }

    /// An executor ended unasked; the next one takes its place, if there must be one.
    pub(super) fn lose(&mut self, now_ns: u64) {
        self.lost = (self.staying() < usize::from(self.wanted)).then_some(now_ns);
    }

    /// Notes how long it took until those that were started in place of others were ready.
    pub(super) fn note_replacements(&mut self) {
        for (executor, cell) in self.executors.iter_mut().zip(self.scoreboard.cells()) {
            let Some(executor) = executor else { continue };
            let (Some(lost_ns), Some(ready_ns)) = (executor.replaces, cell.ready_ns()) else {
                continue;
            };
            executor.replaces = None;
            let took_us = ready_ns.saturating_sub(lost_ns) / 1000;
            let noted = &mut self.replacements;
            noted.count += 1;
            noted.last_us = took_us;
            noted.max_us = noted.max_us.max(took_us);
        }
    }

    /// Executors that have not been asked to leave.
    pub(super) fn staying(&self) -> usize {
        self.executors.iter().flatten().filter(|executor| executor.leaving.is_none()).count()
    }

    /// Tells every executor of a connection before epoll names it.
    pub(super) fn hint(&self, message: &ToExecutor, connection: BorrowedFd<'_>) {
        for executor in self.executors.iter().flatten() {
            executor.hint(message, connection);
        }
    }

    /// The executor of this life in this cell.
    pub(super) fn executor_mut(&mut self, key: &ExecutorKey) -> Option<&mut Executor> {
        let executor = self.executors.get_mut(usize::from(key.index))?.as_mut()?;
        (executor.serial == key.serial).then_some(executor)
    }

    /// Asks the executor in a cell to exit once it is idle.
    pub(super) fn ask_to_leave(&mut self, index: usize, now: Instant) {
        if let Some(executor) = &mut self.executors[index] {
            executor.leaving = Some(now);
            self.scoreboard.cell(index).ask(Command::Stop, 0);
            executor.interrupt();
        }
    }

    /// Whether connections are ready that no executor has taken. It takes nothing itself.
    pub(super) fn requests_wait(&self) -> bool {
        let mut epoll = [PollFd::new(&self.epoll, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut epoll, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    /// Whether as many executors as are wanted wait for calls, or work.
    pub(super) fn is_ready(&self) -> bool {
        let ready = |(executor, cell): (&Option<Executor>, &shm::Cell)| {
            executor.is_some() && cell.ready_ns().is_some()
        };
        let all = self.executors.iter().zip(self.scoreboard.cells());
        all.filter(|pair| ready(*pair)).count() >= usize::from(self.wanted)
    }

    /// Calls that are running now.
    pub(super) fn running(&self) -> usize {
        self.scoreboard.cells().filter(|cell| cell.running().is_some()).count()
    }

    /// Executors that can take no connection now, without those that start.
    pub(super) fn busy(&self) -> usize {
        let preparing = |cell: &&Cell| cell.state() == State::Preparing;
        self.in_flight() + self.scoreboard.cells().filter(preparing).count()
    }

    /// Executors that have a call.
    pub(super) fn in_flight(&self) -> usize {
        let has_call = |state| {
            matches!(state, State::Reading | State::Running | State::Replying | State::Answered)
        };
        self.scoreboard.cells().filter(|cell| has_call(cell.state())).count()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.reporter.abort();
    }
}

/// Turns the pool's eventfd into events.
async fn report_busy(busy: Arc<AsyncFd<OwnedFd>>, pool: PoolKey, events: Events) {
    let mut count = [0; 8];
    loop {
        let Ok(mut ready) = busy.readable().await else {
            return;
        };
        let read = |fd: &AsyncFd<OwnedFd>| Ok(rustix::io::read(fd.get_ref(), &mut count)?);
        if matches!(ready.try_io(read), Ok(Ok(_)))
            && events.send(Event::Busy(pool.clone())).await.is_err()
        {
            return;
        }
    }
}
