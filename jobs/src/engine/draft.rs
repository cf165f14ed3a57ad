//! From what a caller asked for to a job: its options, those of its function, the worker's defaults.

use super::Engine;
use super::options::{bad, check, merged};
use crate::clock::{Due, Pause};
use crate::encoded;
use crate::record::{Body, Head, Step};
use crate::rules::{Rule, Rules};
use protocol::{AppName, JobOptions, JobRefusal, NewJob, STEPS_MAX, UniqueMode};

/// Most queues of all applications: they are never forgotten.
const QUEUES_MAX: usize = 4096;
const DEFAULT_QUEUE: &str = "default";
/// Most bytes of the arguments of a job with its chain, or of what follows a batch: beside them stands
/// what is said of each step.
pub(super) const BODY_BYTES_MAX: usize = ledger::PART_BYTES_MAX - (1 << 20);

/// Functions as callers see them, by their hash.
pub(super) type Declarations = Vec<(u64, Vec<u8>)>;

/// A job that could be made.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
    /// Signatures of its function and of those that follow, to be stored beside the jobs.
    pub(super) declarations: Declarations,
}

impl Engine {
    /// Checks a request and fills in what it leaves out.
    pub(super) fn draft(&mut self, app: &AppName, job: NewJob) -> Result<Draft, JobRefusal> {
        let NewJob { function, arguments, options, then, batch } = job;
        let (mut step, mut declarations) =
            self.step(app, NewJob { function, arguments, options, ..NewJob::default() })?;
        let arguments = std::mem::take(&mut step.job.arguments);
        let then = self.steps(app, then, &mut declarations)?;
        let head = self.head(app, step.job.function, step.signature, step.job.options, batch);
        let draft = finished(head, Body { arguments, input: None, then }, declarations);
        if draft.body.len() > BODY_BYTES_MAX {
            let reason = format!("a job has at most {BODY_BYTES_MAX} bytes of arguments");
            return Err(bad("arguments", reason));
        }
        Ok(draft)
    }

    /// A job as it will be made, by the current release, with all its options.
    pub(super) fn step(
        &self,
        app: &AppName,
        mut job: NewJob,
    ) -> Result<(Step, Declarations), JobRefusal> {
        let rules = self.app_ids.get(app).and_then(|app| self.apps[*app as usize].rules.as_ref());
        let Some(rules) = rules else {
            let reason = format!("no release of \"{app}\" runs on this worker");
            return Err(JobRefusal::Unavailable { reason });
        };
        let rule = callable(rules, &job.function)?;
        takes(rule, &job.arguments)?;
        job.function.clone_from(&rule.name);
        job.options = merged(job.options, &rule.options);
        check(&job.options)?;
        self.check_queue(app, &job.options)?;
        let declaration = (rule.signature, rule.declaration.clone());
        Ok((Step { job, signature: rule.signature }, vec![declaration]))
    }

    /// What is made later, once: no caller can send it twice, so it has no idempotency key.
    pub(super) fn later_step(
        &self,
        app: &AppName,
        job: NewJob,
        declarations: &mut Declarations,
    ) -> Result<Step, JobRefusal> {
        if !job.then.is_empty() {
            return Err(bad(
                "then",
                "a step of a chain, or what follows a batch, has no chain of its own",
            ));
        }
        if job.batch.is_some() {
            return Err(bad("batch", "what follows another job, or a batch, joins none by itself"));
        }
        if job.options.idempotency_key.is_some() {
            return Err(bad("idempotencyKey", "what follows another job is made once anyway"));
        }
        let (step, declared) = self.step(app, job)?;
        declarations.extend(declared);
        Ok(step)
    }

    fn steps(
        &self,
        app: &AppName,
        then: Vec<NewJob>,
        declarations: &mut Declarations,
    ) -> Result<Vec<Step>, JobRefusal> {
        if then.len() > STEPS_MAX {
            return Err(bad(
                "then",
                format!("a chain has at most {STEPS_MAX} steps after the first"),
            ));
        }
        then.into_iter().map(|job| self.later_step(app, job, declarations)).collect()
    }

    /// A job that follows one that is done: it is made whatever the current release says, and waits if
    /// that cannot run it. `input` comes before the arguments.
    pub(super) fn draft_step(
        &mut self,
        app: &AppName,
        step: Step,
        then: Vec<Step>,
        input: Option<Vec<u8>>,
    ) -> Draft {
        let Step { job, signature } = step;
        let head = self.head(app, job.function, signature, job.options, job.batch);
        finished(head, Body { arguments: job.arguments, input, then }, Vec::new())
    }

    /// A queue is made by the first job that names it.
    fn check_queue(&self, app: &AppName, options: &JobOptions) -> Result<(), JobRefusal> {
        let name = options.queue.as_deref().unwrap_or(DEFAULT_QUEUE);
        let known = self.app_ids.get(app).and_then(|app| self.find_queue(*app, name)).is_some();
        if !known && self.queues.len() >= QUEUES_MAX {
            let reason = format!("there are {QUEUES_MAX} queues already: use one of those");
            return Err(bad("queue", reason));
        }
        Ok(())
    }

    fn head(
        &mut self,
        app: &AppName,
        function: String,
        signature: u64,
        options: JobOptions,
        batch: Option<protocol::JobId>,
    ) -> Head {
        let now = self.now;
        let debounce = options.unique.as_ref().filter(|u| u.mode == UniqueMode::Debounce);
        // A job that began earlier would leave the next one nothing to take the place of.
        let window = debounce.map_or(0, |unique| unique.window_ms);
        let at = options.run_at_ms.map(|at| (at, at.saturating_sub(now.wall_ms)));
        let (due, later) = match (at, options.delay_ms.unwrap_or(0).max(window)) {
            (Some((at, later)), _) if later >= window => (Due::At(at), later),
            (_, 0) => (Due::Now, 0),
            (_, delay) => (Due::After(Pause::of(delay, now)), delay),
        };
        let defaults = &self.settings;
        Head {
            app: app.clone(),
            function,
            signature,
            queue: options.queue.unwrap_or_else(|| DEFAULT_QUEUE.to_owned()),
            made_ms: now.wall_ms,
            salt: self.random.next(),
            due,
            order_ms: self.order_ms().saturating_add(later),
            expires: options.expires_ms.map(|expires| Pause::of(expires, now)),
            priority: options.priority.unwrap_or(0),
            attempts_max: options.attempts.unwrap_or(defaults.attempts),
            crashes_max: options.crash_attempts.unwrap_or(defaults.crash_attempts),
            attempt: 0,
            failures: 0,
            crashes: 0,
            backoff: options.backoff.unwrap_or_else(|| defaults.backoff.clone()),
            timeout_ms: options.timeout_ms,
            unique: options.unique,
            group: options.group,
            limit: options.limit.map(|limit| *limit),
            tags: options.tags,
            idempotency_key: options.idempotency_key,
            keep_ms: options.keep_ms.unwrap_or(defaults.keep_ms),
            batch,
            began_ms: 0,
            cancelled: false,
            ended_ms: 0,
            cause: String::new(),
            body_bytes: 0,
        }
    }
}

fn finished(mut head: Head, body: Body, declarations: Declarations) -> Draft {
    let body = body.to_bytes();
    head.body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
    Draft { head, body, declarations }
}

/// Of arguments only what no attempt could run without: types are compared when it runs.
fn takes(rule: &Rule, arguments: &[u8]) -> Result<(), JobRefusal> {
    if !rule.job_class || encoded::is_one_object(arguments) {
        return Ok(());
    }
    let class = rule.name.split_once("::").map_or(rule.name.as_str(), |(class, _)| class);
    let reason = format!("jobs of it are objects: queue a new {class}(...), and nothing else");
    Err(JobRefusal::NotCallable { function: rule.name.clone(), reason })
}

fn callable<'a>(rules: &'a Rules, function: &str) -> Result<&'a Rule, JobRefusal> {
    let Some(rule) = rules.find(function) else {
        let near = rules.near(function);
        return Err(JobRefusal::UnknownFunction { function: function.to_owned(), near });
    };
    match &rule.refusal {
        None => Ok(rule),
        Some(reason) => {
            Err(JobRefusal::NotCallable { function: rule.name.clone(), reason: reason.clone() })
        }
    }
}
