//! What holds for all executors of a pool: whether the supervisor watches, and where new calls go.

use super::Scoreboard;
use crate::page::shared;
use std::sync::atomic::{AtomicU32, Ordering, fence};

shared! {
    #[derive(Debug)]
    #[repr(align(64))]
    pub(super) struct Head {
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

impl Scoreboard {
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

    /// Executor: epoch of the membership, for the headers of answers.
    pub fn epoch(&self) -> u32 {
        self.head().epoch.load(Ordering::Relaxed)
    }

    /// Supervisor: the membership has this epoch from now on.
    pub fn set_epoch(&self, epoch: u32) {
        self.head().epoch.store(epoch, Ordering::Relaxed);
    }
}

/// Generations are 16 bits wide; the page has them in 32.
fn as_generation(stored: u32) -> u16 {
    u16::try_from(stored & 0xffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
