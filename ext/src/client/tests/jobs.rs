//! Jobs: who is asked to store them, what is sent again, and where they are looked for.

use super::fake::{Door, Fake, Peer, welcome};
use super::{call, options, options_for};
use crate::client::{self, CallError, ErrorKind, Options, State};
use protocol::{
    AppName, Cancellation, JobId, JobOptions, JobRefusal, JobReply, JobReport, JobRequest,
    JobState, Kind, Member, Membership, NewJob, RefusedCode, Welcome, rank,
};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

const TAG: u16 = 0xabc;

fn id(seq: u64) -> JobId {
    JobId::new(1, TAG, 2, seq)
}

fn job(options: JobOptions) -> NewJob {
    NewJob {
        function: "once".to_owned(),
        arguments: b"\x01\xd2\x00".to_vec(),
        options,
        ..NewJob::default()
    }
}

fn with_key(key: &str) -> JobOptions {
    JobOptions { idempotency_key: Some(key.to_owned()), ..JobOptions::default() }
}

fn in_group(group: &str) -> JobOptions {
    JobOptions { group: Some(group.to_owned()), ..JobOptions::default() }
}

/// A group that falls to one of `workers`.
fn group_of(workers: &[String; 2], worker: usize) -> String {
    let falls_to = |group: &String| {
        let key = format!("group:{group}");
        rank(workers.iter().map(|worker| (worker.as_str(), 1)), key.as_bytes())[0]
    };
    let mut groups = (0..).map(|number| number.to_string());
    groups.find(|group| falls_to(group) == worker).unwrap()
}

/// Asks, and waits for the answer.
fn ask(options: &Options, request: &JobRequest) -> Result<JobReply, CallError> {
    let call = client::begin();
    let options = Rc::new(options.clone());
    let prepared = client::prepare_job(call, &options, "once");
    prepared.expect("it connects to nobody yet");
    client::send_errand(call, request);
    client::wait(call, None, &|| false);
    let reply = client::lend(call, |call| match std::mem::take(&mut call.state) {
        State::Value => Ok(call.take_reply().expect("an answer")),
        State::Failed(error) => Err(error),
        state => panic!("the wait is over, and the call is {state:?}"),
    });
    client::release(call);
    reply.unwrap()
}

/// The id of a job that is stored.
fn store(options: &Options, terms: JobOptions) -> Result<JobId, CallError> {
    match ask(options, &JobRequest::Enqueue { jobs: vec![job(terms)], batch: None })? {
        JobReply::Accepted { jobs, .. } => Ok(jobs[0].id),
        reply => panic!("{reply:?}"),
    }
}

fn find(options: &Options, id: JobId) -> Result<Option<JobState>, CallError> {
    match ask(options, &JobRequest::Find { id })? {
        JobReply::Job(report) => Ok(report.map(|report| report.state)),
        reply => panic!("{reply:?}"),
    }
}

/// A worker that has no such job.
fn says_no(peer: &mut Peer) {
    let (header, _) = peer.request();
    peer.answer(&header, &JobReply::Job(None));
}

fn says_done(peer: &mut Peer) {
    let (header, request) = peer.request();
    let JobRequest::Find { id } = request else { panic!("{request:?}") };
    peer.answer(&header, &JobReply::Job(Some(Box::new(report(id)))));
}

fn report(id: JobId) -> JobReport {
    JobReport {
        id,
        app: AppName::default(),
        function: "once".to_owned(),
        queue: "default".to_owned(),
        state: JobState::Done,
        priority: 0,
        made_ms: 1,
        due_ms: 1,
        attempt: 1,
        failures: 0,
        crashes: 0,
        attempts_max: 1,
        group: None,
        tags: Vec::new(),
        idempotency_key: None,
        batch: None,
        attempts: Vec::new(),
        progress: None,
        result: None,
        waits_for: String::new(),
        next: None,
    }
}

#[test]
fn one_connection_takes_one_job_after_the_other() {
    let fake = Fake::start(|door| {
        let mut peer = door.jobs(TAG);
        assert_eq!(peer.store(id(1)), job(JobOptions::default()));
        let urgent = JobOptions { priority: Some(9), ..JobOptions::default() };
        assert_eq!(peer.store(id(2)), job(urgent));
    });
    let options = options(&[&fake]);
    assert_eq!(store(&options, JobOptions::default()).unwrap(), id(1));
    let urgent = JobOptions { priority: Some(9), ..JobOptions::default() };
    assert_eq!(store(&options, urgent).unwrap(), id(2));
    fake.finish();
}

#[test]
fn jobs_and_calls_have_connections_of_their_own() {
    let fake = Fake::start(|door| {
        let mut jobs = door.jobs(TAG);
        jobs.store(id(1));
        let (mut calls, request) = door.first_call();
        calls.give(&request, b"called");
        jobs.store(id(2));
        let request = calls.call();
        calls.give(&request, b"again");
    });
    let options = options(&[&fake]);
    store(&options, JobOptions::default()).unwrap();
    assert_eq!(call(&options, "once").unwrap(), b"called");
    store(&options, JobOptions::default()).unwrap();
    assert_eq!(call(&options, "once").unwrap(), b"again");
    fake.finish();
}

#[test]
fn a_request_says_how_long_its_caller_waits() {
    let fake = Fake::start(|door| {
        let mut peer = door.jobs(TAG);
        let (header, _) = peer.request();
        assert!((1..=20_000).contains(&header.budget_ms), "{}", header.budget_ms);
        assert_eq!((header.flags, header.release_id, header.settings), (0, 0, 0));
        peer.answer(&header, &JobReply::Job(None));
    });
    assert_eq!(find(&options(&[&fake]), id(1)).unwrap(), None);
    fake.finish();
}

#[test]
fn a_job_whose_connection_breaks_is_not_sent_again() {
    let fake = Fake::start(|door| drop(door.jobs(TAG).request()));
    let error = store(&options(&[&fake]), JobOptions::default()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Lost { may_have_run: true }), "{error:?}");
    assert!(error.message.contains("idempotencyKey"), "{}", error.message);
    fake.finish();
}

#[test]
fn unless_it_has_an_idempotency_key() {
    let fake = Fake::start(|door| {
        let mut first = door.jobs(TAG);
        let (_, lost) = first.request();
        first.hang_up();
        let stored = door.jobs(TAG).store(id(7));
        assert_eq!(lost, JobRequest::Enqueue { jobs: vec![stored], batch: None });
    });
    assert_eq!(store(&options(&[&fake]), with_key("k")).unwrap(), id(7));
    fake.finish();
}

#[test]
fn a_ledger_that_is_slow_may_have_stored_the_job() {
    // Its connection has no number: what the supervisor is asked about it would be asked of no call.
    let fake = Fake::start(|door| {
        let mut peer = door.jobs(TAG);
        peer.request();
        peer.until_closed();
    });
    let short = Options { timeout: Some(Duration::from_millis(50)), ..options(&[&fake]) };
    let error = store(&short, JobOptions::default()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Timeout), "{error:?}");
    assert!(error.message.contains("may have been queued, or still be"), "{}", error.message);
    fake.finish();
}

#[test]
fn what_is_asked_is_asked_again_but_nothing_is_cancelled_twice() {
    let fake = Fake::start(|door| {
        drop(door.jobs(TAG).request());
        says_done(&mut door.jobs(TAG));
    });
    assert_eq!(find(&options(&[&fake]), id(1)).unwrap(), Some(JobState::Done));
    fake.finish();
    let fake = Fake::start(|door| drop(door.jobs(TAG).request()));
    let error = ask(&options(&[&fake]), &JobRequest::Cancel { id: id(1) }).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Lost { .. }), "{error:?}");
    fake.finish();
}

#[test]
fn a_job_without_a_key_goes_to_a_worker_that_is_there() {
    let fake = Fake::start(|door| {
        door.jobs(TAG).store(id(1));
    });
    let options = options_for(&format!("unix:/nonexistent/worker.sock,{}", fake.address()));
    assert_eq!(store(&options, JobOptions::default()).unwrap(), id(1));
    fake.finish();
}

#[test]
fn one_that_a_worker_cannot_take_now_goes_to_another() {
    let refuse = |door: &Door| {
        let mut peer = door.jobs(TAG);
        let (header, _) = peer.request();
        let reason = "the disk is full".to_owned();
        peer.answer(&header, &JobReply::Refused(JobRefusal::Unavailable { reason }));
    };
    // Which of the two is asked first is left to chance: each either refuses or stores.
    let (turns, turn) = mpsc::channel();
    let fakes = [0, 1].map(|_| {
        let turns = turns.clone();
        Fake::start(move |door| {
            let mut peer = door.jobs(TAG);
            let (header, _) = peer.request();
            let (answer, give) = mpsc::channel();
            turns.send(answer).unwrap();
            peer.answer(&header, &give.recv().unwrap());
        })
    });
    let arbiter = std::thread::spawn(move || {
        let unavailable = JobRefusal::Unavailable { reason: "the disk is full".to_owned() };
        turn.recv().unwrap().send(JobReply::Refused(unavailable)).unwrap();
        let jobs = vec![protocol::Accepted { id: id(3), existing: false }];
        turn.recv().unwrap().send(JobReply::Accepted { jobs, batch: None }).unwrap();
    });
    let both = options(&[&fakes[0], &fakes[1]]);
    assert_eq!(store(&both, JobOptions::default()).unwrap(), id(3));
    arbiter.join().unwrap();
    fakes.into_iter().for_each(Fake::finish);

    let fake = Fake::start(move |door| refuse(door));
    let reply = ask(
        &options(&[&fake]),
        &JobRequest::Enqueue { jobs: vec![job(JobOptions::default())], batch: None },
    );
    assert!(matches!(reply, Ok(JobReply::Refused(JobRefusal::Unavailable { .. }))), "{reply:?}");
    fake.finish();
}

#[test]
fn a_job_with_a_key_goes_to_its_worker_or_nowhere() {
    let fake = Fake::start(|door| {
        door.jobs(TAG).store(id(4));
    });
    let missing = "unix:/nonexistent/worker.sock".to_owned();
    let workers = [missing.clone(), fake.address()];
    let group = |worker| group_of(&workers, worker);
    let options = options_for(&workers.join(","));
    assert_eq!(store(&options, in_group(&group(1))).unwrap(), id(4));
    let error = store(&options, in_group(&group(0))).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Connect), "{error:?}");
    assert!(error.message.contains("no other was asked"), "{}", error.message);
    // Not even when it has failed just now.
    let error = store(&options, in_group(&group(0))).unwrap_err();
    assert!(error.message.contains(&missing), "{}", error.message);
    fake.finish();
}

#[test]
fn a_key_falls_among_the_workers_that_there_are_not_those_that_are_configured() {
    let elsewhere = Fake::start(|door| {
        door.jobs(2).store(id(5));
    });
    let members = vec![Member { address: elsewhere.address(), weight: 1 }];
    let fake = Fake::start(move |door| {
        let membership = Membership { epoch: 3, members };
        let (peer, _) = door.welcome(&Welcome { ledger: Some(1), membership, ..welcome() });
        peer.until_closed();
    });
    assert_eq!(store(&options(&[&fake]), in_group("any")).unwrap(), id(5));
    client::shut_down();
    elsewhere.finish();
    fake.finish();
}

#[test]
fn a_worker_that_keeps_no_jobs_says_so() {
    let fake = Fake::start(|door| drop(door.refuse(RefusedCode::NoJobStore)));
    let error = store(&options(&[&fake]), JobOptions::default()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoJobStore), "{error:?}");
    fake.finish();
}

#[test]
fn a_job_is_looked_for_where_its_id_says() {
    let other = Fake::start(|door| {
        let mut peer = door.jobs(1);
        peer.store(id(1));
        // Its tag is known by now, and another.
        peer.until_closed();
    });
    let its = Fake::start(|door| says_done(&mut door.jobs(TAG)));
    let workers = [other.address(), its.address()];
    let options = options(&[&other, &its]);
    store(&options, in_group(&group_of(&workers, 0))).unwrap();
    assert_eq!(find(&options, id(9)).unwrap(), Some(JobState::Done));
    client::shut_down();
    other.finish();
    its.finish();
}

#[test]
fn a_worker_that_comes_back_with_another_ledger_is_asked_again() {
    let (hung_up, is_hung_up) = mpsc::channel();
    let fake = Fake::start(move |door| {
        door.jobs(1).store(id(1));
        hung_up.send(()).unwrap();
        says_done(&mut door.jobs(TAG));
    });
    let options = options(&[&fake]);
    store(&options, JobOptions::default()).unwrap();
    is_hung_up.recv().unwrap();
    assert_eq!(find(&options, id(9)).unwrap(), Some(JobState::Done));
    fake.finish();
}

#[test]
fn a_job_is_unknown_when_every_worker_that_could_have_it_says_so() {
    // One does not have it, and one cannot have it.
    let fakes = [
        Fake::start(|door| says_no(&mut door.jobs(TAG))),
        Fake::start(|door| door.jobs(1).until_closed()),
    ];
    assert_eq!(find(&options(&[&fakes[0], &fakes[1]]), id(1)).unwrap(), None);
    client::shut_down();
    let addresses = fakes.map(|fake| {
        let address = fake.address();
        fake.finish();
        address
    });
    // Another may have it, but is not there.
    let fake = Fake::start(|door| says_no(&mut door.jobs(TAG)));
    let options = options_for(&format!("{},{}", fake.address(), addresses[1]));
    let error = find(&options, id(1)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Connect), "{error:?}");
    fake.finish();
}

#[test]
fn a_worker_that_answered_is_not_one_that_cannot_be_reached() {
    let fake = Fake::start(|door| {
        let mut peer = door.jobs(TAG);
        peer.store(id(1));
        let (header, _) = peer.request();
        peer.answer(&header, &JobReply::Job(None));
    });
    let missing = "unix:/nonexistent/worker.sock";
    let workers = [missing.to_owned(), fake.address()];
    let options = options_for(&workers.join(","));
    // Its tag is known by then: it is asked before the other.
    store(&options, in_group(&group_of(&workers, 1))).unwrap();
    let error = find(&options, id(9)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Connect), "{error:?}");
    assert!(error.message.starts_with("no worker that answered has it"), "{}", error.message);
    assert!(error.message.contains(missing), "{}", error.message);
    fake.finish();
}

#[test]
fn what_is_over_is_not_looked_for_elsewhere() {
    let fake = Fake::start(|door| {
        let mut peer = door.jobs(TAG);
        for _ in 0..2 {
            let (header, _) = peer.request();
            peer.answer(&header, &JobReply::Cancelled(Cancellation::Over));
        }
    });
    let options = options_for(&format!("unix:/nonexistent/worker.sock,{}", fake.address()));
    for request in [JobRequest::Cancel { id: id(1) }, JobRequest::CancelBatch { id: id(2) }] {
        let reply = ask(&options, &request).unwrap();
        assert_eq!(reply, JobReply::Cancelled(Cancellation::Over));
    }
    fake.finish();
}

#[test]
fn an_answer_of_a_call_is_none_to_a_request_about_jobs() {
    let fake = Fake::start(|door| {
        let mut peer = door.jobs(TAG);
        let (header, _) = peer.request();
        peer.reply(super::fake::answer_to(&header, Kind::Return), b"\xd2");
    });
    let error = find(&options(&[&fake]), id(1)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Protocol), "{error:?}");
    fake.finish();
}
