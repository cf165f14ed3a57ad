//! A worker without processes, disk or clock: an engine, a ledger in memory, and time that is told.

use jobs::{Cancelled, Ended, Engine, Enqueued, Now, Planned, QueueLimits, Rules, Settings, Start};
use ledger::{Error, Ledger, Memory};
use protocol::{
    Accepted, AppName, Catalog, Function, JobId, JobOptions, JobRefusal, JobReport, JobState,
    NewBatch, NewJob, Param, Unique, UniqueMode,
};
use std::collections::{BTreeMap, HashMap};

/// One that has these functions: `work(...$args)`, and any that a test declares.
pub(crate) struct Worker {
    pub(crate) ledger: Memory,
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    settings: Settings,
    pub(crate) slots: u32,
    release: Option<Release>,
    /// What executors are busy with.
    pub(crate) running: BTreeMap<JobId, Start>,
    pub(crate) failed_commits: u32,
    /// Engines so far.
    pub(crate) engines: u32,
}

/// What is deployed.
#[derive(Clone, Default)]
pub(crate) struct Release {
    catalog: Catalog,
    queues: QueueLimits,
}

impl Release {
    pub(crate) fn of(functions: &[&str]) -> Self {
        let functions = functions.iter().map(|name| function(name, &[]));
        let catalog = Catalog { functions: functions.collect(), ..Catalog::default() };
        Self { catalog, queues: QueueLimits::new() }
    }

    pub(crate) fn with(mut self, function: Function) -> Self {
        self.catalog.functions.retain(|known| known.name != function.name);
        self.catalog.functions.push(function);
        self
    }

    pub(crate) fn queue(mut self, name: &str, limits: jobs::Limits) -> Self {
        self.queues.insert(name.to_owned(), limits);
        self
    }

    fn rules(&self) -> Rules {
        let planned = Planned::of(&self.catalog);
        Rules::new(&self.catalog, self.queues.clone()).with_schedules(planned)
    }
}

/// A function with required parameters.
pub(crate) fn function(name: &str, params: &[&str]) -> Function {
    let param = |name: &&str| Param { name: (*name).to_owned(), ..Param::default() };
    let params = params.iter().map(param).collect();
    Function { name: name.to_owned(), params, ..Function::default() }
}

pub(crate) fn app() -> AppName {
    AppName::new("shop").expect("a name")
}

/// A job of `function` with everything left out.
pub(crate) fn job(function: &str) -> NewJob {
    NewJob { function: function.to_owned(), ..NewJob::default() }
}

/// Options by name.
pub(crate) trait With: Sized {
    fn with(self, set: impl FnOnce(&mut JobOptions)) -> Self;

    fn queue(self, name: &str) -> Self {
        self.with(|o| o.queue = Some(name.to_owned()))
    }

    fn delay(self, ms: u64) -> Self {
        self.with(|o| o.delay_ms = Some(ms))
    }

    fn priority(self, priority: i8) -> Self {
        self.with(|o| o.priority = Some(priority))
    }

    fn group(self, key: &str) -> Self {
        self.with(|o| o.group = Some(key.to_owned()))
    }

    fn expires(self, ms: u64) -> Self {
        self.with(|o| o.expires_ms = Some(ms))
    }

    fn attempts(self, attempts: u16) -> Self {
        self.with(|o| o.attempts = Some(attempts))
    }

    fn unique(self, key: &str, mode: UniqueMode) -> Self {
        let (key, window_ms) = (key.to_owned(), 1000);
        self.with(|o| o.unique = Some(Unique { key, mode, window_ms }))
    }

    fn idempotent(self, key: &str) -> Self {
        self.with(|o| o.idempotency_key = Some(key.to_owned()))
    }
}

impl With for NewJob {
    fn with(mut self, set: impl FnOnce(&mut JobOptions)) -> Self {
        set(&mut self.options);
        self
    }
}

impl Worker {
    /// With one executor and the release `work`.
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let now = Now { wall_ms: 1_800_000_000_000, steady_ms: 5_000 };
        let ledger = Memory::new(7);
        let engine = Engine::new(settings.clone(), ledger.tag(), 0, 1, now);
        let (release, running) = (None, BTreeMap::new());
        let mut worker = Self {
            ledger,
            engine,
            now,
            settings,
            slots: 1,
            release,
            running,
            failed_commits: 0,
            engines: 0,
        };
        worker.recover(&HashMap::new());
        worker.deploy(Some(Release::of(&["work"])));
        worker
    }

    pub(crate) fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self.engine.set_slots(&app(), slots);
        self
    }

    pub(crate) fn release(mut self, release: Release) -> Self {
        self.deploy(Some(release));
        self
    }

    pub(crate) fn deploy(&mut self, release: Option<Release>) {
        self.engine.set_rules(&app(), release.as_ref().map(Release::rules));
        self.engine.set_slots(&app(), self.slots);
        self.release = release;
    }

    fn recover(&mut self, alive: &HashMap<u64, u32>) {
        self.engines += 1;
        let (tag, last) = (self.ledger.tag(), self.ledger.last_seq());
        self.engine = Engine::new(self.settings.clone(), tag, last, 1, self.now);
        self.engine.recover(self.ledger.read(), alive).expect("the ledger can be read");
        self.deploy(self.release.clone());
    }

    /// The supervisor and its executors die, and start again.
    pub(crate) fn restart(&mut self) {
        self.ledger = self.ledger.restarted();
        self.running.clear();
        self.now.steady_ms = 17;
        self.recover(&HashMap::new());
        self.commit();
    }

    /// The engine is made anew, as after a commit that failed; executors go on.
    pub(crate) fn reopen(&mut self) {
        let alive = self.running.values().map(|start| (start.seq, start.context.attempt));
        let alive = alive.collect();
        self.recover(&alive);
    }

    /// An engine that recovers from the same ledger, with the same executors.
    pub(crate) fn twin(&mut self) -> Engine {
        let (tag, last) = (self.ledger.tag(), self.ledger.last_seq());
        let mut twin = Engine::new(self.settings.clone(), tag, last, 1, self.now);
        let alive = self.running.values().map(|start| (start.seq, start.context.attempt));
        twin.recover(self.ledger.read(), &alive.collect()).expect("the ledger can be read");
        twin.set_rules(&app(), self.release.as_ref().map(Release::rules));
        twin.set_slots(&app(), self.slots);
        twin
    }

    pub(crate) fn fail_next_commit(&mut self) {
        self.ledger.fail_next(Error::Full { doing: "commit", message: "injected".to_owned() });
    }

    /// Whether it worked. If not, nothing of it happened.
    pub(crate) fn commit(&mut self) -> bool {
        let changes = self.engine.take_changes();
        match self.ledger.commit(&changes) {
            Ok(()) => true,
            Err(Error::Full { .. }) => {
                self.failed_commits += 1;
                self.reopen();
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn advance(&mut self, ms: u64) {
        self.now.wall_ms += ms;
        self.now.steady_ms += ms;
        self.engine.set_now(self.now);
    }

    /// Somebody sets the clock.
    pub(crate) fn jump(&mut self, ms: i64) {
        self.now.wall_ms = self.now.wall_ms.checked_add_signed(ms).expect("a time");
        self.engine.set_now(self.now);
    }

    pub(crate) fn try_put_all(
        &mut self,
        jobs: Vec<NewJob>,
        batch: Option<NewBatch>,
    ) -> Result<Enqueued, JobRefusal> {
        let made = self.engine.enqueue(&app(), jobs, batch, self.ledger.read());
        let made = made.expect("the ledger can be read");
        assert!(self.commit() || made.is_err(), "the commit failed");
        made
    }

    pub(crate) fn try_put(&mut self, job: NewJob) -> Result<Accepted, JobRefusal> {
        self.try_put_all(vec![job], None).map(|made| made.jobs[0])
    }

    pub(crate) fn put(&mut self, job: NewJob) -> JobId {
        let accepted = self.try_put(job).expect("accepted");
        assert!(!accepted.existing, "it was there before");
        accepted.id
    }

    /// What time and free executors bring. Says which jobs began, in order.
    pub(crate) fn step(&mut self) -> Vec<JobId> {
        self.engine.tick(self.ledger.read()).expect("the ledger can be read");
        let starts = self.engine.dispatch(self.ledger.read()).expect("the ledger can be read");
        if !self.commit() {
            return Vec::new();
        }
        let mut begun = Vec::new();
        for start in starts {
            begun.push(start.context.id);
            let before = self.running.insert(start.context.id, start);
            assert!(before.is_none(), "it runs twice: {before:?}");
        }
        begun
    }

    /// Steps after so long.
    pub(crate) fn step_after(&mut self, ms: u64) -> Vec<JobId> {
        self.advance(ms);
        self.step()
    }

    pub(crate) fn end(&mut self, id: JobId, ended: Ended) {
        let start = self.running.remove(&id).unwrap_or_else(|| panic!("{id} does not run"));
        assert!(self.engine.finish(start.seq, start.context.attempt, ended), "it was fenced");
        self.engine.tick(self.ledger.read()).expect("the ledger can be read");
        self.commit();
    }

    pub(crate) fn done(&mut self, id: JobId) {
        self.end(id, Ended::Returned(b"result".to_vec()));
    }

    pub(crate) fn fail(&mut self, id: JobId) {
        self.end(id, Ended::Failed("no luck".to_owned()));
    }

    pub(crate) fn crash(&mut self, id: JobId) {
        self.end(id, Ended::Crashed("signal 11".to_owned()));
    }

    /// Runs everything that can run, one after the other, and says in which order.
    pub(crate) fn drain(&mut self) -> Vec<JobId> {
        let mut order = Vec::new();
        loop {
            order.extend(self.step());
            let Some(id) = self.running.keys().next().copied() else {
                return order;
            };
            self.done(id);
        }
    }

    pub(crate) fn cancel(&mut self, id: JobId) -> Cancelled {
        let cancelled = self.engine.cancel(id, self.ledger.read()).expect("readable");
        self.commit();
        cancelled
    }

    pub(crate) fn retry(&mut self, id: JobId) -> bool {
        let found = self.engine.retry(id, self.ledger.read()).expect("readable");
        self.commit();
        found
    }

    pub(crate) fn delete(&mut self, id: JobId) -> bool {
        let found = self.engine.delete(id, self.ledger.read()).expect("readable");
        self.commit();
        found
    }

    pub(crate) fn find(&mut self, id: JobId) -> Option<JobReport> {
        self.engine.report(id, self.ledger.read()).expect("readable")
    }

    pub(crate) fn report(&mut self, id: JobId) -> JobReport {
        self.find(id).unwrap_or_else(|| panic!("{id} is not there"))
    }

    pub(crate) fn state(&mut self, id: JobId) -> Option<JobState> {
        self.find(id).map(|report| report.state)
    }

    /// The job that was made next after this one.
    pub(crate) fn after(&mut self, id: JobId) -> JobId {
        let seq = id.seq() + 1;
        let entry = self.ledger.read().entry(seq).expect("readable").expect("there");
        jobs::Head::read(seq, &entry.head).expect("readable").id(id.tag(), seq)
    }

    pub(crate) fn why(&mut self, id: JobId) -> String {
        self.report(id).waits_for
    }
}
