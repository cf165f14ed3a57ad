//! SQLite's own VFS, with one operation in which the process is killed. Contract:
//!
//! - The VFS is a copy of SQLite's default one with another way to open files, which calls the original
//!   with the original. It is leaked: the process does not live long.
//! - After the original has opened a file, its table of methods is replaced by a leaked copy whose
//!   three writing methods are ours. They pass on to the originals, which all files of that VFS share.
#![allow(unsafe_code)]

use rusqlite::ffi;
use rustix::process::{Signal, getpid, kill_process};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Operations that are left.
static LEFT: AtomicU64 = AtomicU64::new(0);
static ORIGINAL: OnceLock<Original> = OnceLock::new();
static METHODS: OnceLock<ffi::sqlite3_io_methods> = OnceLock::new();

struct Original(*mut ffi::sqlite3_vfs);

// SAFETY: SQLite's default VFS is static, and made to be called by any thread.
unsafe impl Send for Original {}
// SAFETY: as above.
unsafe impl Sync for Original {}

/// From now on the `operation`th write, sync or truncation is this process's last.
pub(crate) fn kill_at(operation: u64) {
    LEFT.store(operation, Ordering::Relaxed);
    // SAFETY: the VFS that is found is static; its copy is leaked, and whole.
    unsafe {
        ffi::sqlite3_initialize();
        let original = ffi::sqlite3_vfs_find(ptr::null());
        let mut copy = Box::new(ptr::read(original));
        assert!(ORIGINAL.set(Original(original)).is_ok(), "once a process");
        copy.zName = c"fatal".as_ptr();
        copy.pNext = ptr::null_mut();
        copy.xOpen = Some(open);
        let code = ffi::sqlite3_vfs_register(Box::into_raw(copy), 1);
        assert_eq!(code, ffi::SQLITE_OK);
    }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let Some(original) = ORIGINAL.get() else { return ffi::SQLITE_MISUSE };
    // SAFETY: the arguments are SQLite's; the original has this method.
    unsafe {
        let Some(open) = (*original.0).xOpen else { return ffi::SQLITE_MISUSE };
        let code = open(original.0, name, file, flags, out_flags);
        if let Some(methods) = (*file).pMethods.as_ref() {
            METHODS.get_or_init(|| ptr::read(methods));
            let mut ours = ptr::read(methods);
            ours.xWrite = Some(write);
            ours.xSync = Some(sync);
            ours.xTruncate = Some(truncate);
            (*file).pMethods = Box::leak(Box::new(ours));
        }
        code
    }
}

/// Where in the last operation the process is killed.
#[derive(PartialEq, Eq)]
enum Moment {
    Before,
    Within,
    After,
}

fn now() -> Option<Moment> {
    let left = LEFT.fetch_sub(1, Ordering::Relaxed);
    let moments = [Moment::Before, Moment::Within, Moment::After];
    (left == 1)
        .then(|| moments.into_iter().nth(getpid().as_raw_nonzero().get() as usize % 3))
        .flatten()
}

fn kill() -> c_int {
    let _ = kill_process(getpid(), Signal::KILL);
    ffi::SQLITE_IOERR
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    let Some(write) = METHODS.get().and_then(|methods| methods.xWrite) else {
        return ffi::SQLITE_MISUSE;
    };
    // SAFETY: the arguments are SQLite's, for the original of this method; half is within the whole.
    unsafe {
        match now() {
            None => write(file, bytes, length, offset),
            Some(Moment::Before) => kill(),
            Some(Moment::Within) => {
                write(file, bytes, length / 2, offset);
                kill()
            }
            Some(Moment::After) => {
                write(file, bytes, length, offset);
                kill()
            }
        }
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let Some(sync) = METHODS.get().and_then(|methods| methods.xSync) else {
        return ffi::SQLITE_MISUSE;
    };
    let now = now();
    if now.as_ref().is_some_and(|now| *now != Moment::After) {
        return kill();
    }
    // SAFETY: the arguments are SQLite's, for the original of this method.
    let code = unsafe { sync(file, flags) };
    if now.is_some() { kill() } else { code }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    let Some(truncate) = METHODS.get().and_then(|methods| methods.xTruncate) else {
        return ffi::SQLITE_MISUSE;
    };
    let now = now();
    if now.as_ref().is_some_and(|now| *now != Moment::After) {
        return kill();
    }
    // SAFETY: the arguments are SQLite's, for the original of this method.
    let code = unsafe { truncate(file, length) };
    if now.is_some() { kill() } else { code }
}
