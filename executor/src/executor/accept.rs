//! Whether a frame is a call that may run here.

use super::clock::{NS_PER_MS, now_ns};
use super::codec::Codec;
use super::functions::{Functions, Target};
use super::seat::Seat;
use protocol::{
    BadFrame, Boot, CallHead, FLAG_JOB, FLAG_JSON, FLAG_OUTPUT, Failure, Function, Header,
    JOBS_POOL, JobContext, Kind, split_job,
};
use values::AllowedClasses;

/// A call that may run.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) header: Header,
    pub(super) target: &'a Target,
    pub(super) function: &'a Function,
    pub(super) codec: Codec<'a>,
    /// The job that it is an attempt at.
    pub(super) job: Option<JobContext>,
    pub(super) started_ns: u64,
    /// 0 = none.
    pub(super) limit_ms: u32,
}

impl Call<'_> {
    /// 0 = none.
    pub(super) fn deadline_ns(&self) -> u64 {
        match self.limit_ms {
            0 => 0,
            limit_ms => self.started_ns + u64::from(limit_ms) * NS_PER_MS,
        }
    }

    pub(super) fn wants_output(&self) -> bool {
        self.header.flags & FLAG_OUTPUT != 0
    }

    /// The function's place in the catalog and the scoreboard.
    pub(super) fn index(&self) -> usize {
        usize::try_from(self.target.index).unwrap_or(usize::MAX)
    }
}

/// The call and its encoded arguments, or why it is refused.
pub(super) fn accept<'a, 'b>(
    boot: &Boot,
    functions: &'a Functions<'_>,
    classes: &'a AllowedClasses,
    seat: &Seat,
    header: Header,
    body: &'b [u8],
) -> Result<(Call<'a>, &'b [u8]), Failure> {
    if header.kind != Kind::Call {
        return Err(Failure::Protocol {
            reason: format!("unexpected {:?} frame here", header.kind),
        });
    }
    if header.release_id != 0 && header.release_id != boot.release.0 {
        return Err(Failure::WrongRelease { current: boot.release });
    }
    let malformed = |bad: BadFrame| Failure::Protocol { reason: bad.to_string() };
    let (job, body) = match header.flags & FLAG_JOB {
        0 => (None, body),
        _ => split_job(body).map(|(job, body)| (Some(job), body)).map_err(malformed)?,
    };
    let (head, encoded) = CallHead::parse(body).map_err(malformed)?;
    let Some((target, function)) = functions.find(head.function) else {
        let near = functions.near(head.function);
        return Err(Failure::UnknownFunction { function: head.function.to_owned(), near });
    };
    let runs_jobs = job.is_some() && seat.pool.name == JOBS_POOL;
    if function.pool != seat.pool.name && !runs_jobs {
        return Err(Failure::WrongPool { pool: function.pool.clone() });
    }
    if let Some(param) = function.by_ref_param() {
        let reason = format!("its parameter ${} is taken by reference", param.name);
        return Err(Failure::NotCallable { function: function.name.clone(), reason });
    }
    if function.job_class && job.is_none() {
        let reason = "it is a job's; queue an object of the class with appserver_queue()";
        let (function, reason) = (function.name.clone(), reason.to_owned());
        return Err(Failure::NotCallable { function, reason });
    }
    let codec = Codec {
        json: header.flags & FLAG_JSON != 0,
        bytes_max: boot.frame_bytes_max,
        depth_max: boot.value_depth_max,
        classes,
    };
    let limit_ms = shorter(header.budget_ms, function.timeout_ms.unwrap_or(seat.pool.timeout_ms));
    let started_ns = now_ns();
    Ok((Call { header, target, function, codec, job, started_ns, limit_ms }, encoded))
}

/// The shorter of two limits, of which 0 means none.
fn shorter(a: u32, b: u32) -> u32 {
    if a == 0 || b == 0 { a.max(b) } else { a.min(b) }
}
