//! The board: counters by which clients of the same host see changes with one atomic load and no round
//! trip. One tells that something changed (catalog, current release, membership); the others, a table
//! of [`SLOTS`], that what a client keeps of results is to be forgotten. Nothing else is on it.

mod slot;

pub use slot::{SLOTS, Scope, slot};

use crate::page::{Page, shared};
use rustix::fs::{Mode, OFlags, fstat, lstat, open};
use rustix::io::{Errno, Result};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

const MAGIC: u64 = u64::from_le_bytes(*b"APSVBRD2");

shared! {
    #[derive(Debug)]
    struct Layout {
        magic: AtomicU64,
        generation: AtomicU64,
        invalidations: [AtomicU64; SLOTS],
    }
}

impl Layout {
    /// The counter of a slot, whatever number is given for one.
    fn invalidations(&self, slot: u16) -> &AtomicU64 {
        &self.invalidations[usize::from(slot) % SLOTS]
    }
}

/// The writer's side, held by the supervisor.
#[derive(Debug)]
pub struct Board(Page);

impl Board {
    /// Makes or takes over the board at `path` (mode 0644). A board that an earlier supervisor left
    /// is moved on, so that its clients notice the restart; every slot, too, because nobody knows what
    /// should have been invalidated in between. The slots of a fresh board begin with the time, so that
    /// they do not stand as those of an earlier board did that was removed.
    pub fn create(path: &Path) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(path, flags, Mode::from_raw_mode(0o644))?;
        let page = Page::create(file, size_of::<Layout>())?;
        let board = Self(page);
        board.invalidate_all();
        board.layout().magic.store(MAGIC, Ordering::Release);
        board.publish();
        Ok(board)
    }

    /// Tells every local client that something changed.
    pub fn publish(&self) {
        self.layout().generation.fetch_add(1, Ordering::Release);
    }

    /// What local clients keep of results under this slot counts no more, nor what they are about to
    /// keep of calls that have begun.
    pub fn invalidate(&self, slot: u16) {
        self.layout().invalidations(slot).fetch_add(1, Ordering::Release);
    }

    fn invalidate_all(&self) {
        let began = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_nanos() as u64);
        for counter in &self.layout().invalidations {
            let fresh = counter.compare_exchange(0, began, Ordering::Release, Ordering::Relaxed);
            if fresh.is_err() {
                counter.fetch_add(1, Ordering::Release);
            }
        }
    }

    /// How it stands.
    pub fn generation(&self) -> u64 {
        self.layout().generation.load(Ordering::Acquire)
    }

    fn layout(&self) -> &Layout {
        self.0.at(0)
    }
}

impl Drop for Board {
    /// Who keeps no more count of invalidations says so: the board may be removed, and clients that
    /// have it mapped would never hear of the next one while they call nobody.
    fn drop(&mut self) {
        self.invalidate_all();
    }
}

/// A client's side: mapped read-only.
#[derive(Debug)]
pub struct BoardReader {
    page: Page,
    /// Device and inode: what is mapped stays there when the file is removed.
    file: (u64, u64),
}

impl BoardReader {
    /// Maps the board at `path`; `INVAL` when the file is no board.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(path, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        let page = Page::open(file, size_of::<Layout>(), false)?;
        let reader = Self { page, file: (stat.st_dev, stat.st_ino) };
        let magic = reader.layout().magic.load(Ordering::Acquire);
        if magic == MAGIC { Ok(reader) } else { Err(Errno::INVAL) }
    }

    /// Whether the board at `path` is this one, and not one that was made in its place.
    pub fn is_at(&self, path: &Path) -> bool {
        lstat(path).is_ok_and(|found| (found.st_dev, found.st_ino) == self.file)
    }

    /// The current generation; a different value than last time means "ask again".
    pub fn generation(&self) -> u64 {
        self.layout().generation.load(Ordering::Acquire)
    }

    /// How often the slot was invalidated; a different value than when a call began means that its
    /// result is not to be used again. Numbers that are no slot stand for one, too.
    pub fn invalidations(&self, slot: u16) -> u64 {
        self.layout().invalidations(slot).load(Ordering::Acquire)
    }

    fn layout(&self) -> &Layout {
        self.page.at(0)
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

    fn every_slot(reader: &BoardReader) -> Vec<u64> {
        (0..SLOTS as u16).map(|slot| reader.invalidations(slot)).collect()
    }

    #[test]
    fn an_invalidation_moves_its_slot_alone_and_is_no_publication() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board");
        let board = Board::create(&path).unwrap();
        let reader = BoardReader::open(&path).unwrap();
        let (generation, mut expected) = (reader.generation(), every_slot(&reader));
        for slot in [0, 17, SLOTS as u16 - 1, 17] {
            board.invalidate(slot);
            expected[usize::from(slot)] += 1;
            assert_eq!(every_slot(&reader), expected);
        }
        assert_eq!(reader.generation(), generation);
        board.invalidate(u16::MAX);
        assert_eq!(reader.invalidations(u16::MAX), expected[SLOTS - 1] + 1);
    }

    #[test]
    fn who_takes_a_board_over_invalidates_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board");
        let board = Board::create(&path).unwrap();
        let reader = BoardReader::open(&path).unwrap();
        board.invalidate(5);
        let before = every_slot(&reader);
        let restarted = Board::create(&path).unwrap();
        assert_eq!(every_slot(&reader), moved_on(&before, 1));
        drop(restarted);
        assert_eq!(every_slot(&reader), moved_on(&before, 2), "who ends does the same");
    }

    fn moved_on(before: &[u64], by: u64) -> Vec<u64> {
        before.iter().map(|count| count + by).collect()
    }

    #[test]
    fn a_board_made_anew_does_not_stand_as_the_one_that_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board");
        let _first = Board::create(&path).unwrap();
        let before = BoardReader::open(&path).unwrap();
        assert!(before.is_at(&path));
        std::fs::remove_file(&path).unwrap();
        assert!(!before.is_at(&path));
        let _second = Board::create(&path).unwrap();
        let after = BoardReader::open(&path).unwrap();
        assert!(!before.is_at(&path) && after.is_at(&path));
        let (before, after) = (every_slot(&before), every_slot(&after));
        assert!(before.iter().zip(&after).all(|(before, after)| before < after));
    }

    #[test]
    fn a_board_of_before_there_were_slots_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board");
        let old = [*b"APSVBRD1", 7_u64.to_le_bytes()].concat();
        std::fs::write(&path, &old).unwrap();
        assert_eq!(BoardReader::open(&path).unwrap_err(), Errno::INVAL);
        let _board = Board::create(&path).unwrap();
        let reader = BoardReader::open(&path).unwrap();
        assert_eq!(reader.generation(), 8);
    }

    #[test]
    fn a_board_longer_than_ours_stays_so_for_those_who_have_it_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board");
        std::fs::write(&path, vec![0; 3 * size_of::<Layout>()]).unwrap();
        let _board = Board::create(&path).unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        assert_eq!(length, 3 * size_of::<Layout>() as u64);
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
