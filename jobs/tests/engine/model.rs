//! Whatever is done in whatever order, with restarts and commits that fail: what must always hold.
//!
//! [`Step`] is what happens, [`World`] a worker beside what a simple observer knows of it.

use crate::worker::{Release, With, Worker, app, function, job};
use jobs::{Cancelled, Ended, Head, Limits, Settings};
use ledger::{Ledger as _, States};
use proptest::prelude::*;
use proptest::sample::Index;
use protocol::{
    Backoff, JobId, JobOptions, JobRefusal, JobReport, JobState, KeyLimit, NewJob, Outcome, Rate,
    UniqueMode,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

const RATE: Rate = Rate { count: 2, period_ms: 700 };
const QUEUES: [&str; 3] = ["default", "narrow", "rated"];
const FUNCTIONS: [&str; 2] = ["work", "other"];
const YEAR_MS: u64 = 365 * 24 * 3_600_000;

#[derive(Clone, Debug)]
enum Step {
    Put(Box<NewJob>),
    Run,
    End(Index, How),
    Advance(u64),
    Jump(i64),
    Restart,
    FailCommit,
    Cancel(Index),
    Retry(Index),
    Delete(Index),
    Pause(usize),
    Resume(usize),
    Slots(u32),
    /// Most at a time of the function `work`; none while no release runs.
    Deploy(Option<u32>),
    Sweep,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Returned,
    Failed,
    Crashed,
    Interrupted,
    NotBegun,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let how = prop_oneof![
        4 => Just(How::Returned),
        3 => Just(How::Failed),
        1 => Just(How::Crashed),
        1 => Just(How::Interrupted),
        1 => Just(How::NotBegun),
    ];
    let any = any::<Index>;
    let step = prop_oneof![
        12 => new_job().prop_map(|job| Step::Put(Box::new(job))),
        8 => Just(Step::Run),
        8 => (any(), how).prop_map(|(which, how)| Step::End(which, how)),
        4 => (0u64..900).prop_map(Step::Advance),
        1 => (-5_000_000i64..5_000_000).prop_map(Step::Jump),
        1 => Just(Step::Restart),
        2 => Just(Step::FailCommit),
        2 => any().prop_map(Step::Cancel),
        1 => any().prop_map(Step::Retry),
        1 => any().prop_map(Step::Delete),
        1 => (0..QUEUES.len()).prop_map(Step::Pause),
        2 => (0..QUEUES.len()).prop_map(Step::Resume),
        1 => (0u32..5).prop_map(Step::Slots),
        1 => prop::option::weighted(0.9, 1u32..4).prop_map(Step::Deploy),
        1 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, 1..120)
}

fn new_job() -> impl Strategy<Value = NewJob> {
    let modes = [
        UniqueMode::Reject,
        UniqueMode::Existing,
        UniqueMode::Replace,
        UniqueMode::Debounce,
        UniqueMode::OnceMore,
    ];
    let maybe = |range: std::ops::Range<u64>| prop::option::weighted(0.2, range);
    let which = (0..FUNCTIONS.len(), 0..QUEUES.len(), -2i8..3);
    let when = (maybe(0..2000), maybe(1..3000), 0u64..600);
    let keys = (
        prop::option::weighted(0.3, 0u32..2),
        prop::option::weighted(0.3, 1u32..3),
        prop::option::weighted(0.3, prop::sample::select(modes.to_vec())),
        prop::option::weighted(0.1, 0u32..3),
    );
    (which, when, keys, 1u16..4).prop_map(|(which, when, keys, attempts)| {
        let (function, queue, priority) = which;
        let (delay_ms, expires_ms, pause) = when;
        let (group, limit, mode, idempotent) = keys;
        let mut made = job(FUNCTIONS[function]).queue(QUEUES[queue]).priority(priority);
        made.arguments = vec![0; usize::from(attempts) * 10];
        let key_limit = |most: u32| KeyLimit {
            key: format!("at most {most}"),
            concurrency: Some(most),
            rate: None,
        };
        made = made.attempts(attempts).with(|o| {
            o.delay_ms = delay_ms;
            o.expires_ms = expires_ms;
            o.backoff = Some(Backoff::Fixed(pause));
            o.group = group.map(|group| format!("group {group}"));
            o.limit = limit.map(key_limit).map(Box::new);
            o.idempotency_key = idempotent.map(|key| format!("idempotent {key}"));
        });
        match mode {
            Some(mode) => made.unique(&format!("{mode:?}"), mode),
            None => made,
        }
    })
}

/// What an observer knows of a job that was acknowledged.
#[derive(Debug)]
struct Known {
    options: JobOptions,
    function: String,
    made_at: u64,
    cancelled: bool,
    returned: bool,
    /// Made to wait again by hand.
    retried: bool,
}

struct World {
    worker: Worker,
    known: BTreeMap<JobId, Known>,
    /// Time that no restart and no jump changes.
    real_ms: u64,
    /// When jobs of the rated queue were told to begin; none for those that never did.
    rated: Vec<(JobId, Option<u64>)>,
    /// Which engine began the last of them.
    rated_by: u32,
    /// The clock has jumped: what is stored by it may be early or late after a restart.
    jumped: bool,
    most_of_work: u32,
    paused: [bool; 3],
    idempotent: BTreeMap<String, JobId>,
}

impl World {
    fn new() -> Self {
        let settings = Settings { keep_ms: YEAR_MS, ..Settings::default() };
        let mut world = Self {
            worker: Worker::with(settings).slots(2),
            known: BTreeMap::new(),
            real_ms: 0,
            rated: Vec::new(),
            rated_by: 0,
            jumped: false,
            most_of_work: 2,
            paused: [false; 3],
            idempotent: BTreeMap::new(),
        };
        world.worker.deploy(Some(world.release()));
        world
    }

    fn release(&self) -> Release {
        let mut work = function("work", &[]);
        work.job.concurrency = Some(self.most_of_work);
        Release::of(&["other"])
            .with(work)
            .queue("narrow", Limits { concurrency: Some(1), rate: None })
            .queue("rated", Limits { concurrency: None, rate: Some(RATE) })
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Put(job) => self.put(*job),
            Step::Run => self.run(),
            Step::End(which, how) => self.end(which, how),
            Step::Advance(ms) => {
                self.real_ms += ms;
                self.worker.advance(ms);
            }
            Step::Jump(ms) => {
                self.jumped = true;
                self.worker.jump(ms);
            }
            Step::Restart => self.restart(),
            Step::FailCommit => self.worker.fail_next_commit(),
            Step::Cancel(which) => self.cancel(which),
            Step::Retry(which) => self.retry(which),
            Step::Delete(which) => self.delete(which),
            Step::Pause(queue) => self.set_paused(queue, true),
            Step::Resume(queue) => self.set_paused(queue, false),
            Step::Slots(slots) => {
                self.worker.slots = slots;
                self.worker.engine.set_slots(&app(), slots);
            }
            Step::Deploy(None) => self.worker.deploy(None),
            Step::Deploy(Some(most)) => {
                self.most_of_work = most;
                let release = self.release();
                self.worker.deploy(Some(release));
            }
            Step::Sweep => {
                self.worker.engine.sweep(self.worker.ledger.read()).expect("readable");
                self.worker.commit();
            }
        }
    }

    fn put(&mut self, job: NewJob) {
        let (options, function) = (job.options.clone(), job.function.clone());
        let holders = self.holders(&options);
        let made = self.worker.engine.enqueue(&app(), vec![job], None, self.worker.ledger.read());
        let made = made.expect("readable");
        if !self.worker.commit() {
            return;
        }
        let idempotent = options.idempotency_key.clone();
        let known_id = idempotent.as_ref().and_then(|key| self.idempotent.get(key).copied());
        let mode = options.unique.as_ref().map(|unique| unique.mode);
        match made {
            Err(JobRefusal::Unavailable { .. }) => {}
            Err(JobRefusal::Duplicate { id, .. }) => {
                assert_eq!(mode, Some(UniqueMode::Reject));
                assert!(holders.contains(&id), "{id} has no such key: {holders:?}");
            }
            Err(refusal) => panic!("{refusal:?}"),
            Ok(made) if made.jobs[0].existing => {
                let id = made.jobs[0].id;
                assert!(known_id == Some(id) || holders.contains(&id), "{id} is not the one");
            }
            Ok(made) => {
                let id = made.jobs[0].id;
                assert!(known_id.is_none(), "a second job of {idempotent:?}");
                let alone = matches!(mode, Some(UniqueMode::Reject | UniqueMode::Existing));
                assert!(!alone || holders.is_empty(), "{holders:?} have the key of {id}");
                self.idempotent.extend(idempotent.map(|key| (key, id)));
                let made_at = self.real_ms;
                let (cancelled, returned, retried) = (false, false, false);
                let known = Known { options, function, made_at, cancelled, returned, retried };
                self.known.insert(id, known);
            }
        }
    }

    /// Jobs that are not over and have the same unique key.
    fn holders(&mut self, options: &JobOptions) -> Vec<JobId> {
        let Some(unique) = &options.unique else {
            return Vec::new();
        };
        let same = |known: &Known| known.options.unique.as_ref() == Some(unique);
        let ids: Vec<_> = self.known.iter().filter(|(_, k)| same(k)).map(|(id, _)| *id).collect();
        ids.into_iter().filter(|id| self.is_live(*id)).collect()
    }

    fn is_live(&mut self, id: JobId) -> bool {
        self.worker.state(id).is_some_and(|state| !state.is_over())
    }

    fn run(&mut self) {
        let before: BTreeMap<JobId, JobReport> = self
            .known
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|id| Some((id, self.worker.find(id)?)))
            .collect();
        let mut live: BTreeMap<_, _> =
            before.into_iter().filter(|(_, r)| !r.state.is_over()).collect();
        let mut running: Vec<JobId> = self.worker.running.keys().copied().collect();
        let failed = self.worker.failed_commits;
        let begun = self.worker.step();
        if self.worker.failed_commits > failed {
            return self.run();
        }
        // Those that time or another job ended before anything began.
        live.retain(|id, _| running.contains(id) || begun.contains(id) || self.is_live(*id));
        for id in begun {
            self.check_begin(id, &live, &running);
            running.push(id);
            if let Some(report) = live.get_mut(&id) {
                report.state = JobState::Running;
            }
        }
        self.check_waiting();
        self.check_recovered();
    }

    fn check_begin(&mut self, id: JobId, live: &BTreeMap<JobId, JobReport>, running: &[JobId]) {
        let known = &self.known[&id];
        let others = |same: &dyn Fn(&Known) -> bool| {
            running.iter().filter(|other| same(&self.known[other])).count()
        };
        if let Some(group) = &known.options.group {
            let same = |other: &Known| other.options.group.as_ref() == Some(group);
            assert_eq!(others(&same), 0, "{id} begins beside another of its group");
            let overtaken =
                live.keys().find(|other| other.seq() < id.seq() && same(&self.known[other]));
            assert_eq!(overtaken, None, "{id} overtakes in its group");
        }
        if let Some(unique) = &known.options.unique {
            let same = |other: &Known| other.options.unique.as_ref() == Some(unique);
            assert_eq!(others(&same), 0, "{id} begins beside another of its key");
        }
        if let Some(limit) = &known.options.limit {
            let same = |other: &Known| other.options.limit.as_ref() == Some(limit);
            assert!(others(&same) < limit.concurrency.unwrap() as usize, "{id}: {limit:?}");
        }
        if known.function == "work" {
            assert!(others(&|other| other.function == "work") < self.most_of_work as usize);
        }
        let queue = known.options.queue.clone();
        let in_queue = |other: &Known| other.options.queue == queue;
        match queue.as_deref() {
            Some("narrow") => assert_eq!(others(&in_queue), 0, "{id}"),
            Some("rated") => {
                // A new engine knows windows by the wall clock.
                if self.jumped && self.worker.engines > self.rated_by {
                    self.rated.clear();
                }
                self.rated_by = self.worker.engines;
                let since = |at: &u64| *at + RATE.period_ms > self.real_ms;
                let used = self.rated.iter().filter_map(|(_, at)| *at).filter(since).count();
                assert!(used < RATE.count as usize, "{id} is over the rate");
                self.rated.push((id, Some(self.real_ms)));
            }
            _ => {}
        }
        let at = QUEUES.iter().position(|name| queue.as_deref() == Some(name)).unwrap();
        assert!(!self.paused[at], "{id} begins in a paused queue");
        self.check_first_come(id, live);
    }

    /// Among jobs with nothing special the first one begins first.
    fn check_first_come(&self, id: JobId, live: &BTreeMap<JobId, JobReport>) {
        let plain = |id: &JobId| {
            let known = &self.known[id];
            let o = &known.options;
            let simple = o.group.is_none() && o.limit.is_none() && o.unique.is_none();
            let first = live.get(id).is_some_and(|report| report.attempt == 0);
            (simple && o.delay_ms.unwrap_or(0) == 0 && first && !known.retried)
                .then(|| (known.function.clone(), o.queue.clone(), o.priority))
        };
        let Some(like) = plain(&id) else {
            return;
        };
        let waits = |other: &JobId| live[other].state == JobState::Waiting;
        let overtaken = live.keys().find(|other| {
            other.seq() < id.seq() && waits(other) && plain(other).as_ref() == Some(&like)
        });
        assert_eq!(overtaken, None, "{id} overtakes");
    }

    /// After everything that can begin has begun, whoever waits has a true reason.
    fn check_waiting(&mut self) {
        let ids: Vec<JobId> = self.known.keys().copied().collect();
        for id in ids {
            let Some(report) = self.worker.find(id) else { continue };
            if report.state == JobState::Waiting {
                self.check_reason(id, &report);
            }
        }
    }

    fn check_reason(&mut self, id: JobId, report: &JobReport) {
        let why = &report.waits_for;
        let running: Vec<&Known> = self.worker.running.keys().map(|id| &self.known[id]).collect();
        let known = &self.known[&id];
        let count = |same: &dyn Fn(&&&Known) -> bool| running.iter().filter(same).count();
        let has = |part: &str| why.contains(part);
        let o = &known.options;
        let is_true = if has("it is delayed") || has("has ended: the next one") {
            report.due_ms > self.worker.now.wall_ms || self.jumped
        } else if has("is paused") {
            let at = QUEUES.iter().position(|name| *name == report.queue).unwrap();
            self.paused[at]
        } else if has("come first") {
            let same = |other: &Known| other.options.group == o.group;
            let before =
                self.known.range(..).filter(|(other, k)| other.seq() < id.seq() && same(k));
            let before: Vec<JobId> = before.map(|(other, _)| *other).collect();
            before.into_iter().any(|other| self.is_live(other))
        } else if has("of its group") {
            count(&|other| other.options.group == o.group) == 1
        } else if has("of its unique key") {
            count(&|other| other.options.unique == o.unique) == 1
        } else if has("function work() runs") {
            count(&|other| other.function == "work") >= self.most_of_work as usize
        } else if has("queue \"narrow\" runs") {
            count(&|other| other.options.queue == o.queue) == 1
        } else if has("the rate of") {
            // After a restart all of a window count as the last of it.
            report.queue == "rated" && (self.jumped || !self.rated.is_empty())
        } else if has("key \"at most") {
            let most = o.limit.as_ref().and_then(|limit| limit.concurrency).unwrap();
            count(&|other| other.options.limit == o.limit) >= most as usize
        } else if has("places for jobs") {
            running.len() >= self.worker.slots as usize
        } else {
            has("no executor") && self.worker.slots == 0 || has("no release of shop runs")
        };
        assert!(is_true, "{id} could begin, or this is not why: {why:?}");
    }

    fn end(&mut self, which: Index, how: How) {
        let ids: Vec<JobId> = self.worker.running.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = *which.get(&ids);
        let start = self.worker.running[&id].clone();
        let ended = || match how {
            How::Returned => Ended::Returned(vec![1]),
            How::Failed => Ended::Failed("failed".to_owned()),
            How::Crashed => Ended::Crashed("crashed".to_owned()),
            How::Interrupted => Ended::Interrupted,
            How::NotBegun => Ended::NotBegun("not begun".to_owned()),
        };
        // Who ended does so again until it is on disk.
        loop {
            assert!(self.worker.engine.finish(start.seq, start.context.attempt, ended()));
            self.worker.engine.tick(self.worker.ledger.read()).expect("readable");
            if self.worker.commit() {
                break;
            }
        }
        self.worker.running.remove(&id);
        if let How::NotBegun = how
            && let Some((_, at)) = self.rated.iter_mut().rfind(|(begun, _)| *begun == id)
        {
            *at = None;
        }
        assert!(!self.worker.engine.finish(start.seq, start.context.attempt, ended()), "twice");
        self.known.get_mut(&id).unwrap().returned |= matches!(how, How::Returned);
    }

    fn restart(&mut self) {
        // One failed commit of the restart itself is tried again by the next one.
        self.worker.commit();
        self.worker.restart();
    }

    fn pick(&self, which: Index) -> Option<JobId> {
        let ids: Vec<JobId> = self.known.keys().copied().collect();
        (!ids.is_empty()).then(|| *which.get(&ids))
    }

    fn cancel(&mut self, which: Index) {
        let Some(id) = self.pick(which) else { return };
        let live = self.is_live(id);
        let cancelled = self.worker.engine.cancel(id, self.worker.ledger.read()).expect("readable");
        assert_eq!(cancelled != Cancelled::TooLate, live);
        if self.worker.commit() && live {
            self.known.get_mut(&id).unwrap().cancelled = true;
        }
    }

    fn retry(&mut self, which: Index) {
        let Some(id) = self.pick(which) else { return };
        let over = self.worker.state(id).is_some_and(JobState::is_over);
        let options = self.known[&id].options.clone();
        let free = self.holders(&options).is_empty();
        let retried = self.worker.engine.retry(id, self.worker.ledger.read()).expect("readable");
        assert_eq!(retried, over && free);
        if self.worker.commit() && retried {
            let known = self.known.get_mut(&id).unwrap();
            (known.cancelled, known.returned, known.retried) = (false, false, true);
        }
    }

    fn delete(&mut self, which: Index) {
        let Some(id) = self.pick(which) else { return };
        let runs = self.worker.running.contains_key(&id);
        let deleted = self.worker.engine.delete(id, self.worker.ledger.read()).expect("readable");
        assert_eq!(deleted, !runs);
        if self.worker.commit() && deleted {
            self.known.remove(&id);
        }
    }

    fn set_paused(&mut self, queue: usize, paused: bool) {
        match paused {
            true => self.worker.engine.pause(&app(), QUEUES[queue]),
            false => self.worker.engine.resume(&app(), QUEUES[queue]),
        }
        if self.worker.commit() {
            self.paused[queue] = paused;
        }
    }

    /// What holds at every moment.
    fn check(&mut self) {
        self.check_ends();
        self.check_keys();
        self.check_counts();
    }

    /// No acknowledged job is lost, and each that is over has a reason to be.
    fn check_ends(&mut self) {
        let ids: Vec<JobId> = self.known.keys().copied().collect();
        for id in ids {
            let report = self.worker.find(id).unwrap_or_else(|| panic!("{id} is lost"));
            let known = &self.known[&id];
            let serial = known.options.unique.as_ref().is_some_and(|unique| {
                !matches!(unique.mode, UniqueMode::Reject | UniqueMode::Existing)
            });
            let expired = || {
                let last = report.attempts.last().map(|attempt| attempt.outcome);
                let expires = known.options.expires_ms;
                last == Some(Outcome::Expired)
                    && expires.is_some_and(|ms| self.real_ms >= known.made_at + ms || self.jumped)
            };
            match report.state {
                JobState::Waiting => {}
                JobState::Running => assert!(self.worker.running.contains_key(&id), "{id}"),
                JobState::Done => assert!(known.returned, "{id} is done without a result"),
                JobState::Dead => assert!(
                    report.failures >= report.attempts_max || report.crashes >= 3 || expired(),
                    "{id} is dead: {}",
                    report.waits_for
                ),
                JobState::Cancelled => assert!(known.cancelled || serial, "{id} is cancelled"),
            }
        }
        for id in self.worker.running.keys() {
            assert_eq!(
                self.worker.engine.attempt_at(*id),
                Some(self.worker.running[id].context.attempt)
            );
        }
    }

    /// At most one waits and one runs of each unique key.
    fn check_keys(&mut self) {
        let mut waiting: BTreeMap<String, JobId> = BTreeMap::new();
        let keyed: Vec<_> = self
            .known
            .iter()
            .filter_map(|(id, known)| Some((*id, known.options.unique.clone()?.key)))
            .collect();
        for (id, key) in keyed {
            if self.worker.state(id) == Some(JobState::Waiting)
                && let Some(other) = waiting.insert(key, id)
            {
                panic!("{id} and {other} wait with one key");
            }
        }
    }

    /// What is counted in memory is what the ledger has.
    fn check_counts(&self) {
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut bytes = 0;
        let each = &mut |row: ledger::Row<'_>| {
            let head = Head::read(row.seq, row.head).expect("readable");
            let state = JobState::from_byte(row.state).expect("a state");
            if !state.is_over() {
                bytes += u64::from(head.body_bytes);
                let (waiting, running) = counts.entry(head.queue).or_default();
                *waiting += u64::from(state == JobState::Waiting);
                *running += u64::from(state == JobState::Running);
            }
            ControlFlow::Continue(())
        };
        self.worker.ledger.read().scan(0, States::ALL, each).expect("readable");
        assert_eq!(self.worker.engine.bytes(), bytes);
        for queue in self.worker.engine.queues() {
            let there = counts.remove(&queue.queue).unwrap_or_default();
            assert_eq!((queue.waiting, queue.running), there, "{}", queue.queue);
        }
        assert!(counts.is_empty(), "queues that nobody knows: {counts:?}");
    }

    /// An engine that recovers now would do what this one does.
    fn check_recovered(&mut self) {
        if self.jumped {
            return;
        }
        let twin = self.worker.twin();
        assert_eq!(twin.bytes(), self.worker.engine.bytes());
        let ids: Vec<JobId> = self.known.keys().copied().collect();
        for id in ids {
            let ours = self.worker.find(id);
            let theirs = twin.report(id, self.worker.ledger.read()).expect("readable");
            // Of a window it is known how many began, not when each did.
            let rate = |report: &Option<JobReport>| {
                report.as_ref().is_some_and(|report| report.waits_for.contains("the rate of"))
            };
            if !rate(&theirs) {
                assert_eq!(ours, theirs);
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_every_promise_is_kept(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.check();
        }
        world.take(Step::Run);
        world.check();
    }
}
