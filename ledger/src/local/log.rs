//! The log of commits: two files that are written in turn.
//!
//! A commit is one record behind the last one, and one `fdatasync`. Both files were written with zeros
//! when they were made, so that it writes data and no metadata. While one file is written, what the other
//! one has is moved to where it stays; then that one's turn comes again, from its start.

use super::file::File;
use super::found::{Found, Records, goes_on};
use super::record::{self, ALIGNED, HEADER_BYTES, Key};
use crate::sqlite::{Code, extend, failed_on_log};
use crate::{Change, Error, Misuse};
use std::ops::Range;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Log {
    files: [File; 2],
    /// Which of them is written.
    active: usize,
    /// Where its next record goes.
    end: u64,
    /// How long a file is. One that had to take more is cut when what it has was moved.
    capacity: u64,
    key: Key,
    /// Of the last commit.
    number: u64,
    state: State,
    record: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Settled,
    /// It was opened. What the page cache shows of the last record, and behind it, need not be what is on
    /// disk: Linux takes pages that it failed to write for clean. So the record is written once more.
    Found {
        last: Option<(u64, Vec<u8>)>,
        other_is_free: bool,
    },
    /// The record behind the last commit's may have got to the disk, and is not to count.
    Unsettled,
}

impl Log {
    /// Opens the log beside `path`, and makes it if it does not exist. `moved` is the number of the last
    /// commit that is where it stays.
    pub(super) fn open(
        path: &Path,
        vfs: Option<&str>,
        capacity: u64,
        key: Key,
        moved: u64,
    ) -> Result<(Self, Found), Error> {
        let open = |name: &str| {
            File::open(&beside(path, name), vfs).map_err(failed_on_log("open the log of commits"))
        };
        let files = [open("-log0")?, open("-log1")?];
        let contents = [content(&files[0])?, content(&files[1])?];
        let [first, second] =
            [Records::of(&contents[0], &key, moved), Records::of(&contents[1], &key, moved)];
        let active = usize::from(second.last_or(moved) > first.last_or(moved));
        let (frozen, written) = if active == 1 { (first, second) } else { (second, first) };
        let number = written.last_or(moved);
        let follow = frozen.begins_behind(moved) && written.begins_behind(frozen.last_or(moved));
        if !follow || goes_on(&contents, &key, number) {
            let message = format!(
                "its log does not go on from commit {moved}, the last one in {}: they are of \
                 different moments, or a part of the log is lost",
                path.display()
            );
            return Err(Error::Corrupt { message });
        }
        let end = written.end;
        let found = Found { frozen: frozen.changes()?, active: written.changes()? };
        let copied =
            |last: &Range<usize>| (last.start as u64, contents[active][last.clone()].to_vec());
        let last = written.last.as_ref().map(copied);
        let state = State::Found { last, other_is_free: frozen.live.is_empty() };
        let record = Vec::new();
        let mut log = Self { files, active, end, capacity, key, number, state, record };
        no_hindrance(log.make_whole())?;
        no_hindrance(log.settle())?;
        Ok((log, found))
    }

    fn make_whole(&self) -> Result<(), Error> {
        let failed = || failed_on_log("make the log of commits");
        self.files.iter().try_for_each(|file| {
            let bytes = file.bytes().map_err(failed())?;
            extend(bytes, self.capacity, |at, zeros| file.write(at, zeros)).map_err(failed())
        })
    }

    /// Of the last commit.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How much is in the file that is written.
    pub(super) fn written_bytes(&self) -> u64 {
        self.end
    }

    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) fn bytes(&self) -> Result<u64, Error> {
        let bytes = |file: &File| file.bytes().map_err(failed_on_log("measure the log of commits"));
        Ok(bytes(&self.files[0])? + bytes(&self.files[1])?)
    }

    /// Makes the record of the next commit, and says how long it is.
    pub(super) fn prepare(&mut self, changes: &[Change]) -> Result<u64, Error> {
        record::encode(&self.key, self.number + 1, changes, &mut self.record);
        let bytes = self.record.len();
        match u32::try_from(bytes) {
            Ok(_) => Ok(aligned(bytes)),
            Err(_) => {
                let bytes_max = u32::MAX as usize;
                Err(Misuse::TooLarge { part: "commit", bytes, bytes_max }.into())
            }
        }
    }

    /// Puts the prepared record on disk. After an error it is not there, and cannot come back; else the
    /// error is [`Error::Unsettled`].
    pub(super) fn append(&mut self) -> Result<(), Error> {
        self.settle()?;
        let put = self.put();
        let bytes = aligned(self.record.len());
        if self.record.capacity() > RECORD_KEPT_MAX {
            self.record = Vec::new();
        }
        if let Err(error) = put {
            return Err(self.settle().err().unwrap_or(error));
        }
        self.number += 1;
        self.end += bytes;
        Ok(())
    }

    fn put(&mut self) -> Result<(), Error> {
        let file = &self.files[self.active];
        let failed = || failed_on_log("commit");
        if let Err(error) = write(file, self.end, &self.record).map_err(failed()) {
            // Mostly a part of it is missing: then it does not count, also where nothing can be written.
            let is_whole = self.is_written();
            self.state = State::Unsettled;
            if self.settle().is_err() && !is_whole {
                self.state = State::Settled;
            }
            return Err(error);
        }
        let synced = file.sync().map_err(failed());
        if synced.is_err() {
            self.state = State::Unsettled;
        }
        synced
    }

    /// Whether all of the prepared record is in its place, as far as can be told.
    fn is_written(&self) -> bool {
        let file = &self.files[self.active];
        let mut found = vec![0; CHUNK_BYTES.min(self.record.len())];
        let mut chunks = self.record.chunks(CHUNK_BYTES).enumerate();
        chunks.all(|(index, chunk)| {
            let found = &mut found[..chunk.len()];
            file.read(self.end + (index * CHUNK_BYTES) as u64, found).is_err() || found == chunk
        })
    }

    /// Makes void what a commit that failed may have written, before anything is built on it.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        let (file, other) = (&self.files[self.active], &self.files[1 - self.active]);
        match &self.state {
            State::Settled => return Ok(()),
            State::Found { last, other_is_free } => {
                let rewritten = last.iter().try_for_each(|(at, record)| write(file, *at, record));
                let done = rewritten
                    .and_then(|()| void(file, self.end))
                    .and_then(|()| if *other_is_free { void(other, 0) } else { other.sync() });
                done.map_err(failed_on_log("sync the log of commits"))?;
            }
            State::Unsettled => {
                let doing = "take back a commit that failed";
                let voided = void(file, self.end);
                voided.map_err(|code| failed_on_log(doing)(code).unsettled(doing))?;
            }
        }
        self.state = State::Settled;
        Ok(())
    }

    /// From now on the other file is written, from its start. Everything it has was moved.
    pub(super) fn turn(&mut self) -> Result<(), Error> {
        self.settle()?;
        (self.active, self.end) = (1 - self.active, 0);
        Ok(())
    }

    /// Everything that the other file has was moved: what it took beyond its capacity is given back.
    pub(super) fn cut(&self) {
        let file = &self.files[1 - self.active];
        if file.bytes().is_ok_and(|bytes| bytes > self.capacity) {
            // Else it is tried again after the next move.
            let _ = file.truncate(self.capacity);
        }
    }
}

/// Longer ones are rare, and their memory is given back.
const RECORD_KEPT_MAX: usize = 1 << 20;
/// SQLite's own VFS takes no more than 128 KiB at once.
const CHUNK_BYTES: usize = 64 << 10;

fn aligned(bytes: usize) -> u64 {
    bytes.next_multiple_of(ALIGNED) as u64
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn content(file: &File) -> Result<Vec<u8>, Error> {
    let failed = || failed_on_log("read the log of commits");
    let bytes = file.bytes().map_err(failed())?;
    let length = usize::try_from(bytes).map_err(|_| Error::Memory { doing: "read the log" })?;
    let mut content = Vec::new();
    content.try_reserve_exact(length).map_err(|_| Error::Memory { doing: "read the log" })?;
    content.resize(length, 0);
    for (index, chunk) in content.chunks_mut(CHUNK_BYTES).enumerate() {
        file.read((index * CHUNK_BYTES) as u64, chunk).map_err(failed())?;
    }
    Ok(content)
}

fn write(file: &File, offset: u64, bytes: &[u8]) -> Result<(), Code> {
    bytes
        .chunks(CHUNK_BYTES)
        .enumerate()
        .try_for_each(|(index, chunk)| file.write(offset + (index * CHUNK_BYTES) as u64, chunk))
}

fn void(file: &File, offset: u64) -> Result<(), Code> {
    if offset < file.bytes()? {
        file.write(offset, &[0; HEADER_BYTES])?;
    }
    file.sync()
}

/// On a full disk the ledger opens all the same: what is there can be read.
fn no_hindrance(result: Result<(), Error>) -> Result<(), Error> {
    if let Err(Error::Full { .. }) = result { Ok(()) } else { result }
}
