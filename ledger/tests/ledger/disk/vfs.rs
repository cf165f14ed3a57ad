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

use super::state::{Code, Handle, State};
use rusqlite::ffi;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering, fence};
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
struct FileOfSqlite {
    base: ffi::sqlite3_file,
    open: *mut OpenFile,
}

struct OpenFile {
    state: Shared,
    name: String,
    handle: Handle,
}

impl OpenFile {
    /// SAFETY: `file` was filled by `open`, and not closed since.
    unsafe fn of<'a>(file: *mut ffi::sqlite3_file) -> &'a Self {
        // SAFETY: see above; `open` has stored a box there.
        unsafe { &*(*file.cast::<FileOfSqlite>()).open }
    }

    fn state(&self) -> MutexGuard<'_, State> {
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

fn code_of(result: Result<(), Code>) -> Code {
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

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(map_index),
    xShmLock: Some(lock_index),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap_index),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the box of `open`, taken back once: SQLite does not use the file any more.
    let open = unsafe { Box::from_raw((*file.cast::<FileOfSqlite>()).open) };
    open.state().close(&open.name, open.handle);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: by the contract.
    let (file, buffer) = unsafe {
        (OpenFile::of(file), std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length as usize))
    };
    match file.state().read(&file.name, offset as u64, buffer) {
        Ok(read) if read == buffer.len() => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(code) => code,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: by the contract.
    let (file, bytes) = unsafe {
        (OpenFile::of(file), std::slice::from_raw_parts(bytes.cast::<u8>(), length as usize))
    };
    code_of(file.state().write(&file.name, offset as u64, bytes))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: by the contract.
    let file = unsafe { OpenFile::of(file) };
    code_of(file.state().truncate(&file.name, length as u64))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: by the contract.
    let file = unsafe { OpenFile::of(file) };
    code_of(file.state().sync(&file.name, file.handle))
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: by the contract; `out` is a place for the answer.
    let file = unsafe { OpenFile::of(file) };
    let length = file.state().length(&file.name);
    // SAFETY: as above.
    code_of(length.map(|length| unsafe { *out = length as i64 }))
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: by the contract.
    let file = unsafe { OpenFile::of(file) };
    code_of(file.state().lock(&file.name, file.handle, level))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: by the contract.
    let file = unsafe { OpenFile::of(file) };
    file.state().unlock(&file.name, file.handle, level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: by the contract; `out` is a place for the answer.
    let file = unsafe { OpenFile::of(file) };
    let is_reserved = file.state().is_reserved(&file.name);
    // SAFETY: as above.
    unsafe { *out = is_reserved.into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

/// As SQLite's own VFS says of a disk: a write damages nothing around it.
unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn map_index(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: by the contract.
    let file = unsafe { OpenFile::of(file) };
    let mut state = file.state();
    let index = state.indexes.entry(file.name.clone()).or_default();
    if !index.mapped.contains(&file.handle) {
        index.mapped.push(file.handle);
    }
    while extend != 0 && index.regions.len() <= region as usize {
        index.regions.push(vec![0; bytes as usize / size_of::<u64>()].into_boxed_slice());
    }
    let found = index.regions.get_mut(region as usize);
    let found = found.map_or(ptr::null_mut(), |region| region.as_mut_ptr().cast());
    // SAFETY: a place for the answer.
    unsafe { *out = found };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock_index(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: by the contract.
    let file = unsafe { OpenFile::of(file) };
    let mut state = file.state();
    let index = state.indexes.entry(file.name.clone()).or_default();
    let slots = offset as usize..(offset + count) as usize;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        index.unlock(file.handle, slots);
        return ffi::SQLITE_OK;
    }
    index.lock(file.handle, slots, flags & ffi::SQLITE_SHM_EXCLUSIVE != 0)
}

unsafe extern "C" fn barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn unmap_index(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: by the contract.
    let file = unsafe { OpenFile::of(file) };
    let mut state = file.state();
    if let Some(index) = state.indexes.get_mut(&file.name) {
        index.unmap(file.handle);
        // Whoever comes first makes it anew from the log.
        if index.mapped.is_empty() {
            state.indexes.remove(&file.name);
        }
    }
    ffi::SQLITE_OK
}
