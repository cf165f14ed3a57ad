//! One value of every answer, with nothing left out.

use super::jobs;
use crate::admin::{
    Activated, AdminError, Answer, App, AuditEntry, CanaryShare, Change, Code, Pruned, Release,
    ReleaseState, Settings, Staged,
};
use crate::config::{Explained, Layer};
use protocol::{
    AppName, AppStatus, Attribute, Catalog, Class, ConnectionStats, Constant, ExecutorStatus,
    Function, FunctionStats, Isolation, Member, Membership, Param, PoolStatus, ReleaseId,
    Replacements, StatusReport,
};
use std::collections::BTreeMap;

fn shop() -> AppName {
    AppName::new("shop").unwrap()
}

pub(super) fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// With the schema that each has in the document.
pub(super) fn answers() -> Vec<(&'static str, Answer)> {
    vec![
        ("Status", Answer::Status(Box::new(status()))),
        ("App", Answer::App(app())),
        ("Catalog", Answer::Catalog(catalog())),
        ("Explanation", Answer::Explained(vec![explained()])),
        ("Staged", Answer::Staged(staged())),
        ("Activated", Answer::Activated(activated())),
        ("Pruned", Answer::Pruned(Pruned { removed: vec![1], bytes: 9 })),
        ("Settings", Answer::Settings(settings())),
        ("Done", Answer::Done {}),
        ("Queues", Answer::Queues(jobs::queues())),
        ("JobPage", Answer::Jobs(jobs::page())),
        ("JobDetail", Answer::Job(Box::new(jobs::detail()))),
        ("ChangedAll", Answer::ChangedAll(jobs::changed())),
        ("JobEvents", Answer::JobEvents(jobs::events())),
    ]
}

pub(super) fn error() -> AdminError {
    AdminError { changes: vec![change()], ..AdminError::new(Code::Breaking, "no") }
}

pub(super) fn audit() -> AuditEntry {
    AuditEntry {
        at_ms: 1,
        by: "uid 0 (root)".to_owned(),
        app: "shop".to_owned(),
        action: "stage".to_owned(),
        release: Some(8),
        result: "ok".to_owned(),
        detail: "2 files".to_owned(),
    }
}

pub(super) fn app() -> App {
    App {
        app: "shop".to_owned(),
        current: 8,
        previous: Some(7),
        canary: Some(CanaryShare { release: 9, percent: 2.5 }),
        settings_generation: 3,
        highest: 9,
        decided_at_ms: 1,
        removed: true,
        behind: some("release 9 is not here"),
        releases: vec![release()],
    }
}

pub(super) fn activated() -> Activated {
    Activated {
        number: 8,
        previous: Some(7),
        took_us: 9,
        changes: vec![change()],
        ended_canary: Some(CanaryShare { release: 9, percent: 2.5 }),
    }
}

pub(super) fn release() -> Release {
    Release {
        number: 8,
        id: "0000000000005eed".to_owned(),
        state: ReleaseState::Failed,
        reason: some("no memory"),
        signed_at_ms: 1,
        deployer: "ada@laptop".to_owned(),
        note: "faster".to_owned(),
        functions: 2,
        running: 0,
    }
}

pub(super) fn change() -> Change {
    Change { function: "greet".to_owned(), breaking: true, text: "greet(): removed".to_owned() }
}

fn staged() -> Staged {
    Staged {
        number: 8,
        id: "0000000000005eed".to_owned(),
        functions: vec!["greet(): string".to_owned()],
        files: 2,
        bytes: 100,
        preloaded_files: 1,
        warnings: vec!["b.php: not preloaded".to_owned()],
        provisioned: vec!["schema.sql: done".to_owned()],
        changes: vec![change()],
        took_ms: 12,
    }
}

fn explained() -> Explained {
    Explained {
        key: "timeout_ms".to_owned(),
        value: serde_json::json!(1500),
        layer: Layer::Function,
        place: some("#[Timeout] at a.php:3"),
        caller: some("a shorter one"),
    }
}

fn settings() -> Settings {
    let settings: BTreeMap<_, _> = [("feature".to_owned(), serde_json::json!(0.25))].into();
    Settings { generation: 3, set: settings.clone(), settings }
}

fn attribute() -> Attribute {
    Attribute { name: "A".to_owned(), arguments: vec![(None, "1".to_owned())] }
}

fn catalog() -> Catalog {
    let param = Param {
        name: "whom".to_owned(),
        ty: some("string"),
        optional: true,
        default: some("NAME"),
        by_ref: false,
        variadic: false,
        value: some("'x'"),
        attributes: vec![attribute()],
    };
    let function = Function {
        name: "greet".to_owned(),
        pool: "default".to_owned(),
        params: vec![param],
        returns: some("string"),
        timeout_ms: Some(9),
        affinity: some("whom"),
        idempotent: true,
        isolation: Isolation::Stateless,
        attributes: vec![attribute()],
        doc: some("/** */"),
        file: "a.php".to_owned(),
        line: 3,
        returns_by_ref: false,
        generator: false,
        classes: vec!["B".to_owned()],
        imports: vec![("B".to_owned(), "A\\B".to_owned())],
        job: protocol::JobOptions {
            queue: some("mail"),
            rate: Some(protocol::Rate { count: 1, period_ms: 2 }),
            ..protocol::JobOptions::default()
        },
        job_class: true,
        schedules: vec![protocol::Schedule {
            cron: "@daily".to_owned(),
            timezone: None,
            missed: protocol::Missed::Once,
        }],
        properties: vec![protocol::Property {
            name: "file".to_owned(),
            ty: Some("string".to_owned()),
            optional: true,
        }],
        cache: Some(protocol::CachePolicy {
            ttl_ms: 60_000,
            negative_ms: 5_000,
            tags: vec!["greeting:{whom}".to_owned()],
            vary: Some(vec![0]),
        }),
    };
    let class = Class {
        name: "B".to_owned(),
        is_final: true,
        is_abstract: false,
        instances: some("it has properties"),
        constructor: some("private"),
        constants: vec![Constant {
            name: "C".to_owned(),
            value: "1".to_owned(),
            is_final: true,
            doc: some("/** */"),
        }],
        attributes: vec![attribute()],
        doc: some("/** */"),
        imports: vec![("B".to_owned(), "A\\B".to_owned())],
        file: "b.php".to_owned(),
        line: 3,
    };
    Catalog {
        app: shop(),
        release: ReleaseId(0x5eed),
        functions: vec![function],
        classes: vec![class],
    }
}

pub(super) fn status() -> StatusReport {
    let executor = ExecutorStatus {
        pid: 4_001,
        state: "running".to_owned(),
        calls: 12,
        rss_bytes: 5 << 20,
        function: some("greet"),
        running_us: 1_500,
    };
    let pool = PoolStatus {
        pool: "default".to_owned(),
        isolation: Isolation::Stateless,
        executors_min: 1,
        executors_max: 4,
        connections: 1,
        died: 0,
        recycled: 0,
        replacements: Replacements::default(),
        executors: vec![executor],
    };
    let member = Member { address: "unix:/worker.sock".to_owned(), weight: 1 };
    StatusReport {
        version: "0.0.0".to_owned(),
        pid: 4_000,
        uptime_ms: 60_000,
        rss_bytes: 2 << 20,
        listeners: vec!["unix:/worker.sock".to_owned()],
        membership: Membership { epoch: 1, members: vec![member] },
        connections: ConnectionStats {
            open: 1,
            max: 10,
            accepted: 2,
            refused: 3,
            unread: 4,
            unread_bytes: 5 * 1024 * 1024,
        },
        jobs: jobs::status(),
        apps: vec![AppStatus {
            app: shop(),
            release: ReleaseId(0x5eed),
            state: "running".to_owned(),
            root: "/srv/shop".to_owned(),
            prototype_pid: 4_002,
            pools: vec![pool],
            functions: vec![FunctionStats {
                function: "greet".to_owned(),
                calls: 12,
                errors: 1,
                total_us: 99,
                histogram: vec![0, 11, 1],
            }],
            warnings: vec!["lib.php: not preloaded".to_owned()],
        }],
    }
}
