//! The one place that maps memory: why `unsafe` is allowed here and nowhere else in this crate.
//!
//! Contract: a `Page` owns one `MAP_SHARED` mapping of a file whose size was checked to be at least
//! the mapping's length. The file is a memfd or a board file that is never truncated by its owner.
//! Access is through `&T` where `T` consists of atomics alone, so concurrent writers are sound: what
//! lies in a page is declared by [`shared!`], which lets the compiler see to that.
#![allow(unsafe_code)]

use rustix::fs::{fstat, ftruncate};
use rustix::io::Result;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Types that may stand in shared memory: only atomics, `repr(C)`, valid for any bytes.
///
/// # Safety
/// Implementers consist of atomic integers (and arrays of them) alone and are `repr(C)`.
pub(crate) unsafe trait Shared {}

// SAFETY: an atomic integer, valid for any bytes.
unsafe impl Shared for AtomicU32 {}
// SAFETY: as above.
unsafe impl Shared for AtomicU64 {}
// SAFETY: nothing but them, one behind the other.
unsafe impl<T: Shared, const N: usize> Shared for [T; N] {}

/// Declares a struct that may stand in shared memory. It does not compile with a field that may not.
macro_rules! shared {
    (
        $(#[$attribute:meta])*
        $visible:vis struct $name:ident {
            $($(#[$about:meta])* $seen:vis $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$attribute])*
        #[repr(C)]
        $visible struct $name {
            $($(#[$about])* $seen $field: $type,)+
        }

        const _: () = {
            const fn may_be_shared<T: $crate::page::Shared>() {}
            $(may_be_shared::<$type>();)+
        };

        #[allow(unsafe_code)]
        // SAFETY: repr(C), and each field was seen to be `Shared`.
        unsafe impl $crate::page::Shared for $name {}
    };
}
pub(crate) use shared;

/// A shared mapping, unmapped on drop.
#[derive(Debug)]
pub(crate) struct Page {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping is plain memory reached only through atomics.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    /// Makes `file` at least `bytes` long and maps it for reading and writing. Never shorter than it
    /// was: who has more of it mapped would be killed by reading that.
    pub(crate) fn create(file: impl AsFd, bytes: usize) -> Result<Self> {
        if fstat(file.as_fd())?.st_size < bytes as i64 {
            ftruncate(file.as_fd(), bytes as u64)?;
        }
        Self::map(file, bytes, ProtFlags::READ | ProtFlags::WRITE)
    }

    /// Maps an existing file; fails with `INVAL` when it is smaller than `bytes`.
    pub(crate) fn open(file: impl AsFd, bytes: usize, writable: bool) -> Result<Self> {
        if fstat(file.as_fd())?.st_size < bytes as i64 {
            return Err(rustix::io::Errno::INVAL);
        }
        let write = if writable { ProtFlags::WRITE } else { ProtFlags::empty() };
        Self::map(file, bytes, ProtFlags::READ | write)
    }

    fn map(file: impl AsFd, bytes: usize, protection: ProtFlags) -> Result<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choice aliases nothing.
        let start = unsafe {
            mmap(std::ptr::null_mut(), bytes, protection, MapFlags::SHARED, file.as_fd(), 0)?
        };
        let start = NonNull::new(start.cast()).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Self { start, bytes })
    }

    /// The `T` at `offset`; panics when it does not lie within the page or is misaligned.
    pub(crate) fn at<T: Shared>(&self, offset: usize) -> &T {
        let fits = offset.checked_add(size_of::<T>()).is_some_and(|end| end <= self.bytes);
        assert!(fits && offset.is_multiple_of(align_of::<T>()), "outside the shared page");
        // SAFETY: in bounds and aligned (mappings are page-aligned); `T: Shared` is valid for any
        // bytes and tolerates concurrent writers; the mapping lives as long as `self`.
        unsafe { &*self.start.as_ptr().add(offset).cast::<T>() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: we own the mapping, and no reference into it outlives `self`.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
