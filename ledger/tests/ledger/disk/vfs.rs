//! The disk as a VFS of SQLite. Contract:
//!
//! - SQLite calls a VFS with the pointer that was registered, and a file's methods with a file that
//!   `open` has filled, until `close`. `Registered` keeps the VFS alive until no ledger can use it: it
//!   is dropped after them, with its [`Disk`](super::Disk).
//! - `open` puts a boxed `OpenFile` behind the `sqlite3_file`, and `close` takes it back, once.
//! - Buffers are valid for the lengths that SQLite says, and nobody else's during the call.
//! - Regions of an index stay where they are as long as a handle has them mapped; what is in them is
//!   SQLite's, which keeps its own order there.
#![allow(unsafe_code)]

use super::methods::METHODS;
use super::state::{Code, Handle, State};
use rusqlite::ffi;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Shared = Arc<Mutex<State>>;

/// A VFS under a name of its own, for as long as this lives.
pub(super) struct Registered {
    name: String,
    vfs: *mut ffi::sqlite3_vfs,
}

// SAFETY: the VFS is behind SQLite's own lock, and what it points to behind a mutex.
unsafe impl Send for Registered {}

impl Registered {
    pub(super) fn new(state: Shared) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("disk-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let c_name = CString::new(name.clone()).expect("no NUL");
        let vfs = Box::into_raw(Box::new(ffi::sqlite3_vfs {
            iVersion: 1,
            szOsFile: size_of::<FileOfSqlite>() as c_int,
            mxPathname: 512,
            pNext: ptr::null_mut(),
            zName: c_name.into_raw(),
            pAppData: Box::into_raw(Box::new(state)).cast(),
            xOpen: Some(open),
            xDelete: Some(remove),
            xAccess: Some(access),
            xFullPathname: Some(full_path),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: a whole VFS, which lives until it is unregistered.
        let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        assert_eq!(code, ffi::SQLITE_OK);
        Self { name, vfs }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // SAFETY: made by `new` from boxes and a C string; unregistered first, so nobody finds it.
        unsafe {
            ffi::sqlite3_vfs_unregister(self.vfs);
            let vfs = Box::from_raw(self.vfs);
            drop(CString::from_raw(vfs.zName.cast_mut()));
            drop(Box::from_raw(vfs.pAppData.cast::<Shared>()));
        }
    }
}

/// SQLite allocates it; the base comes first.
#[repr(C)]
pub(super) struct FileOfSqlite {
    base: ffi::sqlite3_file,
    pub(super) open: *mut OpenFile,
}

pub(super) struct OpenFile {
    state: Shared,
    pub(super) name: String,
    pub(super) handle: Handle,
}

impl OpenFile {
    /// SAFETY: `file` was filled by `open`, and not closed since.
    pub(super) unsafe fn of<'a>(file: *mut ffi::sqlite3_file) -> &'a Self {
        // SAFETY: see above; `open` has stored a box there.
        unsafe { &*(*file.cast::<FileOfSqlite>()).open }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn locked(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// SAFETY: `vfs` is one that `Registered` has registered.
unsafe fn state_of<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Shared {
    // SAFETY: see above; `Registered::new` has stored a box there.
    unsafe { &*(*vfs).pAppData.cast::<Shared>() }
}

pub(super) fn code_of(result: Result<(), Code>) -> Code {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

/// SAFETY: `name` is a C string that lives as long as the call.
unsafe fn name_of(name: *const c_char) -> String {
    // SAFETY: see above.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let file = file.cast::<FileOfSqlite>();
    // SAFETY: SQLite gives room for `szOsFile` bytes. Without methods it calls no close.
    unsafe { (*file).base.pMethods = ptr::null() };
    if name.is_null() {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: by the contract.
    let (state, name) = unsafe { (state_of(vfs), name_of(name)) };
    let handle = match locked(state).open(&name, flags) {
        Ok(handle) => handle,
        Err(code) => return code,
    };
    let open = Box::into_raw(Box::new(OpenFile { state: Arc::clone(state), name, handle }));
    // SAFETY: as above; `out_flags` is null or a place for the answer.
    unsafe {
        (*file).open = open;
        (*file).base.pMethods = &METHODS;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn remove(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    // SAFETY: by the contract.
    let (state, name) = unsafe { (state_of(vfs), name_of(name)) };
    code_of(locked(state).remove(&name, sync_folder != 0))
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: by the contract; `answer` is a place for the answer.
    unsafe {
        let exists = locked(state_of(vfs)).exists(&name_of(name));
        *answer = exists.into();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_path(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    length: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: by the contract; `out` has room for `length` bytes.
    unsafe {
        let name = CStr::from_ptr(name).to_bytes_with_nul();
        if name.len() > length as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(name.as_ptr().cast(), out, name.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(
    _: *mut ffi::sqlite3_vfs,
    length: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: `out` has room for `length` bytes.
    unsafe { ptr::write_bytes(out, 7, length as usize) };
    length
}

/// Time stands still here: whoever waits for a lock has waited.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: `out` is a place for the answer.
    unsafe { *out = 2_460_000.5 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(vfs: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    // SAFETY: by the contract.
    locked(unsafe { state_of(vfs) }).errno
}
