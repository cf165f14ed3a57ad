//! All files of a disk, who has locked them, and what goes wrong next.

use super::file::File;
use super::{End, Fault, How, Operation};
use ledger::testing::Rng;
use rusqlite::ffi;
use std::collections::{HashMap, HashSet};
use std::ffi::c_int;

pub(super) type Code = c_int;
/// One opening of a file.
pub(super) type Handle = u64;

#[derive(Debug)]
pub(super) struct State {
    rng: Rng,
    files: HashMap<String, File>,
    /// On the disk, but removed, and the folder was not synced.
    removed: HashMap<String, Vec<u8>>,
    /// Openings of logs and journals whose next sync is one of the folder too: SQLite sees to it.
    folder_unsynced: HashSet<Handle>,
    /// By file, by handle: a level of SQLite's locks.
    locks: HashMap<String, HashMap<Handle, c_int>>,
    pub(super) indexes: HashMap<String, Index>,
    pub(super) operations: u64,
    pub(super) end_at: Option<u64>,
    pub(super) ended: bool,
    pub(super) fault: Option<Fault>,
    pub(super) failed: bool,
    pub(super) errno: c_int,
    handles: Handle,
}

/// The handle of a program that is told, and opened nothing.
const ANOTHER: Handle = Handle::MAX;
/// By SQLite's file format: whoever has it may run a checkpoint.
const CHECKPOINT_LOCK: std::ops::Range<usize> = 1..2;

/// The shared index of a log.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Never moved while a handle has it mapped.
    pub(super) regions: Vec<Box<[u64]>>,
    pub(super) mapped: Vec<Handle>,
    /// Per lock: who has it, and whether alone.
    locks: [Vec<(Handle, bool)>; ffi::SQLITE_SHM_NLOCK as usize],
}

impl State {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            files: HashMap::new(),
            removed: HashMap::new(),
            folder_unsynced: HashSet::new(),
            locks: HashMap::new(),
            indexes: HashMap::new(),
            operations: 0,
            end_at: None,
            ended: false,
            fault: None,
            failed: false,
            errno: 0,
            handles: 0,
        }
    }

    pub(super) fn restart(&mut self, after: End) {
        assert!(self.locks.values().all(HashMap::is_empty), "a connection is open");
        self.indexes.clear();
        self.folder_unsynced.clear();
        (self.ended, self.end_at, self.fault, self.failed) = (false, None, None, false);
        if after == End::Kill {
            return;
        }
        let mut names: Vec<_> = self.files.drain().collect();
        // The order of a hash map is no seed's.
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, file) in names {
            if let Some(left) = file.lose_power(&mut self.rng) {
                self.files.insert(name, left);
            }
        }
        let mut removed: Vec<_> = self.removed.drain().collect();
        removed.sort();
        for (name, content) in removed {
            if self.rng.once_in(2) {
                let mut file = File::default();
                file.write(0, &content);
                file.sync();
                self.files.insert(name, file);
            }
        }
    }

    pub(super) fn open(&mut self, name: &str, flags: c_int) -> Result<Handle, Code> {
        self.alive()?;
        if !self.files.contains_key(name) {
            if flags & ffi::SQLITE_OPEN_CREATE == 0 {
                return Err(ffi::SQLITE_CANTOPEN);
            }
            let mut file = File::new(self.removed.remove(name));
            if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 {
                // Its folder is synced before SQLite comes to see it.
                file.sync();
            }
            self.files.insert(name.to_owned(), file);
        }
        self.handles += 1;
        if flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0 {
            self.folder_unsynced.insert(self.handles);
        }
        self.locks.entry(name.to_owned()).or_default().insert(self.handles, ffi::SQLITE_LOCK_NONE);
        Ok(self.handles)
    }

    pub(super) fn close(&mut self, name: &str, handle: Handle) {
        if let Some(locks) = self.locks.get_mut(name) {
            locks.remove(&handle);
        }
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Returns how much was read; the rest of the buffer is zeros.
    pub(super) fn read(&self, name: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, Code> {
        self.alive()?;
        let content = &self.files.get(name).ok_or(ffi::SQLITE_IOERR_READ)?.cached;
        let rest = content.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer.fill(0);
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    pub(super) fn length(&self, name: &str) -> Result<u64, Code> {
        self.alive()?;
        let file = self.files.get(name).ok_or(ffi::SQLITE_IOERR_FSTAT)?;
        Ok(file.cached.len() as u64)
    }

    pub(super) fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Code> {
        let ends = self.begin()?;
        let fault = self.meets(Operation::Write);
        let written = match fault {
            None => bytes.len(),
            Some(How::Short) => self.rng.below(bytes.len() as u64) as usize,
            Some(How::Io | How::Full) => 0,
        };
        let file = self.files.get_mut(name).ok_or(ffi::SQLITE_IOERR_WRITE)?;
        if written > 0 {
            file.write(offset, &bytes[..written]);
        }
        match fault {
            _ if ends => Err(ffi::SQLITE_IOERR_WRITE),
            Some(How::Io) => Err(ffi::SQLITE_IOERR_WRITE),
            Some(How::Full | How::Short) => Err(ffi::SQLITE_FULL),
            None => Ok(()),
        }
    }

    pub(super) fn sync(&mut self, name: &str, handle: Handle) -> Result<(), Code> {
        let ends = self.begin()?;
        let fails = self.meets(Operation::Sync).is_some();
        let file = self.files.get_mut(name).ok_or(ffi::SQLITE_IOERR_FSYNC)?;
        // Done, or on the way when the end comes: then it is a loss of power that decides.
        if fails {
            file.fail_to_sync(&mut self.rng);
        } else if !ends || self.rng.once_in(2) {
            file.sync();
            if self.folder_unsynced.remove(&handle) {
                self.removed.clear();
            }
        }
        if ends || fails { Err(ffi::SQLITE_IOERR_FSYNC) } else { Ok(()) }
    }

    pub(super) fn truncate(&mut self, name: &str, length: u64) -> Result<(), Code> {
        let ends = self.begin()?;
        if self.meets(Operation::Truncate).is_some() {
            return Err(ffi::SQLITE_IOERR_TRUNCATE);
        }
        self.files.get_mut(name).ok_or(ffi::SQLITE_IOERR_TRUNCATE)?.truncate(length);
        if ends { Err(ffi::SQLITE_IOERR_TRUNCATE) } else { Ok(()) }
    }

    pub(super) fn remove(&mut self, name: &str, is_durable: bool) -> Result<(), Code> {
        let ends = self.begin()?;
        let file = self.files.remove(name).ok_or(ffi::SQLITE_IOERR_DELETE_NOENT)?;
        if let Some(content) = file.into_durable().filter(|_| !is_durable || ends) {
            self.removed.insert(name.to_owned(), content);
        }
        if ends { Err(ffi::SQLITE_IOERR_DELETE) } else { Ok(()) }
    }

    pub(super) fn lock(&mut self, name: &str, handle: Handle, level: c_int) -> Result<(), Code> {
        let locks = self.locks.entry(name.to_owned()).or_default();
        let others = locks.iter().filter(|(other, _)| **other != handle);
        let highest = others.map(|(_, level)| *level).max().unwrap_or(ffi::SQLITE_LOCK_NONE);
        let allowed = match level {
            ffi::SQLITE_LOCK_SHARED => ffi::SQLITE_LOCK_RESERVED,
            ffi::SQLITE_LOCK_RESERVED => ffi::SQLITE_LOCK_SHARED,
            _ => ffi::SQLITE_LOCK_NONE,
        };
        if highest > allowed {
            return Err(ffi::SQLITE_BUSY);
        }
        let own = locks.entry(handle).or_insert(ffi::SQLITE_LOCK_NONE);
        *own = level.max(*own);
        Ok(())
    }

    pub(super) fn unlock(&mut self, name: &str, handle: Handle, level: c_int) {
        if let Some(own) = self.locks.get_mut(name).and_then(|locks| locks.get_mut(&handle)) {
            *own = level.min(*own);
        }
    }

    pub(super) fn is_reserved(&self, name: &str) -> bool {
        let locks = self.locks.get(name).into_iter().flat_map(HashMap::values);
        locks.max().is_some_and(|level| *level >= ffi::SQLITE_LOCK_RESERVED)
    }

    pub(super) fn take_checkpoints(&mut self, is_taken: bool) {
        for index in self.indexes.values_mut() {
            match is_taken {
                true => assert_eq!(index.lock(ANOTHER, CHECKPOINT_LOCK, true), ffi::SQLITE_OK),
                false => index.unlock(ANOTHER, CHECKPOINT_LOCK),
            }
        }
    }

    fn alive(&self) -> Result<(), Code> {
        if self.ended { Err(ffi::SQLITE_IOERR) } else { Ok(()) }
    }

    /// Counts an operation that changes something; says whether it is the last one.
    fn begin(&mut self) -> Result<bool, Code> {
        self.alive()?;
        self.operations += 1;
        self.ended = self.end_at.is_some_and(|end_at| self.operations >= end_at);
        Ok(self.ended)
    }

    fn meets(&mut self, operation: Operation) -> Option<How> {
        let fault = self.fault.as_mut().filter(|fault| fault.operation == operation)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times = fault.times.checked_sub(1)?;
        self.failed = true;
        self.errno = if fault.how == How::Io { libc_errno::EIO } else { libc_errno::ENOSPC };
        Some(fault.how)
    }
}

mod libc_errno {
    use rustix::io::Errno;

    pub(super) const EIO: i32 = Errno::IO.raw_os_error();
    pub(super) const ENOSPC: i32 = Errno::NOSPC.raw_os_error();
}

impl Index {
    pub(super) fn lock(
        &mut self,
        handle: Handle,
        slots: std::ops::Range<usize>,
        alone: bool,
    ) -> Code {
        let slots = &mut self.locks[slots];
        let taken = |holders: &Vec<(Handle, bool)>| {
            holders.iter().any(|(other, is_alone)| *other != handle && (alone || *is_alone))
        };
        if slots.iter().any(taken) {
            return ffi::SQLITE_BUSY;
        }
        for holders in slots {
            holders.retain(|(other, _)| *other != handle);
            holders.push((handle, alone));
        }
        ffi::SQLITE_OK
    }

    pub(super) fn unlock(&mut self, handle: Handle, slots: std::ops::Range<usize>) {
        for holders in &mut self.locks[slots] {
            holders.retain(|(other, _)| *other != handle);
        }
    }

    pub(super) fn unmap(&mut self, handle: Handle) {
        self.unlock(handle, 0..self.locks.len());
        self.mapped.retain(|other| *other != handle);
    }
}
