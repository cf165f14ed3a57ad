//! While the ledger takes nothing.
//!
//! When a commit fails nothing of its round has happened: its requests are refused, the engine is thrown
//! away, and until the disk takes a commit again everything is refused at once that needs one. Questions
//! are answered by what is on disk ([`super::on_disk`]). So it is when a round
//! ends by a defect of the program, but that nobody is told what became of its requests, because it may
//! have been committed.

use super::answers::{Answer, Answers};
use super::command::Command;
use super::defect;
use super::keeper::Keeper;
use super::shortage::try_little;
use jobs::{Engine, ReadError};
use ledger::Reader;
use std::any::Any;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often the disk is tried after it failed.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// ... and a ledger that somebody has to restore: all of it is read each time.
const TRY_DAMAGED: Duration = Duration::from_secs(60);

/// Why nothing is taken, and when it is tried again.
pub(super) struct Sick {
    pub(super) reason: String,
    pub(super) again: Instant,
    /// For questions meanwhile.
    pub(super) reader: Option<Box<dyn Reader>>,
}

impl Sick {
    fn by(error: &ReadError) -> Self {
        let pause = match error {
            // Its changes are gone with the engine that made them.
            ReadError::Ledger(ledger::Error::Misuse(_)) => TRY_AGAIN,
            ReadError::Ledger(error) if !error.is_temporary() => TRY_DAMAGED,
            _ => TRY_AGAIN,
        };
        Self { reason: error.to_string(), again: Instant::now() + pause, reader: None }
    }

    pub(super) fn try_now(&mut self) {
        self.again = Instant::now();
    }
}

impl Keeper {
    /// Nothing of the round has happened.
    pub(super) fn fall_sick(&mut self, error: &ReadError, answers: Answers) {
        // One that could not be committed is in the log.
        if self.shortage.is_none() {
            tracing::error!(%error, "jobs are refused until the ledger works again");
        }
        let reason = error.to_string();
        self.sick = Some(Sick::by(error));
        for answer in answers.now {
            match answer {
                // It may have told of what the round would have done.
                Answer::Read(to, _, request) => self.answer_sick(&request, to),
                answer => answer.refuse(&reason),
            }
        }
        // What they await is on disk, and goes on.
        answers.later.into_iter().for_each(|waiter| self.awaiting.add(waiter));
        self.show.changed();
    }

    /// What the round did is as unknown as after a kill of the worker.
    pub(super) fn fall_sick_by_defect(&mut self, panic: &(dyn Any + Send)) {
        let reason = format!("a defect of the worker: {}", defect::words(panic));
        tracing::error!("jobs are taken up anew from the ledger, after {reason}");
        self.awaiting.cut_short(&mut self.engine);
        self.sick = Some(Sick { reason, again: Instant::now() + TRY_AGAIN, reader: None });
        self.show.changed();
    }

    /// Tries the disk, if it is time to; whether it works again.
    pub(super) fn heals(&mut self) -> bool {
        let Some(sick) = &self.sick else {
            return true;
        };
        if Instant::now() < sick.again {
            return false;
        }
        let mut alive = self.begun.clone();
        alive.extend(self.ends.iter().map(|(seq, attempt, _)| (*seq, *attempt)));
        let tried = try_little(self.ledger.as_mut()).map_err(ReadError::from);
        match tried.and_then(|()| self.recover(&alive)) {
            Ok(()) => {
                if self.shortage.is_none() {
                    tracing::info!("the ledger of jobs works again");
                }
                self.sick = None;
                self.awaiting.look_again();
                self.show.changed();
                true
            }
            Err(error) => {
                self.sick = Some(Sick::by(&error));
                false
            }
        }
    }

    /// While the disk takes nothing: everybody learns why whose wish needs it to.
    pub(super) fn turn_away(&mut self, commands: impl IntoIterator<Item = Command>) {
        for command in commands {
            match command {
                Command::Request { request, reply, .. } => self.answer_sick(&request, reply),
                Command::Manage { what, reply } => self.manage_sick(&what, reply),
                Command::Rules { app, rules, slots } => {
                    self.apps.insert(app, (rules, slots));
                }
                Command::GaveUp { seq } => self.awaiting.forget_closed(seq),
                Command::Stop => self.stopping = true,
                Command::Progress { .. }
                | Command::Finished { .. }
                | Command::Ending
                | Command::Close { .. } => {}
            }
        }
    }

    /// A new engine with what the ledger has.
    pub(super) fn recover(&mut self, alive: &HashMap<u64, u32>) -> Result<(), ReadError> {
        let now = self.now();
        let seed = now.wall_ms ^ u64::from(std::process::id()) << 32;
        let (tag, last_seq) = (self.ledger.tag(), self.ledger.last_seq());
        let mut engine = Engine::new(self.settings.clone(), tag, last_seq, seed, now);
        engine.recover(self.ledger.read(), alive)?;
        engine.set_totals(self.totals);
        self.engine = engine;
        for (app, (rules, slots)) in std::mem::take(&mut self.apps) {
            self.set_rules(app, rules, slots);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::{Manage, Managed};
    use super::super::events::Feed;
    use super::super::keeper::Way;
    use super::super::status::Shown;
    use super::*;
    use jobs::{QueueLimits, Rules, Settings, Slots};
    use ledger::{
        Change, EachFact, EachRow, Entry, Error, Ledger, Memory, Misuse, Reader, Size, States,
    };
    use protocol::{AppName, Catalog, Function, JobId, JobRefusal, JobReply, JobRequest, NewJob};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::sync::mpsc::unbounded_channel;
    use tokio::sync::oneshot::{self, Receiver};

    #[test]
    fn only_what_somebody_has_to_repair_is_tried_seldom() {
        let message = || "a test's".to_owned();
        for (error, pause) in [
            (Error::Full { doing: "commit", message: message() }, TRY_AGAIN),
            (Error::Busy { message: message() }, TRY_AGAIN),
            (Error::Misuse(Misuse::NoEntry { seq: 1 }), TRY_AGAIN),
            (Error::Corrupt { message: message() }, TRY_DAMAGED),
        ] {
            let before = Instant::now();
            let sick = Sick::by(&error.clone().into());
            let range = before + pause..=Instant::now() + pause;
            assert!(range.contains(&sick.again) && sick.reason == error.to_string(), "{error}");
        }
    }

    /// In memory; entries cannot be read while a test says so.
    struct Unreadable {
        memory: Memory,
        reads: Reads,
    }

    struct Reads {
        reader: Box<dyn Reader>,
        fail: Arc<AtomicBool>,
    }

    impl Unreadable {
        fn new(fail: Arc<AtomicBool>) -> Self {
            let memory = Memory::new(7);
            let reader = memory.reader().unwrap();
            Self { memory, reads: Reads { reader, fail } }
        }
    }

    impl Ledger for Unreadable {
        fn tag(&self) -> u16 {
            self.memory.tag()
        }
        fn last_seq(&self) -> u64 {
            self.memory.last_seq()
        }
        fn commit(&mut self, changes: &[Change]) -> Result<(), Error> {
            self.memory.commit(changes)
        }
        fn reader(&self) -> Result<Box<dyn Reader>, Error> {
            self.memory.reader()
        }
        fn read(&self) -> &dyn Reader {
            &self.reads
        }
        fn tidy(&mut self) -> Result<bool, Error> {
            self.memory.tidy()
        }
        fn size(&self) -> Result<Size, Error> {
            self.memory.size()
        }
    }

    impl Reader for Reads {
        fn scan(&self, from: u64, states: States, each: &mut EachRow<'_>) -> Result<(), Error> {
            self.reader.scan(from, states, each)
        }
        fn entry(&self, seq: u64) -> Result<Option<Entry>, Error> {
            match self.fail.load(Ordering::Relaxed) {
                true => Err(Error::Busy { message: "a test's".to_owned() }),
                false => self.reader.entry(seq),
            }
        }
        fn facts_from(&self, kind: u8, from: &[u8], each: &mut EachFact<'_>) -> Result<(), Error> {
            self.reader.facts_from(kind, from, each)
        }
        fn fact(&self, kind: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            self.reader.fact(kind, key)
        }
    }

    fn keeper(fail: &Arc<AtomicBool>) -> Keeper {
        let (_, commands) = unbounded_channel();
        let (orders, _) = unbounded_channel();
        let way = Way { commands, orders, shown: Shown::default(), feed: Feed::default() };
        let ledger = Box::new(Unreadable::new(Arc::clone(fail)));
        Keeper::new(ledger, Settings::default(), way).unwrap()
    }

    fn app() -> AppName {
        AppName::new("shop").unwrap()
    }

    /// A release with one function.
    fn rules(function: &str) -> Command {
        let functions = vec![Function { name: function.to_owned(), ..Function::default() }];
        let catalog = Catalog { functions, ..Catalog::default() };
        let rules = Some(Box::new(Rules::new(&catalog, QueueLimits::new())));
        Command::Rules { app: app(), rules, slots: Slots::default() }
    }

    fn request(request: JobRequest) -> (Command, Receiver<JobReply>) {
        let (reply, answer) = oneshot::channel();
        (Command::Request { app: app(), request, reply }, answer)
    }

    fn queue(function: &str) -> (Command, Receiver<JobReply>) {
        let job = NewJob { function: function.to_owned(), ..NewJob::default() };
        request(JobRequest::Enqueue { jobs: vec![job], batch: None })
    }

    fn report(id: JobId) -> (Command, Receiver<Result<Managed, String>>) {
        let (reply, answer) = oneshot::channel();
        (Command::Manage { what: Manage::Report(id), reply }, answer)
    }

    fn accepted(mut answer: Receiver<JobReply>) -> JobId {
        match answer.try_recv() {
            Ok(JobReply::Accepted { jobs, .. }) => jobs[0].id,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_comes_behind_a_read_that_fails_is_refused_like_it_and_releases_are_remembered() {
        let fail = Arc::new(AtomicBool::new(false));
        let mut keeper = keeper(&fail);
        let (first, answer) = queue("old");
        keeper.round(vec![rules("old"), first]);
        let id = accepted(answer);
        fail.store(true, Ordering::Relaxed);
        let (find, found) = request(JobRequest::Find { id });
        let (more, stored) = queue("old");
        let (show, shown) = report(id);
        keeper.round(vec![find, rules("new"), more, show]);
        for mut answer in [found, stored] {
            let answer = answer.try_recv();
            let Ok(JobReply::Refused(JobRefusal::Unavailable { reason })) = &answer else {
                panic!("{answer:?}");
            };
            assert!(reason.contains("a test's"), "{reason}");
        }
        let shown = { shown }.try_recv().expect("an answer").expect_err("refused");
        assert!(shown.contains("a test's"), "{shown}");
        fail.store(false, Ordering::Relaxed);
        keeper.sick.as_mut().expect("it refuses").try_now();
        let (next, answer) = queue("new");
        keeper.round(vec![next]);
        assert_eq!(accepted(answer).seq(), id.seq() + 1, "what was refused is not stored");
    }
}
