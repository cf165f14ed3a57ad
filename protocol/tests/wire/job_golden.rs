//! The bytes of messages about jobs, written out; as `golden.rs`.

use crate::golden::assert_body;
use protocol::*;

fn id() -> JobId {
    JobId::new(0x0193_2c07_209c, 0xabc, 5, 6)
}

#[test]
fn requests() {
    let options = JobOptions {
        queue: Some("q".into()),
        delay_ms: Some(300),
        run_at_ms: Some(1),
        priority: Some(-1),
        attempts: Some(2),
        crash_attempts: Some(3),
        backoff: Some(Backoff::Exponential { base_ms: 1, max_ms: 2, jitter_percent: 50 }),
        timeout_ms: Some(4),
        expires_ms: Some(5),
        unique: Some(Unique { key: "u".into(), mode: UniqueMode::OnceMore, window_ms: 6 }),
        group: Some("g".into()),
        limit: Some(Box::new(KeyLimit {
            key: "l".into(),
            concurrency: Some(7),
            rate: Some(Rate { count: 8, period_ms: 9 }),
        })),
        concurrency: Some(10),
        rate: None,
        tags: vec!["t".into()],
        idempotency_key: Some("i".into()),
        keep_ms: Some(11),
    };
    let then = NewJob { function: "n".into(), ..NewJob::default() };
    let job = NewJob {
        function: "f".into(),
        arguments: b"\x01\xd2\x00".to_vec(),
        options,
        then: vec![then.clone()],
        batch: Some(id()),
    };
    let batch = NewBatch {
        name: "b".into(),
        then: Some(then),
        catch: None,
        finally: None,
        allow_failures: true,
    };
    let enqueue = JobRequest::Enqueue { jobs: vec![job], batch: Some(Box::new(batch)) };
    assert_body(
        &enqueue,
        "00 01
         0166 0301d200
         010171 01ac02 0101 01ff 0102 0103 0102010232 0104 0105 0101750506 010167 01016c0107010809
         010a 00 010174 010169 010b
         01 016e 00 0000000000000000000000000000000000
         01 01932c07209c7abc8000050000000006
         01 0162 01 016e 00 0000000000000000000000000000000000 00 00 00 00 01",
    );
    let named = "01932c07209c7abc8000050000000006";
    assert_body(&JobRequest::Find { id: id() }, &format!("01{named}"));
    assert_body(&JobRequest::Await { id: id(), wait_ms: 300 }, &format!("02{named}ac02"));
    assert_body(&JobRequest::Cancel { id: id() }, &format!("03{named}"));
    assert_body(&JobRequest::Batch { id: id() }, &format!("04{named}"));
    assert_body(&JobRequest::AwaitBatch { id: id(), wait_ms: 1 }, &format!("05{named}01"));
    assert_body(&JobRequest::CancelBatch { id: id() }, &format!("06{named}"));
}

#[test]
fn replies() {
    let named = "01932c07209c7abc8000050000000006";
    let accepted = Accepted { id: id(), existing: true };
    let reply = JobReply::Accepted { jobs: vec![accepted], batch: Some(id()) };
    assert_body(&reply, &format!("00 01 {named} 01 01 {named}"));
    let text = || "t".to_owned();
    let refusals = [
        (JobRefusal::UnknownFunction { function: text(), near: vec![text()] }, "00 0174 01 0174"),
        (JobRefusal::NotCallable { function: text(), reason: text() }, "01 0174 0174"),
        (JobRefusal::BadOption { option: text(), reason: text() }, "02 0174 0174"),
        (JobRefusal::QueueFull { queue: text(), setting: text(), limit: 1 }, "03 0174 0174 01"),
        (JobRefusal::Duplicate { id: id(), key: text() }, &format!("04 {named} 0174")),
        (JobRefusal::Unavailable { reason: text() }, "05 0174"),
        (JobRefusal::UnknownBatch { id: id() }, &format!("06 {named}")),
    ];
    for (refusal, expected) in refusals {
        assert_body(&JobReply::Refused(refusal), &format!("01 {expected}"));
    }
    assert_body(&JobReply::Job(None), "02 00");
    assert_body(&JobReply::Batch(None), "03 00");
    for (cancellation, expected) in [
        (Cancellation::Unknown, "04 00"),
        (Cancellation::Done, "04 01"),
        (Cancellation::Over, "04 02"),
    ] {
        assert_body(&JobReply::Cancelled(cancellation), expected);
    }
}

#[test]
fn reports() {
    let named = "01932c07209c7abc8000050000000006";
    let app = AppName::new("shop").expect("a valid name");
    let attempt = Attempt {
        number: 1,
        began_ms: 2,
        took_ms: 3,
        outcome: Outcome::TimedOut,
        error: "e".into(),
    };
    let report = JobReport {
        id: id(),
        app: app.clone(),
        function: "f".into(),
        queue: "q".into(),
        state: JobState::Done,
        priority: -1,
        made_ms: 1,
        due_ms: 2,
        attempt: 3,
        failures: 4,
        crashes: 5,
        attempts_max: 6,
        group: Some("g".into()),
        tags: vec!["t".into()],
        idempotency_key: Some("i".into()),
        batch: Some(id()),
        attempts: vec![attempt],
        progress: Some(Progress { done: 7, total: 300, message: "m".into() }),
        result: Some(b"\xd2".to_vec()),
        waits_for: "w".into(),
        next: Some(id()),
    };
    assert_body(
        &JobReply::Job(Some(Box::new(report))),
        &format!(
            "02 01 {named} 0473686f70 0166 0171 02 ff 01 02 03 04 05 06 010167 010174 010169 01{named}
             01 01 02 03 02 0165 01 07 ac02 016d 01 01d2 0177 01{named}"
        ),
    );
    let batch = BatchReport {
        id: id(),
        app,
        name: "b".into(),
        made_ms: 1,
        total: 2,
        done: 3,
        failed: 4,
        cancelled: 5,
        followed: Followed { then: None, catch: Some(id()), finally: None },
    };
    let expected = format!("03 01 {named} 0473686f70 0162 01 02 03 04 05 00 01{named} 00");
    assert_body(&JobReply::Batch(Some(batch)), &expected);
}

#[test]
fn the_job_of_a_call() {
    let context = JobContext {
        id: id(),
        attempt: 2,
        failures: 3,
        crashes: 4,
        idempotency_key: Some("i".into()),
        batch: None,
        input: Some(b"\xd2".to_vec()),
    };
    assert_body(&context, "01932c07209c7abc8000050000000006 02 03 04 010169 00 0101d2");
    let mut body = Vec::new();
    context.put(&mut body);
    assert_eq!(body[..4], [26, 0, 0, 0]);
}
