//! What a request takes of memory once it is read: many small jobs some twenty times their bytes on the wire.

use protocol::{JobOptions, JobRequest, NewBatch, NewJob, Unique};

/// What is allocated for a few bytes, with what the allocator needs for itself.
const ALLOCATED_BYTES_LEAST: usize = 32;

/// Its bytes, more or less.
pub(super) fn held_bytes(request: &JobRequest) -> usize {
    match request {
        JobRequest::Enqueue { jobs, batch } => {
            let room = (jobs.capacity() - jobs.len()) * size_of::<NewJob>();
            let batch = batch.as_deref().map_or(0, of_batch);
            room + jobs.iter().map(of_job).sum::<usize>() + batch
        }
        _ => 0,
    }
}

fn of_batch(batch: &NewBatch) -> usize {
    let followers = [&batch.then, &batch.catch, &batch.finally];
    let followers = followers.into_iter().flatten().map(of_job).sum::<usize>();
    size_of::<NewBatch>() + allocated(batch.name.capacity()) + followers
}

fn of_job(job: &NewJob) -> usize {
    let room = (job.then.capacity() - job.then.len()) * size_of::<NewJob>();
    let steps = room + job.then.iter().map(of_job).sum::<usize>();
    let texts = allocated(job.function.capacity()) + allocated(job.arguments.capacity());
    size_of::<NewJob>() + texts + of_options(&job.options) + steps
}

fn of_options(options: &JobOptions) -> usize {
    let JobOptions { queue, unique, group, limit, tags, idempotency_key, backoff, .. } = options;
    let unique = unique.as_ref().map(|Unique { key, .. }| key);
    let limit_key = limit.as_ref().map(|limit| &limit.key);
    let texts = [queue.as_ref(), unique, group.as_ref(), limit_key, idempotency_key.as_ref()];
    let texts = texts.into_iter().flatten().chain(tags).map(|text| allocated(text.capacity()));
    let pauses = match backoff {
        Some(protocol::Backoff::List(pauses)) => allocated(pauses.capacity() * size_of::<u64>()),
        _ => 0,
    };
    let boxed = limit.as_deref().map_or(0, size_of_val);
    texts.sum::<usize>()
        + pauses
        + allocated(boxed)
        + allocated(tags.capacity() * size_of::<String>())
}

fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { bytes.max(ALLOCATED_BYTES_LEAST) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::body_to_vec;

    #[test]
    fn small_jobs_take_many_times_their_bytes_and_large_ones_hardly_more() {
        let ratio = |count: usize, arguments: usize| {
            let job = NewJob {
                function: "f".to_owned(),
                arguments: vec![0; arguments],
                ..NewJob::default()
            };
            let request = JobRequest::Enqueue { jobs: vec![job; count], batch: None };
            held_bytes(&request) as f64 / body_to_vec(&request).len() as f64
        };
        assert!(ratio(1000, 1) > 10.0, "{}", ratio(1000, 1));
        assert!(ratio(1, 100_000) < 1.01, "{}", ratio(1, 100_000));
    }

    #[test]
    fn everything_of_variable_length_counts() {
        let text = || "x".repeat(1000);
        let options = JobOptions {
            queue: Some(text()),
            group: Some(text()),
            idempotency_key: Some(text()),
            tags: vec![text(), text()],
            ..JobOptions::default()
        };
        let step = NewJob { function: text(), arguments: vec![0; 1000], ..NewJob::default() };
        let job = NewJob { then: vec![step.clone(), step.clone()], options, ..step.clone() };
        let batch = NewBatch { name: text(), then: Some(step), ..NewBatch::default() };
        let request = JobRequest::Enqueue { jobs: vec![job], batch: Some(Box::new(batch)) };
        assert!(held_bytes(&request) > 14_000, "{}", held_bytes(&request));
    }
}
