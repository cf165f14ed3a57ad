//! Bodies of control messages. The first byte of an input chooses the message.

use crate::target::Verdict;
use protocol::{
    AppName, Attempt, Backoff, Catalog, Class, ClientInfo, Constant, ControlReply, ExitCause,
    Failure, Function, Hello, Isolation, JobContext, JobId, JobOptions, JobRefusal, JobReply,
    JobReport, JobRequest, JobState, KeyLimit, Limits, Member, Membership, NewBatch, NewJob,
    Outcome, Param, Progress, Purpose, Rate, Refused, RefusedCode, ReleaseId, Routing,
    StatusReport, Thrown, TraceFrame, Unique, UniqueMode, Welcome, body_from_slice, body_to_vec,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        seed(0, &hello()),
        seed(1, &welcome()),
        seed(2, &refused()),
        seed(3, &thrown()),
        seed(3, &died()),
        seed(4, &ControlReply::Catalog(catalog())),
        seed(4, &ControlReply::Status(Box::new(status()))),
        seed(5, &enqueue()),
        seed(6, &JobReply::Job(Some(Box::new(report())))),
        seed(6, &JobReply::Refused(JobRefusal::Duplicate { id: job_id(), key: "k".into() })),
        seed(7, &context()),
    ]
}

pub(crate) fn run(input: &[u8]) -> Verdict {
    let Some((choice, body)) = input.split_first() else {
        return Verdict::Refused;
    };
    match choice % 8 {
        0 => check::<Hello>(body),
        1 => check::<Welcome>(body),
        2 => check::<Refused>(body),
        3 => check::<Failure>(body),
        4 => check::<ControlReply>(body),
        5 => check::<JobRequest>(body),
        6 => check::<JobReply>(body),
        _ => check::<JobContext>(body),
    }
}

/// What was decoded must encode again, and that must decode to the same.
fn check<T: Serialize + DeserializeOwned + PartialEq>(body: &[u8]) -> Verdict {
    let decoded = body_from_slice::<T>("message", body);
    if let Ok(message) = &decoded {
        let again = body_from_slice::<T>("message", &body_to_vec(message));
        assert!(again.as_ref() == Ok(message), "a message changes on its way");
    }
    Verdict::of(&decoded)
}

fn seed<T: Serialize>(choice: u8, message: &T) -> Vec<u8> {
    let mut bytes = vec![choice];
    bytes.extend(body_to_vec(message));
    bytes
}

fn app() -> AppName {
    AppName::new("shop").expect("a valid name")
}

pub(crate) fn hello() -> Hello {
    Hello {
        purpose: Purpose::Calls { app: app(), pool: "default".into(), release: ReleaseId::ANY },
        client: ClientInfo { pid: 4711, sapi: "fpm-fcgi".into(), version: "0.1.0".into() },
        catalog_hash: u64::MAX,
        token: Some("secret".into()),
    }
}

fn job_id() -> JobId {
    JobId::new(0x0193_2c07_209c, 0xabc, 5, 6)
}

fn enqueue() -> JobRequest {
    let options = JobOptions {
        queue: Some("mail".into()),
        backoff: Some(Backoff::List(vec![1, 10])),
        unique: Some(Unique { key: "k".into(), mode: UniqueMode::Debounce, window_ms: 5 }),
        limit: Some(Box::new(KeyLimit {
            key: "l".into(),
            concurrency: Some(2),
            rate: Some(Rate { count: 1, period_ms: 1000 }),
        })),
        tags: vec!["t".into()],
        ..JobOptions::default()
    };
    let job = NewJob {
        function: "send".into(),
        arguments: b"\x01\xd2\x00".to_vec(),
        options,
        then: vec![NewJob { function: "next".into(), ..NewJob::default() }],
        batch: Some(job_id()),
    };
    let batch = NewBatch { name: "b".into(), then: Some(job.clone()), ..NewBatch::default() };
    JobRequest::Enqueue { jobs: vec![job], batch: Some(Box::new(batch)) }
}

fn report() -> JobReport {
    JobReport {
        id: job_id(),
        app: app(),
        function: "send".into(),
        queue: "mail".into(),
        state: JobState::Dead,
        priority: -1,
        made_ms: 1,
        due_ms: 2,
        attempt: 3,
        failures: 2,
        crashes: 1,
        attempts_max: 3,
        group: Some("g".into()),
        tags: vec!["t".into()],
        idempotency_key: None,
        batch: None,
        attempts: vec![Attempt {
            number: 1,
            began_ms: 3,
            took_ms: 4,
            outcome: Outcome::Failed,
            error: "e".into(),
        }],
        progress: Some(Progress { done: 1, total: 2, message: "m".into() }),
        result: Some(b"\xd2".to_vec()),
        waits_for: String::new(),
        next: None,
    }
}

fn context() -> JobContext {
    JobContext {
        id: job_id(),
        attempt: 2,
        failures: 1,
        crashes: 0,
        idempotency_key: Some("k".into()),
        batch: Some(job_id()),
        input: Some(b"\xd2".to_vec()),
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: "0.1.0".into(),
        connection: 1 << 32,
        app: app(),
        pool: "default".into(),
        release: ReleaseId(9),
        routing: Routing::default(),
        catalog_hash: 7,
        catalog: Some(catalog()),
        membership: membership(),
        limits: Limits { frame_bytes_max: 1 << 26, value_depth_max: 512 },
        executors_max: 4,
        busy_poll_us: 50,
        board: Some(protocol::BoardAt { path: "/run/appserver/board".into(), generation: 3 }),
        ledger: Some(5),
    }
}

fn membership() -> Membership {
    let member = Member { address: "tls:10.0.0.1:25887".into(), weight: 1 };
    Membership { epoch: 3, members: vec![member.clone(), member] }
}

fn catalog() -> Catalog {
    let param = Param {
        name: "sku".into(),
        ty: Some("string".into()),
        optional: true,
        default: Some("''".into()),
        by_ref: false,
        variadic: false,
        value: None,
        attributes: vec![],
    };
    let function = Function {
        name: "quote".into(),
        pool: "default".into(),
        params: vec![param.clone(), param],
        returns: Some("?int".into()),
        timeout_ms: Some(1000),
        affinity: Some("sku".into()),
        idempotent: true,
        isolation: Isolation::Stateless,
        attributes: vec![],
        doc: Some("/** A quote. */".into()),
        file: "shop.php".into(),
        line: 12,
        classes: vec!["Shop\\Size".into()],
        imports: vec![("Size".into(), "Shop\\Size".into())],
        cache: Some(protocol::CachePolicy {
            ttl_ms: 60_000,
            negative_ms: 5_000,
            tags: vec!["quote:{sku}".into()],
            vary: Some(vec![0]),
        }),
        ..Function::default()
    };
    let constant = Constant { name: "MANY".into(), value: "12".into(), is_final: true, doc: None };
    let class = Class { name: "Shop\\Cart".into(), constants: vec![constant], ..Class::default() };
    let functions = vec![function.clone(), function];
    Catalog { app: app(), release: ReleaseId(9), functions, classes: vec![class] }
}

fn refused() -> Refused {
    let near = vec!["shop".into(), "shop2".into()];
    Refused { code: RefusedCode::UnknownApp, message: "no application \"shp\"".into(), near }
}

fn thrown() -> Failure {
    let frame = TraceFrame {
        file: Some("/app/shop.php".into()),
        line: Some(4),
        class: Some("Cart".into()),
        arrow: Some("->".into()),
        function: "total".into(),
    };
    let thrown = Thrown {
        class: "RuntimeException".into(),
        message: b"out of stock".to_vec(),
        code: -1,
        file: "/app/shop.php".into(),
        line: 5,
        trace: vec![frame.clone(), frame],
        properties: vec![1, 2, 3],
    };
    Failure::Thrown(vec![thrown.clone(), thrown])
}

fn died() -> Failure {
    Failure::Died { cause: ExitCause::Signal(11), function: "f".into(), hint: String::new() }
}

fn status() -> StatusReport {
    StatusReport {
        version: "0.1.0".into(),
        pid: 1,
        uptime_ms: 1 << 40,
        rss_bytes: 1 << 24,
        listeners: vec!["unix:/run/appserver.sock".into()],
        membership: membership(),
        connections: protocol::ConnectionStats::default(),
        apps: vec![],
        jobs: protocol::JobsStatus::default(),
    }
}
