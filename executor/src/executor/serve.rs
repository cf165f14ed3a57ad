//! The loop of an executor: wait, serve, clean up.

use super::answer::Answer;
use super::clock::{NS_PER_US, now_ns};
use super::connections::{Connection, Connections};
use super::functions::Functions;
use super::intake::{Intake, Read};
use super::patience::Patience;
use super::prologue::{Prologue, PrologueFailure};
use super::seat::Seat;
use super::waiting::{others_wait, rearm, sleep};
use super::{fork_guard, interrupt, journal};
use anyhow::{Result, anyhow};
use embed::{Php, Request};
use protocol::{Boot, Catalog, FromExecutor};
use values::AllowedClasses;

/// Looks at a connection between two looks at the clock and at who else waits.
const LOOKS_PER_ROUND: u32 = 16;

/// Everything a call needs but PHP.
pub(super) struct Server<'a> {
    pub(super) boot: &'a Boot,
    pub(super) seat: &'a Seat,
    pub(super) functions: Functions<'a>,
    pub(super) classes: AllowedClasses,
    pub(super) connections: Connections<'a>,
    pub(super) intake: Intake,
    pub(super) answer: Answer,
    pub(super) patience: Patience,
    /// Set while the scoreboard says that a call is on.
    pub(super) on: Option<On>,
    /// Whether the pool was retired when the last call began.
    pub(super) retired: bool,
    /// Whether the scoreboard has been told that this process has started.
    ready: bool,
    calls_left: u64,
}

/// A call that was answered, while its request is still to be closed.
pub(super) struct On {
    pub(super) failed: bool,
    pub(super) request_id: u64,
    /// In the catalog.
    pub(super) function: usize,
}

/// A connection whose turn it is, with what was read from it already.
pub(super) struct Turn {
    pub(super) connection: Connection,
    pub(super) read: Option<Read>,
}

/// What a call leaves of its request context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Clean,
    /// `exit()`: over, but in order.
    Over,
    /// Not to be trusted.
    Broken,
    /// This process is a child that the function forked.
    Stranger,
}

/// How a connection's turn ended.
#[derive(Clone, Copy, Debug)]
struct Over {
    /// Unless the supervisor has given it to others, because closing the request took long.
    connection: Option<Connection>,
    /// Whether a command came for the call when it was all but over.
    interrupted: bool,
}

impl<'a> Server<'a> {
    pub(super) fn new(boot: &'a Boot, catalog: &'a Catalog, seat: &'a Seat) -> Result<Self> {
        Ok(Self {
            boot,
            seat,
            functions: Functions::new(catalog),
            classes: AllowedClasses::rooted(&boot.root, &boot.classes),
            connections: Connections::new(boot, seat)?,
            intake: Intake::new(boot.frame_bytes_max, boot.frame_timeout_ms),
            answer: Answer::new(boot),
            patience: Patience::new(boot.busy_poll_us),
            on: None,
            retired: false,
            ready: false,
            calls_left: jittered(seat.pool.max_calls),
        })
    }

    /// Serves each call in a request context of its own, opened before the call comes. Returns why
    /// the process is to end.
    pub(super) fn stateless(&mut self, php: &mut Php, prologue: &Prologue) -> Result<String> {
        let mut current = None;
        loop {
            let request = open(php)?;
            let ready = self.prepare(prologue, &request);
            let Some(turn) = self.next(current)? else { return Ok(stopped()) };
            let connection = turn.connection;
            let context = self.serve(turn, &request, ready.as_ref().err())?;
            let clean = close(request);
            // What came too late for the call does not matter: its request is closed.
            let Over { connection, .. } = self.finish(connection);
            if context == Context::Broken || !clean {
                self.give_back(connection)?;
                return Ok(given_up());
            }
            if self.calls_left == 0 {
                self.give_back(connection)?;
                return Ok(recycled());
            }
            current = if prologue.is_empty() {
                connection
            } else {
                // Its next call need not wait for our files: another executor may be ready.
                self.give_back(connection)?;
                None
            };
        }
    }

    /// Serves every call in one request context. Returns why the process is to end.
    pub(super) fn resident(&mut self, php: &mut Php, prologue: &Prologue) -> Result<String> {
        let request = open(php)?;
        let ready = self.prepare(prologue, &request);
        let mut current = None;
        loop {
            let Some(turn) = self.next(current)? else { return Ok(stopped()) };
            let connection = turn.connection;
            let context = self.serve(turn, &request, ready.as_ref().err())?;
            let reset = context == Context::Clean && reset(&request);
            if !reset || ready.is_err() {
                close(request);
                let Over { connection, .. } = self.finish(connection);
                self.give_back(connection)?;
                return Ok(given_up());
            }
            let Over { connection, interrupted } = self.finish(connection);
            if interrupted {
                self.give_back(connection)?;
                close(request);
                return Ok(given_up());
            }
            if self.calls_left == 0 {
                self.give_back(connection)?;
                close(request);
                return Ok(recycled());
            }
            current = connection;
        }
    }

    /// What every request requires before its call. It is no call, so it has no deadline, but a limit.
    fn prepare(&self, prologue: &Prologue, request: &Request<'_>) -> Result<(), PrologueFailure> {
        if !prologue.is_empty() {
            self.seat.cell().prepare(now_ns());
            self.seat.wake_supervisor();
        }
        prologue.run(request)
    }

    /// The next connection with something to read; `None` when the process is to end.
    fn next(&mut self, current: Option<Connection>) -> Result<Option<Turn>> {
        // Perhaps forked by the files that every request requires.
        fork_guard::leave_if_stranger();
        if self.ready {
            self.seat.cell().idle();
        } else {
            self.seat.cell().ready(now_ns());
            self.ready = true;
        }
        if let Some(connection) = current {
            let stays = connection.is_pinned() || !self.retired;
            if stays && let Some(read) = self.watch(connection) {
                return Ok(Some(Turn { connection, read: Some(read) }));
            }
            self.give_back(Some(connection))?;
        }
        self.intake.shrink();
        self.answer.shrink();
        loop {
            let Some(connection) = sleep(self.seat)? else { return Ok(None) };
            self.seat.cell().reading(connection.name());
            let retirement = self.retirement_for(connection);
            if retirement == 0 && self.connections.hold(connection)? {
                return Ok(Some(Turn { connection, read: None }));
            }
            self.seat.cell().released();
            self.seat.cell().idle();
            self.tell_released(connection, retirement)?;
        }
    }

    /// Looks at the connection for a while without sleeping; what was read, if anything was.
    fn watch(&mut self, connection: Connection) -> Option<Read> {
        let limit_us = self.patience.take_us(connection);
        if limit_us == 0 || !self.connections.holds(connection) {
            return None;
        }
        let deadline_ns = now_ns() + u64::from(limit_us) * NS_PER_US;
        loop {
            for _ in 0..LOOKS_PER_ROUND {
                let read = self.read(connection);
                if read != Read::Nothing {
                    self.patience.paid();
                    return Some(read);
                }
                std::hint::spin_loop();
            }
            if now_ns() >= deadline_ns {
                self.patience.wasted();
                return None;
            }
            if interrupt::stop_asked() || others_wait(self.seat) {
                return None;
            }
        }
    }

    /// Makes the connection ready for whoever is idle, unless it is closed, another's already or goes to
    /// another release.
    fn give_back(&mut self, connection: Option<Connection>) -> Result<()> {
        self.seat.cell().released();
        // It may be closed, or handed over and another executor's by now.
        let Some(connection) = connection.filter(|c| self.connections.holds(*c)) else {
            return Ok(());
        };
        match self.retirement_for(connection) {
            0 => rearm(self.seat, &self.connections, connection),
            retirement => self.tell_released(connection, retirement),
        }
    }

    /// Not 0 when the connection is the supervisor's to move.
    fn retirement_for(&self, connection: Connection) -> u32 {
        if connection.is_pinned() { 0 } else { self.seat.scoreboard.retirement() }
    }

    fn tell_released(&self, connection: Connection, retirement: u32) -> Result<()> {
        if retirement == 0 {
            return Ok(());
        }
        let Connection { slot, generation } = connection;
        self.seat.control.send(&FromExecutor::Released { slot, generation, retirement }, &[])
    }

    /// The connection's turn, and what its call's request did at the end, is over.
    fn finish(&mut self, connection: Connection) -> Over {
        let mut kept = true;
        if let Some(on) = self.on.take() {
            // While the call counts as on: one that dies in between leaves its connection to the
            // supervisor.
            kept = self.seat.cell().keep_connection();
            self.seat.cell().finish(on.failed);
            self.calls_left = self.calls_left.saturating_sub(1);
            // With what destructors and shutdown functions had to say.
            journal::flush(self.seat, on.request_id, self.functions.name(on.function));
        }
        // A command that came too late must not meet the next call, nor the engine go on with it.
        let interrupted = interrupt::take().is_some();
        if interrupted {
            embed::interrupt_clear();
        }
        Over { connection: kept.then_some(connection), interrupted }
    }
}

fn open(php: &mut Php) -> Result<Request<'_>> {
    php.request().map_err(|error| anyhow!("opening a request: {error}"))
}

/// Whether the request ended in order.
fn close(request: Request<'_>) -> bool {
    let clean = request.close();
    // Perhaps forked just now, by a destructor or a shutdown function.
    fork_guard::leave_if_stranger();
    clean && interrupt::pending().is_none()
}

/// Whether a resident request is fit for its next call.
fn reset(request: &Request<'_>) -> bool {
    let whole = request.guard(|| request.reset_between_calls()).is_ok_and(|whole| whole);
    let whole = request.discard_exception() && whole;
    // Perhaps forked just now, by a shutdown function.
    fork_guard::leave_if_stranger();
    whole && interrupt::pending().is_none()
}

fn given_up() -> String {
    "a request was given up".to_owned()
}

fn stopped() -> String {
    "stopped".to_owned()
}

fn recycled() -> String {
    "recycled: it served its calls (executors.max_calls)".to_owned()
}

/// Up to an eighth less, so that the executors of a pool are not recycled all at once. 0 = never.
fn jittered(max_calls: u64) -> u64 {
    if max_calls == 0 {
        return u64::MAX;
    }
    let pid = rustix::process::getpid().as_raw_pid().unsigned_abs();
    let spread = max_calls / 8 + 1;
    // Fibonacci hashing: neighbouring process ids come out far apart.
    let hash = u64::from(pid).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (max_calls - hash % spread).max(1)
}
