//! The thread that owns the ledger and the engine.
//!
//! A round: everything that has arrived, one commit, then the answers. When a commit fails nothing of
//! its round has happened: its requests are refused, the engine is thrown away, and until the disk takes
//! a commit again everything is refused at once. Ends of attempts are kept until they are on disk.

use super::command::{Command, Manage, Managed, Order};
use super::events::{Feed, Happened};
use super::status::{Show, Shown};
use super::verdict::refused;
use crate::admin::{JobChange, QueueMode};
use jobs::{Cancelled, Ended, Engine, Now, ReadError, Rules, Settings, Slots, Start};
use ledger::{Change, Ledger};
use protocol::{AppName, JobId, JobReply, JobRequest};
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// Most commands of one commit.
const ROUND_MAX: usize = 1024;
/// How often the disk is tried after it failed.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often what is known for a time only is swept.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Rounds after which the ledger is tidied although there is work.
const TIDY_ROUNDS: u32 = 256;
/// Kind of the fact by which a disk is tried: no fact of the engine.
const TRIAL: u8 = 255;

/// See the module.
pub(super) struct Keeper {
    ledger: Box<dyn Ledger>,
    engine: Engine,
    settings: Settings,
    way: Way,
    show: Show,
    /// What releases say: for an engine that has to be made anew.
    apps: HashMap<AppName, (Option<Box<Rules>>, Slots)>,
    stopping: bool,
    /// Who awaits the end of a job, by its number; or of a batch.
    awaiting: HashMap<u64, Vec<(JobId, oneshot::Sender<JobReply>)>>,
    /// Ends of attempts that are not on disk yet.
    ends: Vec<(u64, u32, Ended)>,
    /// Why the disk takes nothing, and when it is tried again.
    sick: Option<(String, Instant)>,
    began: Instant,
    swept: Instant,
    rounds: u32,
    untidy: bool,
}

/// How it hears of others, and they of it.
pub(super) struct Way {
    pub(super) commands: Receiver<Command>,
    pub(super) orders: UnboundedSender<Order>,
    pub(super) shown: Shown,
    pub(super) feed: Feed,
}

/// What is told when the commit is done.
type Answers = Vec<Answer>;

/// An answer, and to whom it goes.
enum Answer {
    Reply(oneshot::Sender<JobReply>, JobReply),
    Managed(oneshot::Sender<Result<Managed, String>>, Managed),
}

impl Answer {
    fn send(self) {
        // Whoever asked may be gone by now.
        match self {
            Self::Reply(to, reply) => drop(to.send(reply)),
            Self::Managed(to, managed) => drop(to.send(Ok(managed))),
        }
    }

    /// Instead: nothing of it has happened.
    fn refuse(self, reason: &str) {
        match self {
            Self::Reply(to, _) => drop(to.send(refused(reason))),
            Self::Managed(to, _) => drop(to.send(Err(reason.to_owned()))),
        }
    }
}

impl Keeper {
    pub(super) fn new(
        ledger: Box<dyn Ledger>,
        settings: Settings,
        way: Way,
    ) -> Result<Self, ReadError> {
        let began = Instant::now();
        let engine = Engine::new(settings.clone(), 0, 0, 0, Now::default());
        let mut keeper = Self {
            ledger,
            engine,
            settings,
            show: Show::new(way.shown.clone()),
            way,
            apps: HashMap::new(),
            stopping: false,
            awaiting: HashMap::new(),
            ends: Vec::new(),
            sick: None,
            began,
            swept: began,
            rounds: 0,
            untidy: true,
        };
        keeper.recover(&HashMap::new())?;
        let changes = keeper.engine.take_changes();
        keeper.ledger.commit(&changes)?;
        keeper.way.shown.set_last_seq(keeper.ledger.last_seq());
        Ok(keeper)
    }

    /// Until it is told to close.
    pub(super) fn run(mut self) {
        loop {
            let commands = self.wait();
            let mut closing = None;
            let mut rest = Vec::with_capacity(commands.len());
            for command in commands {
                match command {
                    Command::Close { done } => closing = Some(done),
                    command => rest.push(command),
                }
            }
            if closing.is_some() {
                let running: Vec<(u64, u32)> = self.engine.running().collect();
                let interrupted = |(seq, attempt)| (seq, attempt, Ended::Interrupted);
                self.ends.extend(running.into_iter().map(interrupted));
            }
            self.round(rest);
            if let Some(done) = closing {
                drop(self.ledger);
                let _ = done.send(());
                return;
            }
        }
    }

    /// What has arrived; waits if there is nothing to do.
    fn wait(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        loop {
            match self.way.commands.try_recv() {
                Ok(command) => commands.push(command),
                Err(TryRecvError::Empty) if commands.is_empty() && self.housekeep() => {}
                Err(TryRecvError::Empty) if commands.is_empty() => break,
                Err(TryRecvError::Empty) => return commands,
                // Everybody is gone without a word: the process ends.
                Err(TryRecvError::Disconnected) => return commands,
            }
            if commands.len() >= ROUND_MAX {
                return commands;
            }
        }
        let refused = self.sick.as_ref().map(|(reason, _)| reason.as_str());
        let shows = self.show.refresh(&self.engine, self.ledger.as_ref(), refused);
        match self.quiet().into_iter().chain(shows).min() {
            None => commands.extend(self.way.commands.recv().ok()),
            Some(quiet) => match self.way.commands.recv_timeout(quiet) {
                Ok(command) => commands.push(command),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            },
        }
        while commands.len() < ROUND_MAX
            && let Ok(command) = self.way.commands.try_recv()
        {
            commands.push(command);
        }
        commands
    }

    /// How long there is nothing to do by itself; `None` = for ever.
    fn quiet(&mut self) -> Option<Duration> {
        if let Some((_, again)) = self.sick {
            return Some(again.saturating_duration_since(Instant::now()));
        }
        self.engine.set_now(self.now());
        self.engine.quiet_ms().map(Duration::from_millis)
    }

    /// A slice of what can wait; whether there is more of it.
    fn housekeep(&mut self) -> bool {
        if !self.untidy || self.sick.is_some() {
            return false;
        }
        match self.ledger.tidy() {
            Ok(more) => self.untidy = more,
            Err(error) => {
                tracing::warn!(%error, "the ledger of jobs cannot be tidied");
                self.untidy = false;
            }
        }
        self.untidy
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Now { wall_ms: ms(wall), steady_ms: ms(self.began.elapsed()) }
    }

    fn round(&mut self, commands: Vec<Command>) {
        if !commands.is_empty() {
            self.show.changed();
        }
        if self.sick.is_some() && !self.heals() {
            return self.turn_away(commands);
        }
        self.engine.set_now(self.now());
        let mut answers = Answers::new();
        let mut waiting = Vec::new();
        let worked = self.work(commands, &mut answers, &mut waiting);
        let committed = worked.and_then(|starts| {
            let changes = self.engine.take_changes();
            if !changes.is_empty() {
                self.untidy = true;
                self.show.changed();
                let begins = Instant::now();
                self.ledger.commit(&changes)?;
                self.show.committed(begins.elapsed());
                self.way.shown.set_last_seq(self.ledger.last_seq());
            }
            Ok(starts)
        });
        match committed {
            Ok(starts) => self.tell(answers, waiting, starts),
            Err(error) => self.fall_sick(&error, answers, waiting),
        }
        self.rounds = self.rounds.wrapping_add(1);
        if self.rounds.is_multiple_of(TIDY_ROUNDS) {
            self.housekeep();
        }
    }

    fn work(
        &mut self,
        commands: Vec<Command>,
        answers: &mut Answers,
        waiting: &mut Vec<(JobId, oneshot::Sender<JobReply>)>,
    ) -> Result<Vec<Start>, ReadError> {
        for command in commands {
            match command {
                Command::Request { app, request, reply } => {
                    let id = match &request {
                        JobRequest::Await { id, .. } | JobRequest::AwaitBatch { id, .. } => {
                            Some(*id)
                        }
                        _ => None,
                    };
                    match self.answer(&app, request) {
                        Ok(Some(answer)) => answers.push(Answer::Reply(reply, answer)),
                        Ok(None) => waiting.extend(id.map(|id| (id, reply))),
                        Err(error) => {
                            answers.push(Answer::Reply(reply, refused(&error.to_string())));
                            return Err(error);
                        }
                    }
                }
                Command::Manage { what, reply } => match self.manage(what) {
                    Ok(managed) => answers.push(Answer::Managed(reply, managed)),
                    Err(error) => {
                        let _ = reply.send(Err(error.to_string()));
                        return Err(error);
                    }
                },
                Command::Finished { seq, attempt, ended } => self.ends.push((seq, attempt, ended)),
                Command::Progress { seq, attempt, progress } => {
                    self.engine.progress(seq, attempt, progress);
                }
                Command::Rules { app, rules, slots } => self.set_rules(app, rules, slots),
                Command::Stop => {
                    self.stopping = true;
                    for app in self.apps.keys() {
                        self.engine.set_slots(app, 0);
                    }
                }
                Command::Close { .. } => {}
            }
        }
        for (seq, attempt, ended) in &self.ends {
            self.engine.finish(*seq, *attempt, ended.clone());
        }
        if self.swept.elapsed() > SWEEP_EVERY {
            self.engine.sweep(self.ledger.read())?;
            self.swept = Instant::now();
        }
        self.engine.tick(self.ledger.read())?;
        self.engine.dispatch(self.ledger.read())
    }

    /// The answer to a request; nothing when its time has not come.
    fn answer(
        &mut self,
        app: &AppName,
        request: JobRequest,
    ) -> Result<Option<JobReply>, ReadError> {
        let reader = self.ledger.read();
        Ok(Some(match request {
            JobRequest::Enqueue { .. } if self.stopping => refused("the worker is stopping"),
            JobRequest::Enqueue { jobs, batch } => {
                match self.engine.enqueue(app, jobs, batch.map(|batch| *batch), reader)? {
                    Ok(made) => JobReply::Accepted { jobs: made.jobs, batch: made.batch },
                    Err(refusal) => JobReply::Refused(refusal),
                }
            }
            JobRequest::Find { id } => JobReply::Job(self.engine.report(id, reader)?.map(Box::new)),
            JobRequest::Await { id, .. } => match self.engine.report(id, reader)? {
                Some(report) if !report.state.is_over() => return Ok(None),
                report => JobReply::Job(report.map(Box::new)),
            },
            JobRequest::Cancel { id } => {
                let found = self.engine.cancel(id, reader)? != Cancelled::TooLate;
                JobReply::Cancelled { found }
            }
            JobRequest::Batch { id } => JobReply::Batch(self.engine.batch_report(id)),
            JobRequest::AwaitBatch { id, .. } => match self.engine.batch_report(id) {
                Some(report) if !report.is_over() => return Ok(None),
                report => JobReply::Batch(report),
            },
            JobRequest::CancelBatch { id } => {
                JobReply::Cancelled { found: self.engine.cancel_batch(id, reader)? }
            }
        }))
    }

    /// What an administrator wants, done as far as it can be.
    fn manage(&mut self, what: Manage) -> Result<Managed, ReadError> {
        let reader = self.ledger.read();
        match what {
            Manage::Report(id) => Ok(Managed::Job(self.engine.report(id, reader)?.map(Box::new))),
            Manage::Change { change, ids } => {
                let mut changed = Vec::with_capacity(ids.len());
                for id in ids {
                    let done = match change {
                        JobChange::Cancel => self.engine.cancel(id, reader)? != Cancelled::TooLate,
                        JobChange::Retry => self.engine.retry(id, reader)?,
                        JobChange::Delete => self.engine.delete(id, reader)?,
                    };
                    changed.extend(done.then_some(id));
                }
                Ok(Managed::Changed(changed))
            }
            Manage::Mode { app, queue, mode } => {
                match mode {
                    QueueMode::Pause => self.engine.pause(&app, &queue),
                    QueueMode::Drain => self.engine.drain(&app, &queue),
                    QueueMode::Resume => self.engine.resume(&app, &queue),
                }
                Ok(Managed::Done)
            }
        }
    }

    fn set_rules(&mut self, app: AppName, rules: Option<Box<Rules>>, slots: Slots) {
        let slots = if self.stopping { 0 } else { slots };
        self.engine.set_rules(&app, rules.as_deref().cloned());
        self.engine.set_slots(&app, slots);
        self.apps.insert(app, (rules, slots));
    }

    /// The round is on disk.
    fn tell(
        &mut self,
        answers: Answers,
        waiting: Vec<(JobId, oneshot::Sender<JobReply>)>,
        starts: Vec<Start>,
    ) {
        let ends = std::mem::take(&mut self.ends);
        let over = self.engine.take_over();
        if self.way.feed.is_followed() {
            let happened = Happened {
                made: answers.iter().flat_map(made).collect(),
                ends: ends.into_iter().map(|(seq, _, ended)| (seq, ended)).collect(),
                over: over.clone(),
                began: starts.iter().map(|start| start.seq).collect(),
            };
            self.way.feed.note(happened, self.ledger.tag(), self.ledger.read());
        }
        answers.into_iter().for_each(Answer::send);
        for (id, reply) in waiting {
            self.awaiting.entry(id.seq()).or_default().push((id, reply));
        }
        for start in starts {
            let _ = self.way.orders.send(Order::Begin(Box::new(start)));
        }
        for seq in self.engine.take_interrupts() {
            let _ = self.way.orders.send(Order::Interrupt(seq));
        }
        for seq in over {
            for (id, reply) in self.awaiting.remove(&seq).unwrap_or_default() {
                let report = self.engine.report(id, self.ledger.read());
                let _ = reply.send(match report {
                    Ok(report) => JobReply::Job(report.map(Box::new)),
                    Err(error) => refused(&error.to_string()),
                });
            }
        }
        for seq in self.engine.take_batches_over() {
            for (id, reply) in self.awaiting.remove(&seq).unwrap_or_default() {
                let _ = reply.send(JobReply::Batch(self.engine.batch_report(id)));
            }
        }
        for fault in self.engine.take_troubles() {
            tracing::error!("{fault}");
        }
        // Who gave up waiting leaves a closed channel.
        if self.rounds.is_multiple_of(TIDY_ROUNDS) {
            self.awaiting.retain(|_, waiting| {
                waiting.retain(|(_, reply)| !reply.is_closed());
                !waiting.is_empty()
            });
        }
    }

    /// Nothing of the round has happened.
    fn fall_sick(
        &mut self,
        error: &ReadError,
        answers: Answers,
        waiting: Vec<(JobId, oneshot::Sender<JobReply>)>,
    ) {
        tracing::error!(%error, "jobs are refused until the ledger works again");
        let reason = error.to_string();
        answers.into_iter().for_each(|answer| answer.refuse(&reason));
        for (_, reply) in waiting {
            let _ = reply.send(refused(&reason));
        }
        self.sick = Some((reason, Instant::now() + TRY_AGAIN));
        self.show.changed();
    }

    /// Tries the disk, if it is time to; whether it works again.
    fn heals(&mut self) -> bool {
        let Some((_, again)) = &self.sick else {
            return true;
        };
        if Instant::now() < *again {
            return false;
        }
        let trial = Change::SetFact { kind: TRIAL, key: Vec::new(), value: vec![0; 64] };
        let mut alive: HashMap<u64, u32> = self.engine.running().collect();
        alive.extend(self.ends.iter().map(|(seq, attempt, _)| (*seq, *attempt)));
        let tried = self.ledger.commit(&[trial]).map_err(ReadError::from);
        match tried.and_then(|()| self.recover(&alive)) {
            Ok(()) => {
                tracing::info!("the ledger of jobs works again");
                self.sick = None;
                self.show.changed();
                true
            }
            Err(error) => {
                self.sick = Some((error.to_string(), Instant::now() + TRY_AGAIN));
                false
            }
        }
    }

    /// While the disk takes nothing: ends of attempts are kept, everybody else learns why.
    fn turn_away(&mut self, commands: Vec<Command>) {
        let reason = self.sick.as_ref().map(|(reason, _)| reason.clone()).unwrap_or_default();
        for command in commands {
            match command {
                Command::Request { .. } | Command::Manage { .. } => command.refuse(&reason),
                Command::Finished { seq, attempt, ended } => self.ends.push((seq, attempt, ended)),
                Command::Rules { app, rules, slots } => {
                    self.apps.insert(app, (rules, slots));
                }
                Command::Stop => self.stopping = true,
                Command::Progress { .. } | Command::Close { .. } => {}
            }
        }
    }

    /// A new engine with what the ledger has.
    fn recover(&mut self, alive: &HashMap<u64, u32>) -> Result<(), ReadError> {
        let now = self.now();
        let seed = now.wall_ms ^ u64::from(std::process::id()) << 32;
        let (tag, last_seq) = (self.ledger.tag(), self.ledger.last_seq());
        let mut engine = Engine::new(self.settings.clone(), tag, last_seq, seed, now);
        engine.recover(self.ledger.read(), alive)?;
        self.engine = engine;
        for (app, (rules, slots)) in std::mem::take(&mut self.apps) {
            self.set_rules(app, rules, slots);
        }
        Ok(())
    }
}

/// Numbers of the jobs that an answer says were made.
fn made(answer: &Answer) -> Vec<u64> {
    match answer {
        Answer::Reply(_, JobReply::Accepted { jobs, .. }) => {
            jobs.iter().filter(|job| !job.existing).map(|job| job.id.seq()).collect()
        }
        Answer::Reply(..) | Answer::Managed(..) => Vec::new(),
    }
}
