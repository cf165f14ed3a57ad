//! The scoreboard of a pool: what each executor is doing, for time limits, metrics, and for
//! answering in place of one that died. Counters per function beside it.
//!
//! One writer per field: an executor writes its own cell's first half, the supervisor the second.
//! The supervisor reads a cell as a seqlock on `seq`: odd while a call is on, even between calls.

use crate::histogram::{BUCKETS, bucket};
use crate::page::{Page, Shared};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Result;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// What an executor is doing. After `Replying` began, half an answer may be out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    Empty = 0,
    Starting = 1,
    Idle = 2,
    Reading = 3,
    Running = 4,
    Replying = 5,
    /// The whole answer is out; the PHP request is still being closed.
    Answered = 6,
    /// Between two calls: the files that each request requires are run.
    Preparing = 7,
}

impl State {
    fn from_u32(value: u32) -> Self {
        match value {
            1 => Self::Starting,
            2 => Self::Idle,
            3 => Self::Reading,
            4 => Self::Running,
            5 => Self::Replying,
            6 => Self::Answered,
            7 => Self::Preparing,
            _ => Self::Empty,
        }
    }
}

/// What the supervisor asks of an executor; read when its signal arrives and between calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Command {
    None = 0,
    /// Interrupt the call of a given `seq`: its deadline passed.
    TimeOut = 1,
    /// Interrupt it: the caller cancelled.
    Cancel = 2,
    /// Exit when idle; does not take back an interruption.
    Stop = 3,
}

/// An executor's cell: two cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Cell {
    state: AtomicU32,
    function: AtomicU32,
    seq: AtomicU64,
    connection: AtomicU64,
    request_id: AtomicU64,
    started_ns: AtomicU64,
    deadline_ns: AtomicU64,
    calls: AtomicU64,
    errors: AtomicU64,
    // Second line: written by the supervisor, but for `ready_ns`, `owner` and `passed`.
    stop: AtomicU32,
    pid: AtomicU32,
    /// `Command` in the lowest two bits, above them the call's `seq`: one word, so that a command is
    /// never taken for another call's.
    interruption: AtomicU64,
    ready_ns: AtomicU64,
    /// Whose an answered call's connection is, by the call's `seq`: see [`Cell::take_connection`].
    /// Written by both sides.
    owner: AtomicU64,
    /// Written by the executor: the last retirement of its pool that it saw while it held nothing.
    passed: AtomicU32,
    unused: [AtomicU32; 7],
}

#[allow(unsafe_code)]
// SAFETY: atomics alone, repr(C).
unsafe impl Shared for Cell {}

/// A call in flight, as read from a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    pub state: State,
    pub seq: u64,
    pub function: u32,
    /// 0 = none, or the supervisor has taken it.
    pub connection: u64,
    pub request_id: u64,
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub started_ns: u64,
    /// 0 = no deadline.
    pub deadline_ns: u64,
}

impl Cell {
    /// Executor: a connection was named by epoll and is about to be read.
    pub fn reading(&self, connection: u64) {
        // Release, as everywhere after `finish`: what is stored now must not be seen with the old `seq`.
        self.connection.store(connection, Ordering::Release);
        self.state.store(State::Reading as u32, Ordering::Release);
    }

    /// Executor: a call begins. Returns its `seq`.
    pub fn begin(&self, function: u32, request_id: u64, started_ns: u64, deadline_ns: u64) -> u64 {
        let seq = self.seq.load(Ordering::Relaxed) + 1;
        // Whoever sees a field of this call sees that the last one has finished.
        fence(Ordering::Release);
        self.function.store(function, Ordering::Relaxed);
        self.request_id.store(request_id, Ordering::Relaxed);
        self.started_ns.store(started_ns, Ordering::Relaxed);
        self.deadline_ns.store(deadline_ns, Ordering::Relaxed);
        self.seq.store(seq, Ordering::Release);
        self.state.store(State::Running as u32, Ordering::Release);
        seq
    }

    /// Executor: the first byte of the answer is about to be written.
    pub fn replying(&self) {
        self.state.store(State::Replying as u32, Ordering::Release);
    }

    /// Executor: the last byte of the answer was written. Its request is still to be closed, which may
    /// take long; meanwhile the supervisor may take the connection.
    pub fn answered(&self) {
        self.owner.store(self.seq.load(Ordering::Relaxed), Ordering::Release);
        self.state.store(State::Answered as u32, Ordering::Release);
    }

    /// Executor, when the request of an answered call is closed and before [`Self::finish`]: whether
    /// the connection is still its own. If not, it must neither read, re-arm nor close it.
    pub fn keep_connection(&self) -> bool {
        let seq = self.seq.load(Ordering::Relaxed);
        // Relaxed where it fails: a connection that was lost is not touched, so nothing is ordered.
        let kept = self.owner.compare_exchange(seq, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if !kept {
            self.released();
        }
        kept
    }

    /// Supervisor: takes the connection of the answered call `call`, for others to use; false when its
    /// executor came first.
    ///
    /// `owner` holds the `seq` of the last answered call from its answer until one side exchanges it:
    /// the executor for 0, the supervisor for `seq + 1`. It is one word and no `seq` comes twice, so
    /// exactly one of them wins, and a view that has grown old wins nothing: not even when the
    /// executor serves the same connection again. The winner's Acquire meets the Release of
    /// [`Self::answered`]: whatever the executor did with the connection in this call came before
    /// whatever the winner does with it.
    pub fn take_connection(&self, call: &Running) -> bool {
        let taken = call.seq + 1;
        self.owner.compare_exchange(call.seq, taken, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Executor: the answer is out, or there is none.
    pub fn finish(&self, failed: bool) {
        self.calls.store(self.calls.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        if failed {
            self.errors.store(self.errors.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        let seq = self.seq.load(Ordering::Relaxed);
        self.seq.store(seq + (seq & 1), Ordering::Release);
    }

    /// Executor: the call that was begun does not run here after all.
    pub fn withdraw(&self) {
        let seq = self.seq.load(Ordering::Relaxed);
        self.state.store(State::Reading as u32, Ordering::Release);
        self.seq.store(seq + (seq & 1), Ordering::Release);
    }

    /// Executor, before it re-arms its connection or after it closed it: it holds none. A name left
    /// behind would hide a connection that another executor took and died with.
    pub fn released(&self) {
        self.connection.store(0, Ordering::Release);
    }

    /// Executor: waits for a connection.
    pub fn idle(&self) {
        self.state.store(State::Idle as u32, Ordering::Release);
    }

    /// Executor, while it holds no connection that epoll may have named before the given retirement of
    /// its pool.
    pub fn pass(&self, retirement: u32) {
        self.passed.store(retirement, Ordering::Release);
    }

    /// Supervisor: the last retirement that the executor has passed.
    pub fn passed(&self) -> u32 {
        self.passed.load(Ordering::Acquire)
    }

    /// Executor: runs the files that each request requires, which may hang. Until the process is ready
    /// its state stays Starting.
    pub fn prepare(&self, now_ns: u64) {
        let state = if self.ready_ns().is_some() { State::Preparing } else { State::Starting };
        self.started_ns.store(now_ns, Ordering::Release);
        self.state.store(state as u32, Ordering::Release);
    }

    /// Supervisor: since when the executor has run them, if it does.
    pub fn preparing_since_ns(&self) -> Option<u64> {
        let prepares = matches!(self.state(), State::Starting | State::Preparing);
        // A time that is younger than the state belongs to a call that has begun since.
        prepares.then(|| self.started_ns.load(Ordering::Relaxed)).filter(|time| *time != 0)
    }

    /// Executor: has started, and waits for its first connection since then.
    pub fn ready(&self, now_ns: u64) {
        self.ready_ns.store(now_ns, Ordering::Relaxed);
        self.idle();
    }

    /// Executor: whether the supervisor asks to interrupt the call `seq`; never `Stop`.
    pub fn command_for(&self, seq: u64) -> Command {
        let asked = self.interruption.load(Ordering::Acquire);
        [Command::TimeOut, Command::Cancel]
            .into_iter()
            .find(|command| interruption(*command, seq) == asked)
            .unwrap_or(Command::None)
    }

    /// Executor: whether the supervisor asks it to exit when idle.
    pub fn stop_asked(&self) -> bool {
        self.stop.load(Ordering::Acquire) != 0
    }

    /// Executor, in its signal handler: the deadline of the current call, 0 = none.
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns.load(Ordering::Relaxed)
    }

    /// Executor, in its signal handler: `seq` of the current call; even between calls.
    pub fn seq(&self) -> u64 {
        self.seq.load(Ordering::Acquire)
    }

    /// Supervisor: a new process takes this cell. Counters of the last one are forgotten.
    pub fn assign(&self) {
        let seq = self.seq.load(Ordering::Relaxed);
        self.seq.store(seq + (seq & 1), Ordering::Relaxed);
        for field in [&self.connection, &self.request_id, &self.started_ns, &self.deadline_ns] {
            field.store(0, Ordering::Relaxed);
        }
        self.ready_ns.store(0, Ordering::Relaxed);
        self.owner.store(0, Ordering::Relaxed);
        self.passed.store(0, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
        self.errors.store(0, Ordering::Relaxed);
        self.pid.store(0, Ordering::Relaxed);
        self.interruption.store(0, Ordering::Relaxed);
        self.stop.store(0, Ordering::Relaxed);
        self.state.store(State::Starting as u32, Ordering::Release);
    }

    /// Supervisor: the process in this cell is gone.
    pub fn clear(&self) {
        self.state.store(State::Empty as u32, Ordering::Release);
    }

    /// Supervisor: asks the executor for something; a signal must follow. `Stop` has no `seq`.
    pub fn ask(&self, command: Command, seq: u64) {
        match command {
            Command::Stop => self.stop.store(1, Ordering::Release),
            command => self.interruption.store(interruption(command, seq), Ordering::Release),
        }
    }

    /// Supervisor: notes the process in this cell.
    pub fn set_pid(&self, pid: u32) {
        self.pid.store(pid, Ordering::Relaxed);
    }

    pub fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    pub fn state(&self) -> State {
        State::from_u32(self.state.load(Ordering::Acquire))
    }

    /// Supervisor: when the process in this cell was ready, by CLOCK_MONOTONIC, once it is.
    pub fn ready_ns(&self) -> Option<u64> {
        Some(self.ready_ns.load(Ordering::Relaxed)).filter(|time| *time != 0)
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Supervisor: a consistent view of the call in flight, if there is one now.
    pub fn running(&self) -> Option<Running> {
        let seq = self.seq.load(Ordering::Acquire);
        let view = self.view(seq);
        fence(Ordering::Acquire);
        let unchanged = self.seq.load(Ordering::Relaxed) == seq;
        (seq & 1 == 1 && unchanged).then_some(view)
    }

    /// Supervisor, of a process that has died: what it left behind, even half-written. Meaningful
    /// fields depend on `state`: `connection` from Reading on, the rest from Running on.
    pub fn remains(&self) -> Running {
        self.view(self.seq.load(Ordering::Acquire))
    }

    fn view(&self, seq: u64) -> Running {
        // Between calls the executor has taken the name out itself.
        let taken = seq & 1 == 1 && self.owner.load(Ordering::Relaxed) == seq + 1;
        Running {
            state: self.state(),
            seq,
            function: self.function.load(Ordering::Relaxed),
            connection: if taken { 0 } else { self.connection.load(Ordering::Relaxed) },
            request_id: self.request_id.load(Ordering::Relaxed),
            started_ns: self.started_ns.load(Ordering::Relaxed),
            deadline_ns: self.deadline_ns.load(Ordering::Relaxed),
        }
    }
}

/// Generations are 16 bits wide; the page has them in 32.
fn as_generation(stored: u32) -> u16 {
    u16::try_from(stored & 0xffff).unwrap_or_default()
}

/// As a cell holds it.
fn interruption(command: Command, seq: u64) -> u64 {
    seq << 2 | u64::from(command as u32)
}

/// Counters of one function, added to by every executor of the pool.
#[derive(Debug)]
#[repr(C)]
pub struct FunctionCounters {
    calls: AtomicU64,
    errors: AtomicU64,
    total_ns: AtomicU64,
    histogram: [AtomicU32; BUCKETS],
}

#[allow(unsafe_code)]
// SAFETY: atomics alone, repr(C).
unsafe impl Shared for FunctionCounters {}

impl FunctionCounters {
    pub fn record(&self, nanoseconds: u64, failed: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.total_ns.fetch_add(nanoseconds, Ordering::Relaxed);
        self.histogram[bucket(nanoseconds)].fetch_add(1, Ordering::Relaxed);
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub fn total_ns(&self) -> u64 {
        self.total_ns.load(Ordering::Relaxed)
    }

    pub fn histogram(&self) -> Vec<u64> {
        self.histogram.iter().map(|count| u64::from(count.load(Ordering::Relaxed))).collect()
    }
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Head {
    /// 1 while the supervisor scans the cells on a timer; 0 while everything was idle and it sleeps.
    watched: AtomicU32,
    /// Of the membership that the supervisor knows.
    epoch: AtomicU32,
    /// Not 0 while new requests of the application go to another release: which retirement of the
    /// pool it is.
    retirement: AtomicU32,
    /// Generation of the application's settings for calls that begin now.
    settings: AtomicU32,
}

/// What the supervisor wants of an executor that begins a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// It sleeps, and must be woken by a write to the pool's eventfd.
    pub wake: bool,
    /// The call must not run here unless it is pinned to this release.
    pub retired: bool,
    /// Generation of settings for a call that is not pinned to one.
    pub settings: u16,
}

#[allow(unsafe_code)]
// SAFETY: atomics alone, repr(C).
unsafe impl Shared for Head {}

/// The mapped scoreboard of a pool.
#[derive(Debug)]
pub struct Scoreboard {
    page: Page,
    cells: usize,
    functions: usize,
}

impl Scoreboard {
    /// A new scoreboard in a memfd, for `cells` executors and `functions` exported functions.
    pub fn create(cells: usize, functions: usize) -> Result<(OwnedFd, Self)> {
        let file = memfd_create("appserver-scoreboard", MemfdFlags::CLOEXEC)?;
        let page = Page::create(&file, Self::bytes(cells, functions))?;
        Ok((file, Self { page, cells, functions }))
    }

    /// Maps the scoreboard that the supervisor made; the sizes must be the same as there.
    pub fn open(file: impl AsFd, cells: usize, functions: usize) -> Result<Self> {
        let page = Page::open(file, Self::bytes(cells, functions), true)?;
        Ok(Self { page, cells, functions })
    }

    fn bytes(cells: usize, functions: usize) -> usize {
        size_of::<Head>() + cells * size_of::<Cell>() + functions * size_of::<FunctionCounters>()
    }

    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        (0..self.cells).map(|index| self.cell(index))
    }

    /// The cell of executor `index`; panics when there is none.
    pub fn cell(&self, index: usize) -> &Cell {
        assert!(index < self.cells, "no such executor");
        self.page.at(size_of::<Head>() + index * size_of::<Cell>())
    }

    /// The counters of the function at `index` in the catalog; panics when there is none.
    pub fn function(&self, index: usize) -> &FunctionCounters {
        assert!(index < self.functions, "no such function");
        let offset = size_of::<Head>() + self.cells * size_of::<Cell>();
        self.page.at(offset + index * size_of::<FunctionCounters>())
    }

    pub fn functions(&self) -> usize {
        self.functions
    }

    /// Executor: epoch of the membership, for the headers of answers.
    pub fn epoch(&self) -> u32 {
        self.head().epoch.load(Ordering::Relaxed)
    }

    /// Supervisor: the membership has this epoch from now on.
    pub fn set_epoch(&self, epoch: u32) {
        self.head().epoch.store(epoch, Ordering::Relaxed);
    }

    fn head(&self) -> &Head {
        self.page.at(0)
    }

    /// Executor, after `Cell::begin`. Pairs with [`Self::retire`]: either the supervisor sees this call
    /// running when it retires the pool, or the call sees that the pool is retired. `wake` is true for
    /// one caller only.
    pub fn orders(&self) -> Orders {
        let wake = self.must_wake_supervisor();
        let head = self.head();
        Orders {
            wake,
            retired: head.retirement.load(Ordering::Relaxed) != 0,
            settings: as_generation(head.settings.load(Ordering::Relaxed)),
        }
    }

    /// Executor, after it has put a connection's name into its cell or taken it out: not 0 when the
    /// connection is the supervisor's to move, and must not be read from. Pairs with [`Self::retire`].
    pub fn retirement(&self) -> u32 {
        fence(Ordering::SeqCst);
        self.head().retirement.load(Ordering::Relaxed)
    }

    /// Supervisor: new calls go elsewhere from now on, or, with 0, come here again. A call that the
    /// cells show after this had begun before it; a connection that no cell names is read by nobody
    /// here. Each retirement of a pool has a number of its own.
    pub fn retire(&self, retirement: u32) {
        self.head().retirement.store(retirement, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Supervisor: calls that begin from now on have these settings.
    pub fn set_settings(&self, generation: u16) {
        self.head().settings.store(generation.into(), Ordering::SeqCst);
    }

    /// Executor: whether the supervisor sleeps and must be woken (by a write to the pool's eventfd).
    /// True for one caller only.
    pub fn must_wake_supervisor(&self) -> bool {
        // Pairs with the fence in `stop_watching`: either the supervisor's last look sees our cell
        // running, or we see that nobody watches.
        fence(Ordering::SeqCst);
        let head = self.head();
        head.watched.load(Ordering::Relaxed) == 0 && head.watched.swap(1, Ordering::Relaxed) == 0
    }

    /// Supervisor: about to sleep. Look at the cells once more after this; if one is running, call
    /// [`Self::watch`] again.
    pub fn stop_watching(&self) {
        self.head().watched.store(0, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Supervisor: scans the cells from now on.
    pub fn watch(&self) {
        self.head().watched.store(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_seen_from_begin_to_finish_through_another_mapping() {
        let (file, ours) = Scoreboard::create(2, 3).unwrap();
        let theirs = Scoreboard::open(&file, 2, 3).unwrap();
        ours.cell(1).assign();
        theirs.cell(1).reading(7);
        assert_eq!(ours.cell(1).running(), None);
        assert_eq!(ours.cell(1).remains().connection, 7);
        let seq = theirs.cell(1).begin(2, 99, 10, 20);
        let running = ours.cell(1).running().unwrap();
        assert_eq!((running.request_id, running.function, running.seq), (99, 2, seq));
        assert_eq!(running.deadline_ns, 20);
        theirs.cell(1).finish(true);
        assert_eq!(ours.cell(1).running(), None);
        assert_eq!((ours.cell(1).calls(), ours.cell(1).errors()), (1, 1));
    }

    #[test]
    fn a_new_process_in_a_cell_is_ready_when_it_says_so() {
        let (_file, board) = Scoreboard::create(1, 0).unwrap();
        let cell = board.cell(0);
        cell.assign();
        assert_eq!((cell.state(), cell.ready_ns()), (State::Starting, None));
        cell.ready(7);
        assert_eq!((cell.state(), cell.ready_ns()), (State::Idle, Some(7)));
        cell.assign();
        assert_eq!(cell.ready_ns(), None);
    }

    #[test]
    fn files_of_a_request_run_in_a_process_that_starts_or_between_calls() {
        let (_file, board) = Scoreboard::create(1, 0).unwrap();
        let cell = board.cell(0);
        cell.assign();
        assert_eq!(cell.preparing_since_ns(), None, "it was only asked for");
        cell.prepare(5);
        assert_eq!((cell.state(), cell.preparing_since_ns()), (State::Starting, Some(5)));
        cell.ready(7);
        assert_eq!(cell.preparing_since_ns(), None);
        cell.prepare(9);
        assert_eq!((cell.state(), cell.preparing_since_ns()), (State::Preparing, Some(9)));
    }

    #[test]
    fn a_connection_that_was_given_back_is_named_no_more() {
        let (_file, board) = Scoreboard::create(1, 0).unwrap();
        board.cell(0).reading(7);
        board.cell(0).released();
        assert_eq!(board.cell(0).remains().connection, 0);
    }

    #[test]
    fn an_answered_call_s_connection_goes_to_whoever_comes_first() {
        let (file, ours) = Scoreboard::create(1, 0).unwrap();
        let theirs = Scoreboard::open(&file, 1, 0).unwrap();
        let (ours, theirs) = (ours.cell(0), theirs.cell(0));
        let serve = || {
            theirs.reading(7);
            theirs.begin(0, 1, 0, 0);
            let call = ours.running().unwrap();
            assert!(!ours.take_connection(&call), "it is not answered");
            theirs.answered();
            call
        };
        let first = serve();
        assert!(theirs.keep_connection());
        assert!(!ours.take_connection(&first));
        theirs.finish(false);

        let second = serve();
        assert!(!ours.take_connection(&first), "a view of an older call takes nothing");
        assert!(ours.take_connection(&second));
        assert_eq!(ours.running().unwrap().connection, 0);
        assert!(!theirs.keep_connection());
        theirs.finish(false);
        theirs.reading(8);
        assert_eq!(ours.remains().connection, 8, "what is read next is its own again");
    }

    #[test]
    fn of_two_that_want_an_answered_call_s_connection_exactly_one_gets_it() {
        let (file, ours) = Scoreboard::create(1, 0).unwrap();
        let theirs = Scoreboard::open(&file, 1, 0).unwrap();
        let (asked, ask) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let supervisor = scope.spawn(|| {
                let cell = ours.cell(0);
                let mut taken = 0;
                for round in 1..=10_000 {
                    while ask.load(Ordering::Acquire) < round {
                        std::thread::yield_now();
                    }
                    taken +=
                        u32::from(cell.running().is_some_and(|call| cell.take_connection(&call)));
                    asked.store(round, Ordering::Release);
                }
                taken
            });
            let cell = theirs.cell(0);
            let mut kept = 0;
            for round in 1..=10_000 {
                cell.reading(7);
                cell.begin(0, round, 0, 0);
                cell.answered();
                ask.store(round, Ordering::Release);
                kept += u32::from(cell.keep_connection());
                while asked.load(Ordering::Acquire) < round {
                    std::thread::yield_now();
                }
                cell.finish(false);
            }
            assert_eq!(supervisor.join().unwrap() + kept, 10_000);
        });
    }

    #[test]
    fn an_interruption_meant_for_one_call_does_not_reach_the_next() {
        let (_file, board) = Scoreboard::create(1, 1).unwrap();
        let cell = board.cell(0);
        let first = cell.begin(0, 1, 0, 0);
        cell.ask(Command::TimeOut, first);
        assert_eq!(cell.command_for(cell.seq()), Command::TimeOut);
        cell.finish(false);
        let second = cell.begin(0, 2, 0, 0);
        assert_eq!(cell.command_for(second), Command::None);
    }

    #[test]
    fn a_stop_takes_no_interruption_back() {
        let (_file, board) = Scoreboard::create(1, 1).unwrap();
        let cell = board.cell(0);
        let seq = cell.begin(0, 1, 0, 0);
        cell.ask(Command::TimeOut, seq);
        cell.ask(Command::Stop, 0);
        assert_eq!((cell.command_for(seq), cell.stop_asked()), (Command::TimeOut, true));
        cell.assign();
        assert_eq!((cell.command_for(seq), cell.stop_asked()), (Command::None, false));
    }

    #[test]
    fn exactly_one_executor_wakes_a_sleeping_supervisor() {
        let (_file, board) = Scoreboard::create(2, 0).unwrap();
        board.watch();
        assert!(!board.must_wake_supervisor());
        board.stop_watching();
        assert!(board.must_wake_supervisor());
        assert!(!board.must_wake_supervisor());
    }

    #[test]
    fn a_pool_is_retired_and_taken_back_for_calls_that_begin_later() {
        let (file, ours) = Scoreboard::create(1, 0).unwrap();
        let theirs = Scoreboard::open(&file, 1, 0).unwrap();
        ours.watch();
        ours.set_settings(7);
        assert_eq!(theirs.orders(), Orders { wake: false, retired: false, settings: 7 });
        ours.retire(3);
        assert_eq!((theirs.orders().retired, theirs.retirement()), (true, 3));
        theirs.cell(0).pass(3);
        assert_eq!(ours.cell(0).passed(), 3);
        ours.retire(0);
        assert_eq!((theirs.orders().retired, theirs.retirement()), (false, 0));
    }

    #[test]
    fn the_epoch_is_0_until_it_is_set_and_seen_by_all() {
        let (file, ours) = Scoreboard::create(1, 0).unwrap();
        let theirs = Scoreboard::open(&file, 1, 0).unwrap();
        assert_eq!(theirs.epoch(), 0);
        ours.set_epoch(7);
        assert_eq!(theirs.epoch(), 7);
    }

    #[test]
    fn a_scoreboard_smaller_than_announced_is_refused() {
        let (file, _board) = Scoreboard::create(1, 0).unwrap();
        assert!(Scoreboard::open(&file, 64, 1000).is_err());
    }

    #[test]
    fn functions_count_calls_errors_and_time() {
        let (_file, board) = Scoreboard::create(1, 1).unwrap();
        board.function(0).record(3_500, false);
        board.function(0).record(1_000_000, true);
        let counters = board.function(0);
        assert_eq!((counters.calls(), counters.errors(), counters.total_ns()), (2, 1, 1_003_500));
        assert_eq!(counters.histogram().iter().sum::<u64>(), 2);
    }
}
