//! Lists that are much larger in memory than on the wire. No more of them is kept than may be asked for,
//! and one element beyond, by which whoever checks the request refuses it with the reason: so what is
//! cut is never made.

use super::options::JobOptions;
use super::request::NewJob;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// Most jobs that one request makes.
pub const JOBS_AT_ONCE_MAX: usize = 10_000;
/// Most steps of a chain, after its first job.
pub const STEPS_MAX: usize = 100;
/// Most jobs that one request makes, now or as steps of their chains.
pub const STEPS_AT_ONCE_MAX: usize = 50_000;

/// What jobs of one request come to.
#[derive(Clone, Copy, Debug, Default)]
pub struct JobCount {
    jobs: usize,
    steps: usize,
}

impl JobCount {
    pub fn of(jobs: &[NewJob]) -> Self {
        let mut count = Self::default();
        jobs.iter().for_each(|job| count.add(job));
        count
    }

    fn add(&mut self, job: &NewJob) {
        self.jobs += 1;
        self.steps += 1 + job.then.len();
    }

    /// Whether no request makes so many.
    pub fn is_too_many(self) -> bool {
        self.jobs > JOBS_AT_ONCE_MAX || self.steps > STEPS_AT_ONCE_MAX
    }
}

/// Keeps elements until it is told that one was too many.
struct Bounded<T, F> {
    is_too_many: F,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(&T) -> bool> Visitor<'de> for Bounded<T, F> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut from: A) -> Result<Vec<T>, A::Error> {
        let (mut kept, mut is_full) = (Vec::new(), false);
        while let Some(element) = from.next_element()? {
            if !is_full {
                is_full = (self.is_too_many)(&element);
                kept.push(element);
            }
        }
        Ok(kept)
    }
}

fn bounded<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
    is_too_many: impl FnMut(&T) -> bool,
) -> Result<Vec<T>, D::Error> {
    from.deserialize_seq(Bounded { is_too_many, element: PhantomData })
}

fn up_to<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
    count_max: usize,
) -> Result<Vec<T>, D::Error> {
    let mut count = 0;
    bounded(from, |_| {
        count += 1;
        count > count_max
    })
}

/// Jobs of a request.
pub(super) fn jobs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<NewJob>, D::Error> {
    let mut count = JobCount::default();
    bounded(from, |job| {
        count.add(job);
        count.is_too_many()
    })
}

/// Steps of a chain.
pub(super) fn steps<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    up_to(from, STEPS_MAX)
}

pub(super) fn tags<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    up_to(from, JobOptions::TAGS_MAX)
}

/// Of a back-off.
pub(super) fn pauses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    up_to(from, JobOptions::PAUSES_MAX)
}
