//! A file of its own on a VFS of SQLite: where the database is there is the log, also on a disk that is
//! simulated. Contract of the module:
//!
//! - The `sqlite3_file` is memory of ours, as large and as aligned as the VFS asks for. It is opened once,
//!   closed once by `Drop`, and does not move.
//! - The VFS outlives the file: those of SQLite are static, others are registered for longer.
//! - A file is used by one thread at a time: every method but `Drop` borrows it, and it is not `Sync`.
#![allow(unsafe_code)]

use crate::sqlite::{Code, checked, span};
use rusqlite::ffi;
use std::ffi::{CString, c_int};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

#[derive(Debug)]
pub(super) struct File {
    memory: *mut ffi::sqlite3_file,
    words: usize,
    /// SQLite may keep the pointer to the name for as long as the file is open.
    _name: CString,
    _not_sync: PhantomData<*mut ()>,
}

// SAFETY: nothing of an open file is bound to the thread that opened it; see the contract.
unsafe impl Send for File {}

/// As the log of a database: with the mode of the file whose name comes before the "-", and with its
/// folder synced at its first sync.
const FLAGS: c_int = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE | ffi::SQLITE_OPEN_WAL;

impl File {
    /// Opens the file, and makes it if it does not exist.
    pub(super) fn open(path: &Path, vfs: Option<&str>) -> Result<Self, Code> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| ffi::SQLITE_CANTOPEN)?;
        let vfs = vfs.map(CString::new).transpose().map_err(|_| ffi::SQLITE_CANTOPEN)?;
        let vfs = vfs.as_ref().map_or(ptr::null(), |vfs| vfs.as_ptr());
        // SAFETY: SQLite is made ready by the connection that the caller has; a name is a C string.
        let vfs = unsafe { ffi::sqlite3_vfs_find(vfs) };
        // SAFETY: what is found is a VFS, or null.
        let Some((open, size)) =
            (unsafe { vfs.as_ref() }).and_then(|vfs| vfs.xOpen.zip(Some(vfs.szOsFile)))
        else {
            return Err(ffi::SQLITE_CANTOPEN);
        };
        let words = usize::try_from(size).map_or(0, |size| size.div_ceil(size_of::<u64>()));
        let memory = Box::into_raw(vec![0_u64; words].into_boxed_slice());
        let file = Self { memory: memory.cast(), words, _name: name, _not_sync: PhantomData };
        let mut flags = 0;
        // SAFETY: see the contract; when it fails the methods are null, or close what was opened.
        checked(unsafe { open(vfs, file._name.as_ptr(), file.memory, FLAGS, &mut flags) })?;
        // On a disk that cannot be written SQLite opens for reading.
        if flags & ffi::SQLITE_OPEN_READWRITE == 0 { Err(ffi::SQLITE_READONLY) } else { Ok(file) }
    }

    pub(super) fn bytes(&self) -> Result<u64, Code> {
        let size = self.methods()?.xFileSize.ok_or(ffi::SQLITE_MISUSE)?;
        let mut bytes = 0;
        // SAFETY: the file is open; the place for the result is ours.
        checked(unsafe { size(self.memory, &mut bytes) })?;
        u64::try_from(bytes).map_err(|_| ffi::SQLITE_IOERR_FSTAT)
    }

    /// Reads exactly `buffer`; what is behind the end of the file reads as zeros.
    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Code> {
        let read = self.methods()?.xRead.ok_or(ffi::SQLITE_MISUSE)?;
        let (length, offset) = span(buffer.len(), offset)?;
        // SAFETY: `buffer` has `length` bytes and lives through the call.
        match unsafe { read(self.memory, buffer.as_mut_ptr().cast(), length, offset) } {
            ffi::SQLITE_IOERR_SHORT_READ => Ok(()),
            code => checked(code),
        }
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Code> {
        let write = self.methods()?.xWrite.ok_or(ffi::SQLITE_MISUSE)?;
        let (length, offset) = span(bytes.len(), offset)?;
        // SAFETY: `bytes` has `length` bytes, is only read, and lives through the call.
        checked(unsafe { write(self.memory, bytes.as_ptr().cast(), length, offset) })
    }

    pub(super) fn truncate(&self, bytes: u64) -> Result<(), Code> {
        let truncate = self.methods()?.xTruncate.ok_or(ffi::SQLITE_MISUSE)?;
        let bytes = i64::try_from(bytes).map_err(|_| ffi::SQLITE_TOOBIG)?;
        // SAFETY: the file is open.
        checked(unsafe { truncate(self.memory, bytes) })
    }

    pub(super) fn sync(&self) -> Result<(), Code> {
        let sync = self.methods()?.xSync.ok_or(ffi::SQLITE_MISUSE)?;
        // SAFETY: the file is open.
        checked(unsafe { sync(self.memory, ffi::SQLITE_SYNC_NORMAL) })
    }

    fn methods(&self) -> Result<&ffi::sqlite3_io_methods, Code> {
        // SAFETY: the memory is ours and was filled with zeros; the methods are a static table of the VFS,
        // or null.
        unsafe { (*self.memory).pMethods.as_ref() }.ok_or(ffi::SQLITE_MISUSE)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if let Ok(close) =
            self.methods().and_then(|methods| methods.xClose.ok_or(ffi::SQLITE_MISUSE))
        {
            // SAFETY: the file is open, and nobody uses it afterwards.
            unsafe { close(self.memory) };
        }
        let memory = ptr::slice_from_raw_parts_mut(self.memory.cast::<u64>(), self.words);
        // SAFETY: these are the words that `open` has let go.
        drop(unsafe { Box::from_raw(memory) });
    }
}
