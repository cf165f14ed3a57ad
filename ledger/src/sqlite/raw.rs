//! What SQLite offers in C only. Contract of the whole module:
//!
//! - Every function borrows a [`Connection`], so its handle is open for the length of the call, and
//!   since a `Connection` is not `Sync`, no other thread uses it meanwhile.
//! - The log's `sqlite3_file` belongs to that connection's pager. It is looked up anew for each use
//!   and never kept: SQLite may close it whenever it runs.
//! - The log is touched between transactions only. SQLite then has no write of its own under way, and
//!   reads of others never go beyond the frames that were committed.
#![allow(unsafe_code)]

use rusqlite::{Connection, ffi};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// An extended result code of SQLite.
pub(crate) type Code = c_int;

/// The write-ahead log of a connection, as a file.
pub(super) struct LogFile<'a> {
    connection: &'a Connection,
}

impl<'a> LogFile<'a> {
    pub(super) fn of(connection: &'a Connection) -> Self {
        Self { connection }
    }

    pub(super) fn bytes(&self) -> Result<u64, Code> {
        let (file, methods) = self.open()?;
        let size = methods.xFileSize.ok_or(ffi::SQLITE_MISUSE)?;
        let mut bytes = 0;
        // SAFETY: `file` is an open file with these methods; the place for the result is ours.
        checked(unsafe { size(file, &mut bytes) })?;
        u64::try_from(bytes).map_err(|_| ffi::SQLITE_IOERR_FSTAT)
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Code> {
        let (file, methods) = self.open()?;
        let write = methods.xWrite.ok_or(ffi::SQLITE_MISUSE)?;
        let (length, offset) = span(bytes.len(), offset)?;
        // SAFETY: `bytes` has `length` bytes, is only read, and lives through the call.
        checked(unsafe { write(file, bytes.as_ptr().cast(), length, offset) })
    }

    pub(super) fn sync(&self) -> Result<(), Code> {
        let (file, methods) = self.open()?;
        let sync = methods.xSync.ok_or(ffi::SQLITE_MISUSE)?;
        // SAFETY: `file` is an open file with these methods.
        checked(unsafe { sync(file, ffi::SQLITE_SYNC_NORMAL) })
    }

    fn open(&self) -> Result<(*mut ffi::sqlite3_file, &'a ffi::sqlite3_io_methods), Code> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: the handle is open (see above); this operation stores one pointer at the place.
        checked(unsafe {
            ffi::sqlite3_file_control(
                self.connection.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_JOURNAL_POINTER,
                ptr::from_mut(&mut file).cast(),
            )
        })?;
        if file.is_null() {
            return Err(ffi::SQLITE_MISUSE);
        }
        // SAFETY: a file that SQLite gives out is allocated; its methods are null until it is open,
        // and a static table of its VFS from then on.
        let methods = unsafe { (*file).pMethods.as_ref() };
        methods.map(|methods| (file, methods)).ok_or(ffi::SQLITE_MISUSE)
    }
}

/// A length and an offset, as methods of files take them.
pub(crate) fn span(length: usize, offset: u64) -> Result<(c_int, i64), Code> {
    let length = c_int::try_from(length).map_err(|_| ffi::SQLITE_TOOBIG)?;
    let offset = i64::try_from(offset).map_err(|_| ffi::SQLITE_TOOBIG)?;
    Ok((length, offset))
}

pub(crate) fn checked(code: Code) -> Result<(), Code> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(code) }
}

/// Counts the frames of the log: after each commit of this connection the returned number is how many
/// there are, all committed.
pub(super) fn count_frames(connection: &Connection, frames: &Arc<AtomicU32>) {
    // The hook's argument has to live as long as the connection, so the caller keeps the Arc beside it
    // (`Log`), and drops the connection first.
    // SAFETY: the handle is open; the argument is a live AtomicU32 for as long as the hook can run.
    unsafe {
        ffi::sqlite3_wal_hook(
            connection.handle(),
            Some(on_commit),
            Arc::as_ptr(frames).cast_mut().cast(),
        )
    };
}

unsafe extern "C" fn on_commit(
    frames: *mut c_void,
    _: *mut ffi::sqlite3,
    _: *const c_char,
    count: c_int,
) -> c_int {
    // SAFETY: this is the pointer that `count_frames` registered.
    let frames = unsafe { &*frames.cast::<AtomicU32>() };
    frames.store(u32::try_from(count).unwrap_or(0), Ordering::Relaxed);
    ffi::SQLITE_OK
}

/// What the operating system said when this connection's last call failed; 0 if it was not asked.
pub(super) fn system_errno(connection: &Connection) -> i32 {
    // SAFETY: the handle is open.
    unsafe { ffi::sqlite3_system_errno(connection.handle()) }
}
