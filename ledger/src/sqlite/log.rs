//! The write-ahead log of the database: its size, and when it is copied.
//!
//! The log is a file that is written once with zeros and then over and over, so that the `fdatasync`
//! of a commit writes data and no metadata. SQLite begins again at its start when everything in it has
//! been copied into the database (a checkpoint) and nobody reads from it.

use super::failure::{failed, failed_on_log};
use super::raw::{Code, LogFile, count_frames};
use crate::Error;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub(super) const PAGE_BYTES: u64 = 4096;

/// By SQLite's file format.
const FRAME_BYTES: u64 = 24 + PAGE_BYTES;

/// Stands for a number of frames that was not told yet.
const UNKNOWN: u32 = u32::MAX;

/// Readers hold it while a statement runs, a checkpoint holds it alone: SQLite copies only as far as
/// readers let it, and does not sync what it copies then.
pub(super) type Gate = Arc<RwLock<()>>;

/// What is known of a connection's log. To be dropped after the connection, which counts into it.
#[derive(Debug)]
pub(super) struct Log {
    limits: Limits,
    gate: Gate,
    frames: Arc<AtomicU32>,
    /// How many of the frames have been copied into the database.
    copied: u32,
    trust: Trust,
}

/// Numbers of frames.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Worth a checkpoint when there is nothing else to do.
    idle: u32,
    /// A commit that finds so many first copies them away, if no reader is in the way.
    soft: u32,
    /// ... and waits for readers.
    hard: u32,
    /// A commit that finds so many because checkpoints fail is refused.
    refuse: u32,
}

/// Whether what was copied into the database is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Synced,
    /// Another program read from the log, so only a part was copied, without a sync.
    Copied,
    /// Then a sync failed. SQLite takes that part for durable, and would begin the log again at the
    /// next sync that works, although the kernel may have dropped the pages.
    Lost,
}

impl Log {
    /// Takes the log of a connection that has just been opened, and makes it empty.
    pub(super) fn new(connection: &Connection, log_bytes: u64) -> Result<Self, Error> {
        let limits = Limits::of(log_bytes);
        let (gate, frames, trust) =
            (Gate::default(), Arc::new(AtomicU32::new(UNKNOWN)), Trust::Synced);
        let mut log = Self { limits, gate, frames, copied: 0, trust };
        count_frames(connection, &log.frames);
        // What a killed process left may be in the page cache only; this makes it durable before
        // anything is built on it. On a full disk, or beside another program that reads, the log can be
        // synced at least: what is there can be read, and may be what makes room.
        no_hindrance(log.checkpoint(connection, "TRUNCATE"))?;
        let file = LogFile::of(connection);
        let extended = file
            .bytes()
            .and_then(|bytes| extend(bytes, log_bytes, |at, zeros| file.write(at, zeros)));
        no_hindrance(extended.map_err(failed_on_log("make the log")))?;
        file.sync().map_err(failed_on_log("sync the log"))?;
        Ok(log)
    }

    pub(super) fn gate(&self) -> Gate {
        Arc::clone(&self.gate)
    }

    pub(super) fn bytes(&self, connection: &Connection) -> Result<u64, Error> {
        LogFile::of(connection).bytes().map_err(failed_on_log("measure the log"))
    }

    /// Called before each transaction.
    pub(super) fn make_room(&mut self, connection: &Connection) -> Result<(), Error> {
        let frames = self.uncopied();
        if frames < self.limits.soft {
            return Ok(());
        }
        let copied = if frames < self.limits.hard {
            let gate = self.gate();
            let Ok(_alone) = gate.try_write() else { return Ok(()) };
            self.checkpoint(connection, "PASSIVE")
        } else {
            self.alone(|log| log.checkpoint(connection, "PASSIVE"))
        };
        // While the log has room, that the database's file has none is no reason to refuse a commit: it
        // may be the one that removes something.
        copied.or_else(|error| if frames < self.limits.refuse { Ok(()) } else { Err(error) })
    }

    /// Copies when there is something worth it; says whether it did.
    pub(super) fn tidy(&mut self, connection: &Connection) -> Result<bool, Error> {
        let frames = self.uncopied();
        if frames < self.limits.idle {
            return Ok(false);
        }
        self.alone(|log| log.checkpoint(connection, "PASSIVE"))?;
        Ok(self.uncopied() < frames)
    }

    /// Waits for readers, and keeps them waiting.
    fn alone<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let gate = self.gate();
        let _alone = gate.write().unwrap_or_else(PoisonError::into_inner);
        work(self)
    }

    /// How many frames a checkpoint would be for.
    fn uncopied(&self) -> u32 {
        match self.frames.load(Ordering::Relaxed) {
            UNKNOWN => self.limits.soft,
            // The next commit begins at the start, unless somebody still reads.
            frames if frames == self.copied => 0,
            frames => frames,
        }
    }

    fn checkpoint(&mut self, connection: &Connection, mode: &str) -> Result<(), Error> {
        if self.trust == Trust::Lost {
            return Err(Error::Io { doing: "tidy the log", message: LOST.into() });
        }
        match run(connection, mode) {
            Ok(ran) => {
                if let Some((frames, copied)) = ran.frames {
                    self.frames.store(frames, Ordering::Relaxed);
                    self.copied = copied;
                    self.trust = if frames == copied { Trust::Synced } else { Trust::Copied };
                }
                let message = || format!("a checkpoint ({mode}) could not have it alone");
                if ran.is_busy { Err(Error::Busy { message: message() }) } else { Ok(()) }
            }
            Err(error) => {
                let error = failed("tidy the log", connection)(error);
                if self.trust == Trust::Copied {
                    self.lose_trust(connection);
                }
                Err(error)
            }
        }
    }

    /// Nor may SQLite copy the rest when it closes, and then remove the log.
    fn lose_trust(&mut self, connection: &Connection) {
        self.trust = Trust::Lost;
        // An open connection takes this setting.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

const LOST: &str = "the disk failed while another program was reading the ledger; \
                    nothing is lost, but only a restart can go on from here";

impl Limits {
    fn of(log_bytes: u64) -> Self {
        let frames = u32::try_from(log_bytes / FRAME_BYTES).unwrap_or(u32::MAX / 8).max(8);
        Self { idle: frames / 8, soft: frames / 2, hard: frames, refuse: frames * 4 }
    }
}

/// What a checkpoint came to. A database in use by nobody else is always copied as a whole.
struct Ran {
    /// Another program was in the way of what was asked for.
    is_busy: bool,
    /// How many there are in the log, and how many of them are copied. `None` where another program's
    /// checkpoint kept this one from beginning: SQLite says -1.
    frames: Option<(u32, u32)>,
}

fn run(connection: &Connection, mode: &str) -> rusqlite::Result<Ran> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row([], |row| {
        let is_busy = row.get(0)?;
        let (frames, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        let frames = u32::try_from(frames).ok().zip(u32::try_from(copied).ok());
        Ok(Ran { is_busy, frames })
    })
}

/// Writes zeros behind the end of a file, until it is so long.
pub(crate) fn extend(
    mut bytes: u64,
    wanted_bytes: u64,
    write: impl Fn(u64, &[u8]) -> Result<(), Code>,
) -> Result<(), Code> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    while bytes < wanted_bytes {
        let length = usize::try_from(wanted_bytes - bytes).unwrap_or(usize::MAX).min(ZEROS.len());
        write(bytes, &ZEROS[..length])?;
        bytes += length as u64;
    }
    Ok(())
}

fn no_hindrance(result: Result<(), Error>) -> Result<(), Error> {
    if let Err(Error::Full { .. } | Error::Busy { .. }) = result { Ok(()) } else { result }
}
