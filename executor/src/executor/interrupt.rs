//! The supervisor's signal: a call's time is up, its caller cancelled it, or the executor is to stop.
//!
//! Contract: the handler does atomic loads and stores, on the cell that [`install`] was given, which
//! stays mapped until the process ends, and sets a timer. It may interrupt anything, PHP's allocator
//! included.
//!
//! Stop may come between a look at [`stop_asked`] and the sleep that follows. Instead of holding the
//! signal back around every sleep, at the price of two system calls, a timer repeats it.
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
/// Sends the signal again while an executor that is to stop may sleep.
static REPEAT: AtomicPtr<libc::c_void> = AtomicPtr::new(ptr::null_mut());
const REPEAT_NS: libc::c_long = 5_000_000;

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
        let mut event: libc::sigevent = MaybeUninit::zeroed().assume_init();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = signal();
        let mut timer = ptr::null_mut();
        if libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) == -1 {
            return Err(io::Error::last_os_error()).context("timer_create");
        }
        REPEAT.store(timer, Ordering::Release);
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
    if cell.stop_asked() {
        STOP.store(true, Ordering::Relaxed);
        // A call that runs is not disturbed; the flag is looked at when it has ended.
        repeat(if seq & 1 == 0 { REPEAT_NS } else { 0 });
    }
    let (reason, why) = match cell.command_for(seq) {
        Command::TimeOut => (TIME_OUT, Interrupt::TimedOut),
        Command::Cancel => (CANCEL, Interrupt::Cancelled),
        Command::None | Command::Stop => return,
    };
    // Even between calls: then the command was for one that has ended.
    if seq & 1 == 0 || super::fork_guard::is_stranger() {
        return;
    }
    // Once for each call: what it does at its end is not interrupted by a signal for something else.
    if REASON.compare_exchange(NONE, reason, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        embed::interrupt(why);
    }
}

/// Async-signal-safe. 0 = no more.
fn repeat(interval_ns: libc::c_long) {
    let interval = libc::timespec { tv_sec: 0, tv_nsec: interval_ns };
    let setting = libc::itimerspec { it_interval: interval, it_value: interval };
    let timer = REPEAT.load(Ordering::Acquire);
    if !timer.is_null() && !super::fork_guard::is_stranger() {
        // SAFETY: this process's timer; a valid setting.
        unsafe { libc::timer_settime(timer, 0, &setting, ptr::null_mut()) };
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
