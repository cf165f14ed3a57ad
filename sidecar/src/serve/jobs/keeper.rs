//! The thread that owns the ledger and the engine.
//!
//! A round: everything that has arrived, one commit, then the answers, and what follows from it. What
//! becomes of one that fails stands in [`super::sickness`]. Ends of attempts are kept until they are on
//! disk.

use super::super::fault;
use super::answers::{Answer, Answers};
use super::awaiting::Awaiting;
use super::command::{Command, Order};
use super::events::Feed;
use super::housekeeping::Housekeeping;
use super::on_disk::Read;
use super::round::Round;
use super::shortage::Shortage;
use super::sickness::Sick;
use super::status::{Show, Shown};
use super::verdict::refused;
use jobs::{Ended, Engine, Now, ReadError, Rules, Settings, Slots, Start};
use ledger::Ledger;
use protocol::{AppName, JobTotals};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::yield_now;

/// See the module.
pub(super) struct Keeper {
    pub(super) ledger: Box<dyn Ledger>,
    pub(super) engine: Engine,
    pub(super) settings: Settings,
    pub(super) way: Way,
    pub(super) show: Show,
    /// What releases say: for an engine that has to be made anew.
    pub(super) apps: HashMap<AppName, (Option<Box<Rules>>, Slots)>,
    /// Of what is on disk.
    pub(super) totals: JobTotals,
    pub(super) stopping: bool,
    /// Executors are being ended: one that dies says nothing about its job.
    ending: bool,
    pub(super) awaiting: Awaiting,
    /// Attempts that others were told to begin and have not come back, by their jobs' numbers.
    pub(super) begun: HashMap<u64, u32>,
    /// Ends of attempts that are not on disk yet.
    pub(super) ends: Vec<(u64, u32, Ended)>,
    pub(super) sick: Option<Sick>,
    pub(super) shortage: Option<Shortage>,
    began: Instant,
    pub(super) housekeeping: Housekeeping,
}

/// How it hears of others, and they of it.
pub(super) struct Way {
    pub(super) commands: UnboundedReceiver<Command>,
    pub(super) orders: UnboundedSender<Order>,
    pub(super) shown: Shown,
    pub(super) feed: Feed,
}

impl Keeper {
    pub(super) fn new(
        ledger: Box<dyn Ledger>,
        settings: Settings,
        way: Way,
    ) -> Result<Self, ReadError> {
        let began = Instant::now();
        let engine = Engine::new(settings.clone(), 0, 0, 0, Now::default());
        let housekeeping = Housekeeping::new(began, settings.idempotency_ms);
        let mut keeper = Self {
            ledger,
            engine,
            settings,
            show: Show::new(way.shown.clone()),
            way,
            apps: HashMap::new(),
            totals: JobTotals::default(),
            stopping: false,
            ending: false,
            awaiting: Awaiting::default(),
            begun: HashMap::new(),
            ends: Vec::new(),
            sick: None,
            shortage: None,
            began,
            housekeeping,
        };
        keeper.recover(&HashMap::new())?;
        let changes = keeper.engine.take_changes();
        keeper.ledger.commit(&changes)?;
        keeper.way.shown.set_last_seq(keeper.ledger.last_seq());
        Ok(keeper)
    }

    /// Until it is told to close.
    pub(super) async fn run(mut self) {
        while let Some(commands) = self.wait().await {
            // What is shared is either on disk or refers to nothing that a round changes; the engine is
            // thrown away.
            let stepped = catch_unwind(AssertUnwindSafe(|| self.step(commands)));
            let is_told = |round: &Option<Round>| round.as_ref().is_some_and(|round| round.is_told);
            if stepped.as_ref().is_ok_and(|(_, round)| is_told(round)) {
                // Answers leave before anything else is done.
                yield_now().await;
            }
            let followed = stepped.and_then(|(closing, round)| {
                catch_unwind(AssertUnwindSafe(|| self.follow_up(round))).map(|()| closing)
            });
            // And what begins before what can wait.
            yield_now().await;
            match followed {
                Ok(None) => {}
                Ok(Some(done)) => return self.close(done).await,
                Err(panic) => self.fall_sick_by_defect(&*panic),
            }
        }
    }

    /// One round, and whom to tell when the ledger is closed, if it is to be.
    fn step(&mut self, commands: Vec<Command>) -> (Option<oneshot::Sender<()>>, Option<Round>) {
        let mut closing = None;
        let mut rest = Vec::with_capacity(commands.len());
        for command in commands {
            match command {
                Command::Close { done } => closing = Some(done),
                Command::Ending => self.ending = true,
                Command::Finished { seq, attempt, ended } => self.note_end(seq, attempt, ended),
                command => rest.push(command),
            }
        }
        if closing.is_some() {
            self.stop();
            self.sick.iter_mut().for_each(Sick::try_now);
        }
        (closing, self.round(rest))
    }

    fn note_end(&mut self, seq: u64, attempt: u32, ended: Ended) {
        if self.begun.get(&seq) == Some(&attempt) {
            self.begun.remove(&seq);
        }
        let ended = match ended {
            Ended::Crashed(_) if self.ending => Ended::Interrupted,
            ended => ended,
        };
        self.ends.push((seq, attempt, ended));
    }

    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Now { wall_ms: ms(wall), steady_ms: ms(self.began.elapsed()) }
    }

    /// What follows from it is left to do; nothing when it failed.
    pub(super) fn round(&mut self, commands: Vec<Command>) -> Option<Round> {
        if !commands.is_empty() {
            self.show.changed();
        }
        if self.sick.is_some() && !self.heals() {
            self.turn_away(commands);
            return None;
        }
        self.look_for_room();
        self.engine.set_now(self.now());
        let mut answers = Answers::default();
        let mut commands = commands.into_iter();
        let worked = self.work(&mut commands, &mut answers);
        match worked.and_then(|starts| self.commit().map(|()| starts)) {
            Ok(starts) => Some(self.tell(answers, starts)),
            Err(error) => {
                self.fall_sick(&error, answers);
                self.turn_away(commands);
                None
            }
        }
    }

    fn commit(&mut self) -> Result<(), ReadError> {
        let changes = self.engine.take_changes();
        if changes.is_empty() {
            return Ok(());
        }
        self.show.changed();
        let begins = Instant::now();
        self.housekeeping.committed(begins);
        fault::point("jobs.committing");
        if let Err(error) = self.ledger.commit(&changes) {
            self.run_short(&error, &changes);
            return Err(error.into());
        }
        self.totals = self.engine.totals();
        fault::point("jobs.committed");
        fault::defect("jobs.defect");
        if !self.ends.is_empty() {
            fault::defect("jobs.defect_at_end");
        }
        self.show.committed(begins.elapsed());
        self.way.shown.set_last_seq(self.ledger.last_seq());
        Ok(())
    }

    /// What is left of `commands` when it fails was not looked at.
    fn work(
        &mut self,
        commands: &mut impl Iterator<Item = Command>,
        answers: &mut Answers,
    ) -> Result<Vec<Start>, ReadError> {
        for command in commands {
            match command {
                Command::Request { app, request, reply } => {
                    let read = Read::by(&request);
                    match self.answer(&app, request) {
                        Ok(Some(answer)) => answers.now.push(Answer::to(reply, answer, read)),
                        Ok(None) => answers.later.extend(read.map(|read| (read.whose, reply))),
                        Err(error) => {
                            answers.now.push(Answer::Reply(reply, refused(&error.to_string())));
                            return Err(error);
                        }
                    }
                }
                Command::Manage { what, reply } => {
                    let report = what.report();
                    match self.manage(what) {
                        Ok(managed) => {
                            answers.now.push(Answer::Managed(reply, managed, report));
                        }
                        Err(error) => {
                            drop(reply.send(Err(error.to_string())));
                            return Err(error);
                        }
                    }
                }
                Command::Progress { seq, attempt, progress } => {
                    self.engine.progress(seq, attempt, progress);
                }
                Command::Rules { app, rules, slots } => self.set_rules(app, rules, slots),
                Command::GaveUp { seq } => self.awaiting.forget_closed(seq),
                Command::Stop => self.stop(),
                Command::Finished { .. } | Command::Ending | Command::Close { .. } => {}
            }
        }
        for (seq, attempt, ended) in &self.ends {
            self.engine.finish(*seq, *attempt, ended.clone());
        }
        if self.sweeps_in() == Some(Duration::ZERO) {
            let more = self.engine.sweep(self.ledger.read())?;
            self.housekeeping.swept(more);
        }
        self.engine.tick(self.ledger.read())?;
        self.engine.dispatch(self.ledger.read())
    }

    pub(super) fn set_rules(&mut self, app: AppName, rules: Option<Box<Rules>>, slots: Slots) {
        let now = if self.stopping { 0 } else { slots };
        self.engine.set_rules(&app, rules.as_deref().cloned());
        self.engine.set_slots(&app, now);
        self.apps.insert(app, (rules, slots));
    }

    /// The round is on disk: who waits for it is told.
    fn tell(&mut self, answers: Answers, starts: Vec<Start>) -> Round {
        self.totals = self.engine.totals();
        if answers.now.iter().any(Answer::is_shown) {
            self.show_all();
        }
        let is_told = !answers.now.is_empty();
        answers.now.into_iter().for_each(Answer::send);
        Round { starts, later: answers.later, is_told }
    }
}
