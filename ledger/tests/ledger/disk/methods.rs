//! What SQLite does with an open file of the disk. The contract is that of `vfs`.
#![allow(unsafe_code)]

use super::vfs::{FileOfSqlite, OpenFile, code_of};
use rusqlite::ffi;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{Ordering, fence};

pub(super) static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
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
