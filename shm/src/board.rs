//! The board: one counter by which clients of the same host see that something changed (catalog,
//! current release, membership) with one atomic load and no round trip. Nothing else is on it.

use crate::page::{Page, shared};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, Result};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: u64 = u64::from_le_bytes(*b"APSVBRD1");

shared! {
    #[derive(Debug)]
    struct Layout {
        magic: AtomicU64,
        generation: AtomicU64,
    }
}

/// The writer's side, held by the supervisor.
#[derive(Debug)]
pub struct Board(Page);

impl Board {
    /// Makes or takes over the board at `path` (mode 0644). A board that an earlier supervisor left
    /// is moved on, so that its clients notice the restart.
    pub fn create(path: &Path) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(path, flags, Mode::from_raw_mode(0o644))?;
        let page = Page::create(file, size_of::<Layout>())?;
        let board = Self(page);
        board.layout().magic.store(MAGIC, Ordering::Release);
        board.publish();
        Ok(board)
    }

    /// Tells every local client that something changed.
    pub fn publish(&self) {
        self.layout().generation.fetch_add(1, Ordering::Release);
    }

    /// How it stands.
    pub fn generation(&self) -> u64 {
        self.layout().generation.load(Ordering::Acquire)
    }

    fn layout(&self) -> &Layout {
        self.0.at(0)
    }
}

/// A client's side: mapped read-only.
#[derive(Debug)]
pub struct BoardReader(Page);

impl BoardReader {
    /// Maps the board at `path`; `INVAL` when the file is no board.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(path, flags, Mode::empty())?;
        let reader = Self(Page::open(file, size_of::<Layout>(), false)?);
        let magic = reader.0.at::<Layout>(0).magic.load(Ordering::Acquire);
        if magic == MAGIC { Ok(reader) } else { Err(Errno::INVAL) }
    }

    /// The current generation; a different value than last time means "ask again".
    pub fn generation(&self) -> u64 {
        self.0.at::<Layout>(0).generation.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_each_publication_and_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board");
        let board = Board::create(&path).unwrap();
        let reader = BoardReader::open(&path).unwrap();
        let first = reader.generation();
        assert_eq!(board.generation(), first);
        board.publish();
        assert_eq!(reader.generation(), first + 1);
        let _restarted = Board::create(&path).unwrap();
        assert_eq!(reader.generation(), first + 2);
    }

    #[test]
    fn a_file_that_is_no_board_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board");
        std::fs::write(&path, [0; 64]).unwrap();
        assert_eq!(BoardReader::open(&path).unwrap_err(), Errno::INVAL);
        std::fs::write(&path, b"x").unwrap();
        assert_eq!(BoardReader::open(&path).unwrap_err(), Errno::INVAL);
    }
}
