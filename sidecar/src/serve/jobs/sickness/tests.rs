//! Rounds whose reads fail.

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
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
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

/// In memory; while a test says so entries cannot be read, or nothing is taken; and its end is told.
struct Unreadable {
    memory: Memory,
    reads: Reads,
    full: Arc<AtomicBool>,
    closed: Box<dyn Fn() + Send>,
}

impl Drop for Unreadable {
    fn drop(&mut self) {
        (self.closed)();
    }
}

struct Reads {
    reader: Box<dyn Reader>,
    fail: Arc<AtomicBool>,
}

impl Unreadable {
    fn new(fail: Arc<AtomicBool>, closed: impl Fn() + Send + 'static) -> Self {
        let memory = Memory::new(7);
        let reader = memory.reader().unwrap();
        Self {
            memory,
            reads: Reads { reader, fail },
            full: Arc::default(),
            closed: Box::new(closed),
        }
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
        match self.full.load(Ordering::Relaxed) {
            true => Err(Error::Full { doing: "commit", message: "a test's".to_owned() }),
            false => self.memory.commit(changes),
        }
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

fn keeper(ledger: Unreadable) -> (Keeper, UnboundedSender<Command>) {
    let (sender, commands) = unbounded_channel();
    let (orders, _) = unbounded_channel();
    let way = Way { commands, orders, shown: Shown::default(), feed: Feed::default() };
    (Keeper::new(Box::new(ledger), Settings::default(), way).unwrap(), sender)
}

fn whole_round(keeper: &mut Keeper, commands: Vec<Command>) {
    let round = keeper.round(commands);
    keeper.follow_up(round);
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
    let (mut keeper, _commands) = keeper(Unreadable::new(Arc::clone(&fail), || {}));
    let (first, answer) = queue("old");
    whole_round(&mut keeper, vec![rules("old"), first]);
    let id = accepted(answer);
    fail.store(true, Ordering::Relaxed);
    let (find, found) = request(JobRequest::Find { id });
    let (more, stored) = queue("old");
    let (show, shown) = report(id);
    whole_round(&mut keeper, vec![find, rules("new"), more, show]);
    for mut answer in [found, stored] {
        let answer = answer.try_recv();
        let Ok(JobReply::Refused(JobRefusal::Unavailable { reason })) = &answer else {
            panic!("{answer:?}");
        };
        assert!(reason.contains("a test's"), "{reason}");
    }
    let Ok(Ok(Managed::Job(Some(shown)))) = { shown }.try_recv() else {
        panic!("what is on disk is told meanwhile");
    };
    assert!(shown.job.waits_for.contains("a test's"), "{shown:?}");
    fail.store(false, Ordering::Relaxed);
    keeper.sick.as_mut().expect("it refuses").try_now();
    let (next, answer) = queue("new");
    whole_round(&mut keeper, vec![next]);
    assert_eq!(accepted(answer).seq(), id.seq() + 1, "what was refused is not stored");
}

#[tokio::test(flavor = "current_thread")]
async fn who_is_answered_by_the_last_round_hears_it_before_the_ledger_closes() {
    let [told, in_time] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let closed = {
        let (told, in_time) = (Arc::clone(&told), Arc::clone(&in_time));
        move || in_time.store(told.load(Ordering::Relaxed), Ordering::Relaxed)
    };
    let (keeper, commands) = keeper(Unreadable::new(Arc::default(), closed));
    let (first, answer) = queue("old");
    let (done, end) = oneshot::channel();
    for command in [rules("old"), first, Command::Close { done }] {
        assert!(commands.send(command).is_ok(), "it listens");
    }
    let answered = tokio::spawn(async move {
        let reply = answer.await;
        told.store(true, Ordering::Relaxed);
        reply
    });
    tokio::spawn(keeper.run());
    end.await.expect("an end");
    let reply = answered.await.expect("a reply");
    assert!(matches!(reply, Ok(JobReply::Refused(_))), "it was stopping: {reply:?}");
    assert!(in_time.load(Ordering::Relaxed), "the ledger closed first");
}

#[test]
fn an_administrator_is_told_of_a_job_also_by_the_round_that_fails() {
    let ledger = Unreadable::new(Arc::default(), || {});
    let full = Arc::clone(&ledger.full);
    let (mut keeper, _commands) = keeper(ledger);
    let (first, answer) = queue("old");
    whole_round(&mut keeper, vec![rules("old"), first]);
    let id = accepted(answer);
    full.store(true, Ordering::Relaxed);
    for more in [Some(queue("old").0), None] {
        let (find, mut found) = request(JobRequest::Find { id });
        let (show, mut shown) = report(id);
        whole_round(&mut keeper, [find, show].into_iter().chain(more).collect());
        let Ok(JobReply::Job(Some(found))) = found.try_recv() else { panic!("not found") };
        let Ok(Ok(Managed::Job(Some(shown)))) = shown.try_recv() else { panic!("not shown") };
        assert_eq!(shown.job, *found, "as a client is told");
        assert!(shown.job.waits_for.contains("until the ledger of jobs works again"));
    }
}
