//! No body can make its reader allocate much more than it is long, whatever lengths it claims.
//!
//! This file is the one place of this crate's tests with `unsafe`: a global allocator that passes
//! everything on to the system's and counts, per thread, what is held.

use protocol::{
    Backoff, Boot, Catalog, ControlReply, ControlRequest, Failure, Hello, JobContext, JobCount,
    JobReply, JobRequest, NewJob, Progress, Refused, Welcome, body_from_slice, body_to_vec,
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
        ("JobRequest", peak_of::<JobRequest>(body)),
        ("JobReply", peak_of::<JobReply>(body)),
        ("JobContext", peak_of::<JobContext>(body)),
        ("Progress", peak_of::<Progress>(body)),
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

/// What a request for jobs holds besides its texts, however long it is.
const JOBS_HELD_MAX: usize = 160 << 20;

/// Jobs are twenty times as large in memory as on the wire: those that are too many are not collected.
#[test]
fn jobs_steps_and_options_that_are_too_many_are_not_kept() {
    let enqueue = |jobs, batch| body_to_vec(&JobRequest::Enqueue { jobs, batch });
    let chained = |steps| NewJob { then: vec![NewJob::default(); steps], ..NewJob::default() };
    let many = enqueue(vec![NewJob::default(); 400_000], None);
    assert!(peak_of::<JobRequest>(&many) < 16 << 20, "jobs");
    let long = enqueue(vec![chained(400_000)], None);
    assert!(peak_of::<JobRequest>(&long) < 1 << 20, "steps");
    let both = enqueue(vec![chained(90); 5_000], None);
    assert!(peak_of::<JobRequest>(&both) < 32 << 20, "jobs with steps");
    let mut tagged = NewJob::default();
    tagged.options.tags = vec![String::new(); 400_000];
    tagged.options.backoff = Some(Backoff::List(vec![0; 400_000]));
    assert!(peak_of::<JobRequest>(&enqueue(vec![tagged], None)) < 1 << 20, "options");
    let mut largest = chained(100);
    for job in &mut largest.then {
        job.options.tags = vec![String::new(); 16];
        job.options.backoff = Some(Backoff::List(vec![0; 100]));
    }
    let largest = enqueue(vec![largest; 1000], None);
    assert!(peak_of::<JobRequest>(&largest) < JOBS_HELD_MAX, "all of it");
}

/// What was cut is refused by its count.
#[test]
fn of_too_many_one_more_is_kept_than_allowed() {
    let read = |jobs| {
        let body = body_to_vec(&JobRequest::Enqueue { jobs, batch: None });
        match body_from_slice("request", &body).expect("a request") {
            JobRequest::Enqueue { jobs, .. } => jobs,
            other => panic!("{other:?}"),
        }
    };
    let chained = |steps| NewJob { then: vec![NewJob::default(); steps], ..NewJob::default() };
    for (jobs, is_too_many) in [
        (vec![NewJob::default(); 10_000], false),
        (vec![NewJob::default(); 10_100], true),
        (vec![chained(99); 500], false),
        (vec![chained(99); 600], true),
    ] {
        let sent = jobs.len();
        let read = read(jobs);
        assert_eq!(JobCount::of(&read).is_too_many(), is_too_many, "{sent} jobs");
        assert!(if is_too_many { read.len() < sent } else { read.len() == sent }, "{}", read.len());
    }
    assert_eq!(read(vec![chained(300)])[0].then.len(), 101);
}

#[test]
fn the_count_sees_an_allocation() {
    // 16 KiB of message text in a Refused.
    let text = "x".repeat(16 * 1024);
    let body =
        body_to_vec(&Refused { code: protocol::RefusedCode::Denied, message: text, near: vec![] });
    assert!(peak_of::<Refused>(&body) >= 16 * 1024);
}
