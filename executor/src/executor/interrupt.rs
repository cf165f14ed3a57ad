//! The supervisor's signal: a call's time is up, its caller cancelled it, or the executor is to stop.
//!
//! Contract: the handler does atomic loads and stores alone, on the cell that [`install`] was given,
//! which stays mapped until the process ends. It may interrupt anything, PHP's allocator included.
#![allow(unsafe_code)]

use anyhow::{Context, Result};
use embed::Interrupt;
use shm::{Cell, Command};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

/// Beyond the real-time signals that glibc keeps to itself, and away from the first few, which
/// applications tend to use.
fn signal() -> i32 {
    libc::SIGRTMIN() + 5
}

/// Why the running call was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    TimeOut,
    Cancel,
}

const NONE: u8 = 0;
const TIME_OUT: u8 = 1;
const CANCEL: u8 = 2;

static CELL: AtomicPtr<Cell> = AtomicPtr::new(ptr::null_mut());
static REASON: AtomicU8 = AtomicU8::new(NONE);
static STOP: AtomicBool = AtomicBool::new(false);

/// Begins to listen for this process's cell.
pub(super) fn install(cell: &Cell) -> Result<()> {
    CELL.store(ptr::from_ref(cell).cast_mut(), Ordering::Release);
    let handler: extern "C" fn(i32) = handle;
    // SAFETY: `handle` keeps to the contract above. Without SA_RESTART a blocking call returns.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler as usize;
        libc::sigemptyset(&mut action.sa_mask);
        if libc::sigaction(signal(), &action, ptr::null_mut()) == -1 {
            return Err(io::Error::last_os_error()).context("sigaction");
        }
    }
    Ok(())
}

/// Rust's own handler for faults would tell a stack overflow apart and abort. A fault in PHP or an
/// extension is to end the process by its own signal, which the supervisor then names.
pub(super) fn default_faults() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: no handler, no memory.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

extern "C" fn handle(_signal: i32) {
    let cell = CELL.load(Ordering::Acquire);
    // SAFETY: null, or a cell that stays mapped.
    let Some(cell) = (unsafe { cell.as_ref() }) else { return };
    let seq = cell.seq();
    let (reason, why) = match cell.command_for(seq) {
        Command::TimeOut => (TIME_OUT, Interrupt::TimedOut),
        Command::Cancel => (CANCEL, Interrupt::Cancelled),
        Command::Stop => return STOP.store(true, Ordering::Relaxed),
        Command::None => return,
    };
    // Even between calls: then the command was for one that has ended.
    if seq & 1 == 1 && !super::fork_guard::is_stranger() {
        REASON.store(reason, Ordering::Relaxed);
        embed::interrupt(why);
    }
}

/// Why the call that has just ended was interrupted, if it was; the next one starts afresh.
pub(super) fn take() -> Option<Reason> {
    match REASON.swap(NONE, Ordering::Relaxed) {
        TIME_OUT => Some(Reason::TimeOut),
        CANCEL => Some(Reason::Cancel),
        _ => None,
    }
}

/// Why the running call was interrupted so far.
pub(super) fn pending() -> Option<Reason> {
    match REASON.load(Ordering::Relaxed) {
        TIME_OUT => Some(Reason::TimeOut),
        CANCEL => Some(Reason::Cancel),
        _ => None,
    }
}

/// Whether the supervisor wants this process to end.
pub(super) fn stop_asked() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// While this lives the signal is held back, so that a check and a wait leave no gap between them.
pub(super) struct HeldBack {
    /// The mask to wait with, in which the signal may arrive.
    open: libc::sigset_t,
}

impl HeldBack {
    pub(super) fn new() -> Result<Self> {
        let mut open = MaybeUninit::uninit();
        let mut only = MaybeUninit::uninit();
        // SAFETY: sigemptyset and sigprocmask initialise the sets.
        unsafe {
            libc::sigemptyset(only.as_mut_ptr());
            libc::sigaddset(only.as_mut_ptr(), signal());
            if libc::sigprocmask(libc::SIG_BLOCK, only.as_ptr(), open.as_mut_ptr()) == -1 {
                return Err(io::Error::last_os_error()).context("sigprocmask");
            }
            Ok(Self { open: open.assume_init() })
        }
    }

    /// `epoll_pwait` for one event, without a time limit; `None` when a signal came first.
    pub(super) fn wait(&self, epoll: i32) -> Result<Option<u64>> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event; the mask is initialised.
        match unsafe { libc::epoll_pwait(epoll, &mut event, 1, -1, &self.open) } {
            1 => Ok(Some(event.u64)),
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => Ok(None),
            -1 => Err(io::Error::last_os_error()).context("epoll_pwait"),
            _ => Ok(None),
        }
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        // SAFETY: the mask is initialised.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &self.open, ptr::null_mut()) };
    }
}
