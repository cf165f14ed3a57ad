//! Attempts at jobs: what they know of themselves, what they are called with, what they say meanwhile.

use crate::support::{Answer, Client, FakeExecutor, FakeSupervisor, boot, boot_at};
use protocol::{
    Backoff, CallHead, FLAG_JOB, FLAG_JSON, Failure, Header, Isolation, JOBS_POOL, JobContext,
    JobId, JobOptions, Kind, Missed, PoolBoot, Progress, Property, Rate, Schedule, body_from_slice,
};
use serde_json::{Value, json};

/// The index of the pool that [`start`] adds.
const JOBS: u16 = 2;

fn start() -> FakeSupervisor {
    let mut boot = boot("jobs");
    let name = JOBS_POOL.to_owned();
    boot.pools.push(PoolBoot {
        name,
        isolation: Isolation::Stateless,
        max_calls: 0,
        timeout_ms: 0,
    });
    FakeSupervisor::start_with_extension(boot).unwrap()
}

fn job_pool(supervisor: &mut FakeSupervisor) -> (Client, FakeExecutor) {
    let client = supervisor.connect(JOBS);
    let executor = supervisor.fork(JOBS, 0);
    executor.offer(&client);
    (client, executor)
}

fn job(input: Option<&[u8]>) -> JobContext {
    JobContext {
        id: JobId::new(0x0193_2c07_209c, 0xa4f, 5, 6),
        attempt: 2,
        failures: 1,
        crashes: 0,
        idempotency_key: Some("once".to_owned()),
        batch: None,
        input: input.map(<[u8]>::to_vec),
    }
}

/// Sends an attempt at a job.
fn send(client: &mut Client, flags: u8, job: &JobContext, function: &str, encoded: &[u8]) {
    let mut body = Vec::new();
    job.put(&mut body);
    CallHead { function }.put(&mut body);
    body.extend_from_slice(encoded);
    send_body(client, flags, &body);
}

fn send_body(client: &mut Client, flags: u8, body: &[u8]) {
    let mut header = Header::new(Kind::Call, 77);
    header.flags = FLAG_JOB | flags;
    header.length = u32::try_from(body.len()).unwrap();
    client.send_bytes(&[&header.to_bytes()[..], body].concat());
}

fn attempt(client: &mut Client, function: &str, arguments: Value) -> (Vec<Progress>, Answer) {
    send(client, FLAG_JSON, &job(None), function, arguments.to_string().as_bytes());
    reports_and_answer(client)
}

/// What came before the answer, and the answer, whose value is JSON.
fn reports_and_answer(client: &mut Client) -> (Vec<Progress>, Answer) {
    let mut reports = Vec::new();
    loop {
        let (header, body) = client.receive_frame().expect("an answer");
        assert_eq!(header.request_id, 77);
        match header.kind {
            Kind::Progress => reports.push(body_from_slice("progress", &body).unwrap()),
            Kind::Return => {
                return (reports, Answer::Value(serde_json::from_slice(&body).unwrap()));
            }
            _ => return (reports, Answer::Failure(body_from_slice("failure", &body).unwrap())),
        }
    }
}

/// A call's answer in the value codec, as the only argument of another.
fn as_argument(client: &mut Client, function: &str, encoded: &[u8]) -> Vec<u8> {
    client.send_frame(Header::new(Kind::Call, 1), function, encoded);
    let (header, value) = client.receive_frame().unwrap();
    assert_eq!(header.kind, Kind::Return);
    [b"\x01", &value[..], b"\x00"].concat()
}

/// Runs a job whose arguments are in the value codec; its answer as it is.
fn run(client: &mut Client, job: &JobContext, function: &str, encoded: &[u8]) -> (Kind, Vec<u8>) {
    send(client, 0, job, function, encoded);
    let (header, body) = client.receive_frame().unwrap();
    (header.kind, body)
}

fn failure((kind, body): (Kind, Vec<u8>)) -> Failure {
    assert_eq!(kind, Kind::Failure);
    body_from_slice("failure", &body).unwrap()
}

#[test]
fn a_job_knows_what_it_is_and_a_call_is_none() {
    let mut supervisor = start();
    let (mut client, _executor) = job_pool(&mut supervisor);
    let (reports, answer) = attempt(&mut client, "Jobs\\seen", json!([1]));
    let current = json!({
        "id": "01932c07-209c-7a4f-8001-400000000006".to_owned(),
        "attempt": 2,
        "idempotencyKey": "once",
        "batch": null,
    });
    let Answer::Value(Value::Array(seen)) = answer else { panic!("{answer:?}") };
    assert_eq!((reports.len(), &seen[0]), (0, &json!([1])));
    assert_eq!(seen[1]["attempt"], current["attempt"]);
    assert_eq!(seen[1]["id"].as_str().unwrap().parse(), Ok(job(None).id));
    assert_eq!(seen[1]["idempotencyKey"], current["idempotencyKey"]);

    let mut caller = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&caller);
    send(&mut caller, FLAG_JSON, &job(None), "Jobs\\seen", b"[]");
    assert!(
        matches!(reports_and_answer(&mut caller).1, Answer::Value(seen) if seen[1].is_object())
    );
    assert_eq!(caller.call("Jobs\\seen", json!([])), Answer::Value(json!([[], null])));
}

#[test]
fn what_the_job_before_returned_comes_before_the_arguments() {
    let mut supervisor = start();
    let (mut client, _executor) = job_pool(&mut supervisor);
    let with_input = job(Some(b"\x85first"));
    let (kind, body) = run(&mut client, &with_input, "Jobs\\seen", b"\x01\x86second\x00");
    assert_eq!(kind, Kind::Return);
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(text.find("first").unwrap() < text.find("second").unwrap(), "{text}");
    let broken = job(Some(b"\x85fir"));
    let Failure::BadArguments { path, .. } =
        failure(run(&mut client, &broken, "Jobs\\seen", b"\x00\x00"))
    else {
        panic!("half a string was decoded")
    };
    assert_eq!(path, "what the job before returned");
}

#[test]
fn an_object_of_a_job_class_is_run() {
    let mut supervisor = start();
    let (mut client, _executor) = job_pool(&mut supervisor);
    let mut caller = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&caller);
    let object = as_argument(&mut caller, "Jobs\\resize", b"\x01\x85a.jpg\x00");

    let (kind, body) = run(&mut client, &job(None), "Jobs\\Resize::run", &object);
    assert_eq!((kind, &body[1..]), (Kind::Return, &b"a.jpg after null, attempt 2"[..]));
    let (kind, body) = run(&mut client, &job(Some(b"\x81x")), "Jobs\\Resize::run", &object);
    assert_eq!((kind, &body[1..]), (Kind::Return, &b"a.jpg after \"x\", attempt 2"[..]));

    let Failure::BadArguments { reason, .. } =
        failure(run(&mut client, &job(None), "Jobs\\Fails::run", &object))
    else {
        panic!("an object ran a method of another class")
    };
    assert!(reason.contains("not of the class jobs\\fails"), "{reason}");
    let Failure::BadArguments { reason, .. } =
        failure(run(&mut client, &job(None), "Jobs\\Resize::run", b"\x01\x81x\x00"))
    else {
        panic!("a string was run")
    };
    assert!(reason.contains("its object"), "{reason}");

    let object = as_argument(&mut caller, "Jobs\\fails", b"\x00\x00");
    let Failure::Thrown(chain) = failure(run(&mut client, &job(None), "Jobs\\Fails::run", &object))
    else {
        panic!("it did not throw")
    };
    assert_eq!(chain[0].message, b"never works");
    // Nobody but a job runs it.
    caller.send_frame(Header::new(Kind::Call, 1), "Jobs\\Fails::run", &object);
    let Answer::Failure(Failure::NotCallable { reason, .. }) = caller.receive() else {
        panic!("a job was called")
    };
    assert!(reason.contains("appserver_queue()"), "{reason}");
}

#[test]
fn every_report_of_a_job_that_speaks_seldom_leaves_at_once() {
    let mut supervisor = start();
    let (mut client, _executor) = job_pool(&mut supervisor);
    let (reports, answer) = attempt(&mut client, "Jobs\\counts", json!([3]));
    let expected: Vec<Progress> =
        (1..=3).map(|done| Progress { done, total: 3, message: format!("step {done}") }).collect();
    assert_eq!((reports, answer), (expected, Answer::Value(json!("counted"))));
}

#[test]
fn one_that_speaks_too_fast_is_slowed_down_and_its_last_word_is_heard() {
    let mut supervisor = start();
    let (mut client, _executor) = job_pool(&mut supervisor);
    let (reports, answer) = attempt(&mut client, "Jobs\\counts", json!([5000]));
    assert_eq!(answer, Answer::Value(json!("counted")));
    assert!((2..1000).contains(&reports.len()), "{} reports", reports.len());
    assert!(reports.is_sorted_by_key(|report| report.done));
    assert_eq!(reports.last().map(|report| report.done), Some(5000));

    let (reports, answer) = attempt(&mut client, "Jobs\\exits", json!([]));
    assert!(matches!(answer, Answer::Failure(Failure::Fatal { .. })), "{answer:?}");
    assert_eq!(reports.last().map(|report| report.done), Some(100));
}

#[test]
fn a_call_makes_no_reports_and_neither_does_a_forked_child() {
    let mut supervisor = start();
    let (mut client, _executor) = job_pool(&mut supervisor);
    let (reports, answer) = attempt(&mut client, "Jobs\\forks", json!([]));
    assert_eq!(answer, Answer::Value(json!(true)));
    assert_eq!(reports.iter().map(|report| report.done).collect::<Vec<_>>(), [1]);
    let mut caller = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&caller);
    assert_eq!(caller.call("Jobs\\counts", json!([3])), Answer::Value(json!("counted")));
}

#[test]
fn the_pool_of_jobs_runs_functions_of_others_for_jobs_alone() {
    let mut supervisor = start();
    let (mut client, _executor) = job_pool(&mut supervisor);
    let elsewhere = Failure::WrongPool { pool: "default".to_owned() };
    assert_eq!(client.call("Jobs\\counts", json!([1])), Answer::Failure(elsewhere));
    send_body(&mut client, 0, b"\x10\0\0\0half");
    let Answer::Failure(Failure::Protocol { reason }) = client.receive() else {
        panic!("half a job was taken")
    };
    assert!(reason.contains("job of a call"), "{reason}");
    assert_eq!(client.receive(), Answer::HungUp);
}

#[test]
fn the_catalog_knows_jobs() {
    let supervisor = start();
    let function = |name: &str| supervisor.catalog.find(name).map(|(_, function)| function);
    let resize = function("Jobs\\Resize::run").unwrap();
    assert!(resize.job_class);
    let backoff = Backoff::Exponential { base_ms: 2_000, max_ms: 60_000, jitter_percent: 25 };
    let expected = JobOptions {
        queue: Some("images".to_owned()),
        attempts: Some(5),
        backoff: Some(backoff),
        ..JobOptions::default()
    };
    assert_eq!(resize.job, expected);
    let property = |name: &str, ty: Option<&str>, optional| Property {
        name: name.to_owned(),
        ty: ty.map(str::to_owned),
        optional,
    };
    assert_eq!(resize.properties, [property("file", Some("string"), false)]);
    let stored = [
        property("Jobs\\Base::secret", Some("?int"), true),
        property("at", Some("?DateTimeImmutable"), false),
        property("loose", None, true),
        property("secret", Some("string"), true),
        property("shared", Some("int"), true),
    ];
    assert_eq!(function("Jobs\\Stored::run").unwrap().properties, stored);
    assert_eq!(function("Jobs\\StoresItself::run").unwrap().properties, []);
    let counts = function("Jobs\\counts").unwrap();
    let expected = JobOptions {
        backoff: Some(Backoff::List(vec![1_000, 2_500])),
        timeout_ms: Some(500),
        concurrency: Some(2),
        rate: Some(Rate { count: 100, period_ms: 60_000 }),
        ..JobOptions::default()
    };
    assert_eq!((&counts.job, counts.job_class), (&expected, false));
    let schedule = |cron: &str, timezone: Option<&str>, missed| Schedule {
        cron: cron.to_owned(),
        timezone: timezone.map(str::to_owned),
        missed,
    };
    assert_eq!(
        function("Jobs\\tidies").unwrap().schedules,
        [
            schedule("*/5 * * * *", Some("Europe/Berlin"), Missed::Skip),
            schedule("@hourly", None, Missed::Once),
        ]
    );
    assert!(function("Jobs\\Hidden::run").is_none() && function("Jobs\\Base::run").is_none());
    assert!(supervisor.catalog.classes.is_empty(), "{:?}", supervisor.catalog.classes);
}

#[test]
fn job_classes_need_no_export_and_may_be_in_files_that_entry_files_load() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    let job = "<?php\nfinal class Later extends AppServer\\Job { public function run() {} }\n";
    std::fs::write(folder.path().join("src/Later.php"), job).unwrap();
    let entry = "<?php\nrequire_once __DIR__ . '/src/Later.php';\nfunction a() {}\n";
    std::fs::write(folder.path().join("a.php"), entry).unwrap();
    let mut boot = boot_at(folder.path());
    boot.export = vec!["b*".to_owned()];
    let supervisor = FakeSupervisor::start_with_extension(boot).unwrap();
    let [later] = &supervisor.catalog.functions[..] else {
        panic!("{:?}", supervisor.catalog.functions)
    };
    assert_eq!((later.name.as_str(), later.file.as_str()), ("Later::run", "src/Later.php"));
}

#[test]
fn nonsense_about_jobs_is_told_with_its_place() {
    for (code, says) in [
        ("#[AppServer\\Queued(attempts: 0)] function a() {}", "($attempts) must be from 1"),
        ("#[AppServer\\Queued(rate: 'often')] function a() {}", "as in '100/60s'"),
        ("#[AppServer\\Queued(nothing: 1)] function a() {}", "$nothing"),
        ("#[AppServer\\Schedule('every day')] function a() {}", "\"every day\" is no schedule"),
        ("#[AppServer\\Schedule('@daily', 'Europe/Berln')] function a() {}", "is no time zone"),
        ("#[AppServer\\Schedule('@daily')] function a($b) {}", "without arguments"),
        (
            "class A extends AppServer\\Job { #[AppServer\\Schedule('@daily')] function run() {} }",
            "a job class has no schedule",
        ),
        (
            "#[AppServer\\Queued] class A extends AppServer\\Job { #[AppServer\\Queued] function run() {} }",
            "one is enough",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.php"), format!("<?php\n{code}\n")).unwrap();
        let started = FakeSupervisor::start_with_extension(boot_at(folder.path()));
        let Err(message) = started else { panic!("{code}") };
        assert!(message.contains("a.php:2: ") && message.contains(says), "{code}: {message}");
    }
}
