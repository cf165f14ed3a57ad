//! What an executor is given when it is forked: its place in a pool.

use crate::control::Channel;
use anyhow::{Context, Result, bail};
use protocol::{Boot, Catalog, PoolBoot};
use rustix::fd::OwnedFd;
use shm::{Cell, Orders, Scoreboard};

/// A place in a pool.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) pool: PoolBoot,
    pub(crate) index: u16,
    /// Messages from and to the supervisor.
    pub(crate) control: Channel,
    /// The pool's shared epoll.
    pub(crate) epoll: OwnedFd,
    pub(crate) scoreboard: Scoreboard,
    /// Written to when the supervisor sleeps and a call begins.
    pub(crate) wake: OwnedFd,
}

impl Seat {
    /// `place` is pool, index and number of cells; `fds` the four that come with Fork.
    pub(crate) fn new(
        boot: &Boot,
        catalog: &Catalog,
        place: (u16, u16, u16),
        fds: Vec<OwnedFd>,
    ) -> Result<Self> {
        let (pool, index, cells) = place;
        let pool = boot.pools.get(usize::from(pool)).context("no such pool")?.clone();
        let Ok([control, epoll, scoreboard, wake]) = <[OwnedFd; 4]>::try_from(fds) else {
            bail!("Fork carries four descriptors");
        };
        if index >= cells {
            bail!("cell {index} of {cells}");
        }
        let functions = catalog.functions.len();
        let scoreboard = Scoreboard::open(&scoreboard, usize::from(cells), functions)
            .context("mapping the scoreboard")?;
        Ok(Self { pool, index, control: Channel::new(control), epoll, scoreboard, wake })
    }

    pub(crate) fn cell(&self) -> &Cell {
        self.scoreboard.cell(usize::from(self.index))
    }

    /// While no connection is held: what epoll names from now on is not older than the pool's last
    /// retirement.
    pub(crate) fn pass(&self) {
        let retirement = self.scoreboard.retirement();
        if retirement != 0 {
            self.cell().pass(retirement);
        }
    }

    /// What the supervisor wants of a call that has just begun. If it sleeps, it is told that a call
    /// runs, so that it watches the time limits.
    pub(crate) fn orders(&self) -> Orders {
        let orders = self.scoreboard.orders();
        if orders.wake {
            self.wake();
        }
        orders
    }

    /// Tells a sleeping supervisor that there is something to watch.
    pub(crate) fn wake_supervisor(&self) {
        if self.scoreboard.must_wake_supervisor() {
            self.wake();
        }
    }

    fn wake(&self) {
        // An eventfd refuses only when its counter is full, and then it is readable anyway.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}
