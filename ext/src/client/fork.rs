//! Notices that this process is a forked child, at the price of one memory load.
//!
//! `unsafe` is here for one page of anonymous memory that the kernel wipes in a forked child
//! (`MADV_WIPEONFORK`, Linux 4.14), which works for every kind of fork, unlike atfork handlers.
//!
//! Contract: the page is mapped once, never unmapped, and read and written as one atomic byte.
#![allow(unsafe_code)]

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU8, Ordering};

const PAGE_BYTES: usize = 4096;

/// Remembers the process it was made in.
#[derive(Debug)]
pub(super) struct ForkMark {
    page: Option<NonNull<AtomicU8>>,
    pid: u32,
}

impl ForkMark {
    /// Marks the current process.
    pub(super) fn new() -> Self {
        let mark = Self { page: wiped_on_fork(), pid: std::process::id() };
        mark.set();
        mark
    }

    /// Whether a fork happened since the last call; true once per child.
    pub(super) fn is_child(&mut self) -> bool {
        let forked = match self.byte() {
            Some(byte) => byte.load(Ordering::Relaxed) == 0,
            None => self.pid != std::process::id(),
        };
        if forked {
            self.pid = std::process::id();
            self.set();
        }
        forked
    }

    fn set(&self) {
        if let Some(byte) = self.byte() {
            byte.store(1, Ordering::Relaxed);
        }
    }

    fn byte(&self) -> Option<&AtomicU8> {
        // SAFETY: the page stays mapped for the life of the process; any byte is a valid AtomicU8.
        self.page.map(|page| unsafe { page.as_ref() })
    }
}

fn wiped_on_fork() -> Option<NonNull<AtomicU8>> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a fresh mapping at an address of the kernel's choice.
    let page =
        unsafe { mmap_anonymous(ptr::null_mut(), PAGE_BYTES, protection, MapFlags::PRIVATE).ok()? };
    // SAFETY: the range is the mapping just made.
    unsafe { madvise(page, PAGE_BYTES, Advice::LinuxWipeOnFork).ok()? };
    NonNull::new(page.cast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_made_the_mark_is_not_a_child() {
        let mut mark = ForkMark::new();
        assert!(!mark.is_child());
        assert!(!mark.is_child());
    }
}
