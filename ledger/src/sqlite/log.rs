//! The write-ahead log: its size, and batches that must not come back.
//!
//! The log is a file of [`LOG_BYTES`], written once with zeros and then over and over, so that the
//! `fdatasync` of a commit writes data and no metadata. SQLite begins again at its start when
//! everything in it has been copied into the database (a checkpoint) and nobody reads from it.

use super::raw::{Code, LogFile, count_frames};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) const PAGE_BYTES: u64 = 4096;
/// What the log keeps; one large commit, or a reader in its way, makes it longer until the next round.
pub(super) const LOG_BYTES: u64 = 8 << 20;
/// A commit that finds this many frames first copies them away: the rest is for its own.
const FRAMES_MAX: u32 = (LOG_BYTES / 2 / FRAME_BYTES) as u32;
/// When there is nothing else to do, a smaller number is worth it.
const FRAMES_IDLE: u32 = FRAMES_MAX / 8;
/// Checkpoints that fail or that a reader holds up are tried again until the log has this many.
const FRAMES_REFUSE: u32 = FRAMES_MAX * 8;

/// By SQLite's file format.
const HEADER_BYTES: u64 = 32;
const SALT_OFFSET: u64 = 16;
const FRAME_HEADER_BYTES: usize = 24;
const FRAME_BYTES: u64 = FRAME_HEADER_BYTES as u64 + PAGE_BYTES;

/// What is known of a connection's log. To be dropped after the connection, which counts into it.
#[derive(Debug)]
pub(super) struct Log {
    frames: Arc<AtomicU32>,
    /// How many of the frames have been copied into the database.
    copied: u32,
}

/// Where the next commit's frames begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// Drawn by SQLite for each round through the log.
    salt: [u8; 8],
    frames: u32,
}

/// How far a checkpoint came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checkpoint {
    Whole,
    /// A reader still needs older pages of the database.
    Partial,
}

impl Log {
    /// Takes the log of a connection that has just been opened, and makes it empty.
    pub(super) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        let mut log = Self { frames: Arc::default(), copied: 0 };
        count_frames(connection, &log.frames);
        // What a killed process left may be in the page cache only; this makes it durable before
        // anything is built on it.
        log.run(connection, "TRUNCATE")?;
        log.frames.store(0, Ordering::Relaxed);
        log.copied = 0;
        extend(connection).map_err(failure)?;
        Ok(log)
    }

    pub(super) fn position(&self, connection: &Connection) -> Result<Position, Code> {
        Ok(Position { salt: salt(connection)?, frames: self.frames.load(Ordering::Relaxed) })
    }

    /// Takes back a commit that failed: what it may have written behind `before` becomes void, and
    /// durably so. Without this a restart could find it whole, and take it for committed.
    pub(super) fn void(connection: &Connection, before: Position) -> Result<(), Code> {
        // With another salt the commit had begun a new round, at the start of the log.
        let frames = if salt(connection)? == before.salt { before.frames } else { 0 };
        let offset = HEADER_BYTES + u64::from(frames) * FRAME_BYTES;
        let log = LogFile::of(connection);
        if offset < log.bytes()? {
            log.write(offset, &[0; FRAME_HEADER_BYTES])?;
        }
        log.sync()
    }

    pub(super) fn bytes(&self, connection: &Connection) -> Result<u64, Code> {
        LogFile::of(connection).bytes()
    }

    /// Called before each commit.
    pub(super) fn make_room(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let frames = self.frames.load(Ordering::Relaxed);
        if frames < FRAMES_MAX || frames == self.copied {
            return Ok(());
        }
        match self.run(connection, "PASSIVE") {
            Err(error) if frames >= FRAMES_REFUSE => Err(error),
            // The log has room yet. That the database's file cannot take it now is no reason to refuse
            // a commit: it may be the one that removes something.
            Err(_) | Ok(_) => Ok(()),
        }
    }

    /// Copies when there is something worth it; says whether it did.
    pub(super) fn tidy(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let frames = self.frames.load(Ordering::Relaxed);
        if frames < FRAMES_IDLE || frames == self.copied {
            return Ok(false);
        }
        Ok(self.run(connection, "PASSIVE")? == Checkpoint::Whole)
    }

    fn run(&mut self, connection: &Connection, mode: &str) -> rusqlite::Result<Checkpoint> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let (busy, frames, copied) = connection
            .prepare_cached(&sql)?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let (_busy, frames, copied): (bool, i64, i64) = (busy, frames, copied);
        self.copied = u32::try_from(copied).unwrap_or(0);
        Ok(if frames == copied { Checkpoint::Whole } else { Checkpoint::Partial })
    }
}

fn salt(connection: &Connection) -> Result<[u8; 8], Code> {
    let mut salt = [0; 8];
    LogFile::of(connection).read(SALT_OFFSET, &mut salt)?;
    Ok(salt)
}

fn extend(connection: &Connection) -> Result<(), Code> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let log = LogFile::of(connection);
    let mut offset = log.bytes()?;
    while offset < LOG_BYTES {
        let length = ZEROS.len().min((LOG_BYTES - offset) as usize);
        log.write(offset, &ZEROS[..length])?;
        offset += length as u64;
    }
    log.sync()
}

fn failure(code: Code) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
}
