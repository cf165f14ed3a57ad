//! No body can make its reader allocate much more than it is long, whatever lengths it claims.
//!
//! This file is the one place of this crate's tests with `unsafe`: a global allocator that passes
//! everything on to the system's and counts, per thread, what is held.

use protocol::{
    Boot, Catalog, ControlReply, ControlRequest, Failure, Hello, Refused, Welcome, body_from_slice,
};
use serde::de::DeserializeOwned;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Largest size in memory of one element per byte on the wire, over all messages: an element of a
/// few one-byte parts becomes a struct of strings and vectors.
const GROWTH_MAX: usize = 64;
/// serde reserves at most 1 MiB for each sequence whose length it was told, and no message nests
/// sequences deeper than four.
const CLAIMED_MAX: usize = 4 * 1024 * 1024;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every request goes to `System` unchanged; counting touches only thread-locals that are
// initialised at compile time, so it allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.get() + layout.size();
        HELD.set(held);
        PEAK.set(PEAK.get().max(held));
        // SAFETY: the caller keeps `alloc`'s contract, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get().saturating_sub(layout.size()));
        // SAFETY: `pointer` came from `System.alloc` above, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes that decoding `body` as `T` held at most.
fn peak_of<T: DeserializeOwned>(body: &[u8]) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    drop(body_from_slice::<T>("message", body));
    PEAK.get() - before
}

fn check_all(body: &[u8]) {
    let peaks = [
        ("Hello", peak_of::<Hello>(body)),
        ("Welcome", peak_of::<Welcome>(body)),
        ("Refused", peak_of::<Refused>(body)),
        ("Failure", peak_of::<Failure>(body)),
        ("Catalog", peak_of::<Catalog>(body)),
        ("ControlRequest", peak_of::<ControlRequest>(body)),
        ("ControlReply", peak_of::<ControlReply>(body)),
        ("Boot", peak_of::<Boot>(body)),
    ];
    for (message, peak) in peaks {
        let allowed = CLAIMED_MAX + GROWTH_MAX * body.len();
        assert!(peak <= allowed, "{message}: {} bytes held {peak}, {allowed} allowed", body.len());
    }
}

/// The largest u32 and u64 as postcard writes lengths: seven bits a byte.
const CLAIMS: [&[u8]; 2] = [b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"];

#[test]
fn a_claimed_length_at_any_place_is_not_believed() {
    for claim in CLAIMS {
        for filler in [0u8, 1, 2, 16, 127] {
            for place in 0..64 {
                let mut body = vec![filler; place];
                body.extend_from_slice(claim);
                body.resize(128, 1);
                check_all(&body);
            }
        }
    }
}

#[test]
fn claims_in_a_row_do_not_add_up() {
    for claim in CLAIMS {
        check_all(&claim.repeat(2000));
        for variant in 0u8..16 {
            let mut body = vec![variant];
            body.extend(claim.repeat(2000));
            check_all(&body);
        }
    }
}

#[test]
fn many_small_elements_grow_by_a_bounded_factor() {
    for variant in 0u8..16 {
        // 65,535 elements claimed, and bytes for as many as fit.
        let mut body = vec![variant];
        body.extend_from_slice(b"\xff\xff\x03");
        body.resize(1 << 20, 0);
        check_all(&body);
    }
}

#[test]
fn the_count_sees_an_allocation() {
    // 16 KiB of message text in a Refused.
    let text = "x".repeat(16 * 1024);
    let body = protocol::body_to_vec(&Refused {
        code: protocol::RefusedCode::Denied,
        message: text,
        near: vec![],
    });
    assert!(peak_of::<Refused>(&body) >= 16 * 1024);
}
