//! The table that owns every call, and the only way to one.
//!
//! `unsafe` is here because PHP may leave a function of ours by `longjmp` (out of memory, a fatal
//! error in user code), skipping destructors. So no frame that calls into PHP owns anything: the
//! table does, and frames hold a `CallId`, which is `Copy`. What a skipped frame leaves behind is
//! swept when the next PHP request begins.
//!
//! Contract: the table is used by one thread (it lives in a thread-local); a call's memory stays
//! where it is until the call is released; `Table::get` lends it for as long as the caller says,
//! and the caller lends it to one user at a time.
#![allow(unsafe_code)]

use super::Client;
use super::call::Call;
use std::ptr::NonNull;

/// Most released calls kept for reuse with their buffers.
const SPARE_MAX: usize = 64;

/// Names a call in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId {
    call: NonNull<Call>,
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    call: NonNull<Call>,
    serial: u64,
    /// The PHP request it belongs to.
    request: u64,
    /// Whether a PHP object releases it, whatever happens to the frames.
    owned: bool,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    live: Vec<Entry>,
    spare: Vec<NonNull<Call>>,
    serial: u64,
}

impl Table {
    /// A fresh call of PHP request `request`.
    pub(super) fn take(&mut self, request: u64) -> CallId {
        let call = self.spare.pop().unwrap_or_else(|| NonNull::from(Box::leak(Box::default())));
        self.serial += 1;
        self.live.push(Entry { call, serial: self.serial, request, owned: false });
        CallId { call, serial: self.serial }
    }

    /// From now on a PHP object releases the call.
    pub(super) fn give_to_object(&mut self, id: CallId) {
        if let Some(entry) = self.live.iter_mut().find(|entry| entry.serial == id.serial) {
            entry.owned = true;
        }
    }

    /// The call, if it has not been released.
    ///
    /// # Safety
    /// No other reference to the same call is in use while the one returned is.
    unsafe fn get<'call>(&self, id: CallId) -> Option<&'call mut Call> {
        let known = self.live.iter().any(|entry| entry.serial == id.serial);
        // SAFETY: live entries point to leaked boxes that only `retire` takes back; exclusiveness
        // is the caller's promise.
        known.then(|| unsafe { &mut *id.call.as_ptr() })
    }

    /// Ends a call and keeps its buffers for the next. The caller has taken its connection.
    pub(super) fn release(&mut self, id: CallId) {
        if let Some(at) = self.live.iter().rposition(|entry| entry.serial == id.serial) {
            let entry = self.live.swap_remove(at);
            self.retire(entry.call);
        }
    }

    /// Calls that frames of requests before `request` left behind.
    pub(super) fn abandoned(&self, request: u64) -> Vec<CallId> {
        let lost = self.live.iter().filter(|entry| !entry.owned && entry.request != request);
        lost.map(|entry| CallId { call: entry.call, serial: entry.serial }).collect()
    }

    /// Every call there is.
    pub(super) fn all(&self) -> Vec<CallId> {
        let live = self.live.iter();
        live.map(|entry| CallId { call: entry.call, serial: entry.serial }).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    fn retire(&mut self, call: NonNull<Call>) {
        if self.spare.len() < SPARE_MAX {
            // SAFETY: the entry is out of `live`, so nobody else can reach the call.
            unsafe { &mut *call.as_ptr() }.reset();
            self.spare.push(call);
        } else {
            // SAFETY: as above; the pointer came from `Box::leak` in `take`.
            drop(unsafe { Box::from_raw(call.as_ptr()) });
        }
    }
}

impl Client {
    pub(super) fn call<'call>(&self, id: CallId) -> Option<&'call mut Call> {
        // SAFETY: calls are lent to one user at a time: to a function of `client`, which does not
        // call into PHP, or to the closure of `client::lend`, whose contract says so.
        unsafe { self.table.get(id) }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for call in self.live.iter().map(|entry| entry.call).chain(self.spare.iter().copied()) {
            // SAFETY: leaked in `take`; the table is going away, and every `CallId` with it.
            drop(unsafe { Box::from_raw(call.as_ptr()) });
        }
    }
}
