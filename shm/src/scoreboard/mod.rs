//! The scoreboard of a pool: what each executor is doing, for time limits, metrics, and for answering in
//! place of one that died. Counters per function behind it.

mod call;
mod cell;
mod command;
mod connection;
mod counters;
mod head;
mod state;

pub use call::Running;
pub use cell::Cell;
pub use command::Command;
pub use counters::FunctionCounters;
pub use head::Orders;
pub use state::State;

use crate::page::Page;
use head::Head;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Result;
use std::os::fd::{AsFd, OwnedFd};

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

    pub fn functions(&self) -> usize {
        self.functions
    }

    /// The counters of the function at `index` in the catalog; panics when there is none.
    pub fn function(&self, index: usize) -> &FunctionCounters {
        assert!(index < self.functions, "no such function");
        let offset = size_of::<Head>() + self.cells * size_of::<Cell>();
        self.page.at(offset + index * size_of::<FunctionCounters>())
    }

    fn head(&self) -> &Head {
        self.page.at(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scoreboard_smaller_than_announced_is_refused() {
        let (file, _board) = Scoreboard::create(1, 0).unwrap();
        assert!(Scoreboard::open(&file, 64, 1000).is_err());
    }
}
