//! Questions on a connection for jobs, their answers, and the head of a job's call.

use super::id::JobId;
use super::lists;
use super::options::JobOptions;
use super::report::{BatchReport, JobReport};
use crate::{BadFrame, body_from_slice, body_to_vec};
use serde::{Deserialize, Serialize};

/// A question. Each gets exactly one reply with its request id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobRequest {
    /// All of them or none. The answer comes when they are on disk.
    Enqueue {
        /// Together at most so many as [`super::JobCount`] allows.
        #[serde(deserialize_with = "lists::jobs")]
        jobs: Vec<NewJob>,
        batch: Option<Box<NewBatch>>,
    },
    Find {
        id: JobId,
    },
    /// As Find, but the answer waits until the job is over, or for so long.
    Await {
        id: JobId,
        wait_ms: u64,
    },
    /// One that waits never runs; one that runs is interrupted.
    Cancel {
        id: JobId,
    },
    Batch {
        id: JobId,
    },
    /// Waits until every job of it is over, or for so long.
    AwaitBatch {
        id: JobId,
        wait_ms: u64,
    },
    CancelBatch {
        id: JobId,
    },
}

/// A job to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewJob {
    pub function: String,
    /// In the value codec, as a call's.
    #[serde(with = "serde_bytes")]
    pub arguments: Vec<u8>,
    pub options: JobOptions,
    /// Made one after the other, each when the one before has returned; what that returned comes
    /// before the arguments. These have no further ones, and are in the batch of the job before.
    #[serde(with = "steps")]
    pub then: Vec<NewJob>,
    /// An open batch that it joins.
    pub batch: Option<JobId>,
}

/// Jobs that follow another. On the wire they are flat, so that no peer can nest them until the stack
/// of whoever decodes them ends.
mod steps {
    use super::{JobOptions, NewJob, lists};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    struct Step<'a> {
        function: &'a str,
        #[serde(with = "serde_bytes")]
        arguments: &'a [u8],
        options: &'a JobOptions,
    }

    #[derive(Deserialize)]
    struct OwnedStep {
        function: String,
        #[serde(with = "serde_bytes")]
        arguments: Vec<u8>,
        options: JobOptions,
    }

    pub(super) fn serialize<S: Serializer>(steps: &[NewJob], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(steps.iter().map(|NewJob { function, arguments, options, .. }| Step {
            function,
            arguments,
            options,
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<NewJob>, D::Error> {
        let steps: Vec<OwnedStep> = lists::steps(from)?;
        let job = |OwnedStep { function, arguments, options }| NewJob {
            function,
            arguments,
            options,
            ..NewJob::default()
        };
        Ok(steps.into_iter().map(job).collect())
    }
}

/// A batch to be made of the jobs beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBatch {
    pub name: String,
    /// Made when all its jobs are done; its id comes before the arguments, as in the others.
    pub then: Option<NewJob>,
    /// Made once, when the first of them is dead.
    pub catch: Option<NewJob>,
    /// Made when all are over, one way or the other.
    pub finally: Option<NewJob>,
    /// Whether a dead job leaves the others alone; else they are cancelled.
    pub allow_failures: bool,
}

/// A job that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub id: JobId,
    /// It was there before: its unique or idempotency key is known.
    pub existing: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobReply {
    Accepted {
        jobs: Vec<Accepted>,
        batch: Option<JobId>,
    },
    Refused(JobRefusal),
    /// Nothing when there is no such job, or no longer.
    Job(Option<Box<JobReport>>),
    Batch(Option<BatchReport>),
    Cancelled(Cancellation),
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cancellation {
    /// There is no such job or batch here, or no longer.
    Unknown,
    /// What waits will not run, and what runs is interrupted.
    Done,
    /// It was over already.
    Over,
}

/// Why a job was not made. Nothing of its request was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobRefusal {
    UnknownFunction {
        function: String,
        near: Vec<String>,
    },
    /// It cannot be called from afar, or not with these arguments.
    NotCallable {
        function: String,
        reason: String,
    },
    BadOption {
        option: String,
        reason: String,
    },
    /// `setting` says which limit.
    QueueFull {
        queue: String,
        setting: String,
        limit: u64,
    },
    /// Its unique key is taken, by that job.
    Duplicate {
        id: JobId,
        key: String,
    },
    /// Jobs are off, the worker is stopping, or the disk does not take them now.
    Unavailable {
        reason: String,
    },
    UnknownBatch {
        id: JobId,
    },
}

/// What an executor is told of the job that a call is an attempt at. It stands before the call's head,
/// with its length as u32, when the frame has [`crate::FLAG_JOB`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobContext {
    pub id: JobId,
    /// From 1. Higher than those before it; one that never began leaves a gap.
    pub attempt: u32,
    /// Attempts that failed, and that crashed, since it was queued or somebody had it run again.
    pub failures: u16,
    pub crashes: u16,
    pub idempotency_key: Option<String>,
    pub batch: Option<JobId>,
    /// A value in the value codec that comes before the arguments.
    #[serde(with = "serde_bytes")]
    pub input: Option<Vec<u8>>,
}

impl JobContext {
    pub fn put(&self, out: &mut Vec<u8>) {
        let body = body_to_vec(self);
        // An input is the result of another call, and so within frame_bytes_max, a u32.
        out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&body);
    }
}

/// Splits the body of a call with [`crate::FLAG_JOB`] into the job and what an ordinary call has.
pub fn split_job(body: &[u8]) -> Result<(JobContext, &[u8]), BadFrame> {
    let malformed = BadFrame::Malformed { what: "job of a call" };
    let (length, rest) = body.split_first_chunk::<4>().ok_or(malformed.clone())?;
    let length = u32::from_le_bytes(*length) as usize;
    let (context, call) = rest.split_at_checked(length).ok_or(malformed)?;
    Ok((body_from_slice("job of a call", context)?, call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_job_is_flat() {
        let last = NewJob { function: "c".to_owned(), ..NewJob::default() };
        let next = NewJob { function: "b".to_owned(), then: vec![last], ..NewJob::default() };
        let job = NewJob { function: "a".to_owned(), then: vec![next], ..NewJob::default() };
        let back: NewJob = body_from_slice("job", &body_to_vec(&job)).unwrap();
        assert_eq!((back.then.len(), back.then[0].then.len()), (1, 0));
    }

    #[test]
    fn a_job_stands_before_its_call() {
        let context = JobContext {
            id: JobId::new(1, 2, 3, 4),
            attempt: 2,
            failures: 1,
            crashes: 0,
            idempotency_key: Some("k".to_owned()),
            batch: None,
            input: Some(vec![0xd2]),
        };
        let mut body = Vec::new();
        context.put(&mut body);
        body.extend_from_slice(b"call");
        assert_eq!(split_job(&body), Ok((context, b"call".as_slice())));
        for length in 0..body.len() - 4 {
            assert!(split_job(&body[..length]).is_err(), "{length} bytes");
        }
    }
}
