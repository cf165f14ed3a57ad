//! Answers about jobs, with nothing left out.

use super::samples::some;
use crate::admin::{
    BatchStatus, ChangedAll, Job, JobDetail, JobEvent, JobEventKind, JobEvents, JobPage, Queue,
    Queues,
};
use protocol::{
    AppName, Attempt, JobState, JobTotals, JobsStatus, LedgerStatus, Outcome, Progress, QueueStatus,
};

const ID: &str = "01932c07-209c-7a4f-bfff-ff0000000001";

fn totals() -> JobTotals {
    JobTotals { made: 6, done: 5, failed: 4, crashed: 3, dead: 2, cancelled: 1 }
}

fn ledger() -> LedgerStatus {
    let commits = vec![0, 7, 1];
    LedgerStatus { live_bytes: 1, file_bytes: 2, log_bytes: 3, commits_us: 99, commits }
}

pub(super) fn status() -> JobsStatus {
    let queue = QueueStatus {
        app: AppName::new("shop").unwrap(),
        queue: "mails".to_owned(),
        paused: true,
        draining: false,
        waiting: 12,
        running: 2,
    };
    let (refused, queues) = (some("the disk is full"), vec![queue]);
    JobsStatus { refused, totals: totals(), bytes: 4096, ledger: ledger(), queues, awaiting: 3 }
}

pub(super) fn queues() -> Queues {
    let queue = Queue {
        app: "shop".to_owned(),
        queue: "mails".to_owned(),
        paused: true,
        draining: false,
        waiting: 12,
        running: 2,
        oldest_ms: Some(1500),
        concurrency: Some(4),
        rate: some("100/min"),
    };
    let (refused, queues) = (some("the disk is full"), vec![queue]);
    Queues { refused, totals: totals(), bytes: 4096, ledger: ledger(), queues }
}

pub(super) fn job() -> Job {
    Job {
        id: ID.to_owned(),
        app: "shop".to_owned(),
        function: "send_receipt".to_owned(),
        queue: "mails".to_owned(),
        state: JobState::Dead,
        priority: -1,
        made_at_ms: 1,
        due_at_ms: 2,
        ended_at_ms: Some(3),
        attempt: 3,
        failures: 2,
        crashes: 1,
        group: some("ada"),
        tags: vec!["eu".to_owned()],
        batch: some(ID),
        cause: "attempts used up".to_owned(),
    }
}

pub(super) fn page() -> JobPage {
    JobPage { jobs: vec![job()], before: Some(7) }
}

pub(super) fn detail() -> JobDetail {
    let error = "RuntimeException: no".to_owned();
    let outcome = Outcome::Failed;
    JobDetail {
        job: job(),
        attempts_max: 3,
        crashes_max: 3,
        timeout_ms: Some(1000),
        expires_at_ms: Some(9),
        idempotency_key: some("order-1"),
        unique_key: some("ada"),
        argument_bytes: 12,
        attempts: vec![Attempt { number: 1, began_ms: 1, took_ms: 2, outcome, error }],
        progress: Some(Progress { done: 1, total: 3, message: "resizing".to_owned() }),
        result_bytes: Some(4),
        waits_for: "its queue is paused".to_owned(),
        next: some(ID),
        batch_status: Some(BatchStatus {
            name: "import".to_owned(),
            total: 4,
            done: 1,
            failed: 1,
            cancelled: 0,
            then: some(ID),
            catch: some(ID),
            finally: some(ID),
        }),
    }
}

pub(super) fn changed() -> ChangedAll {
    ChangedAll { jobs: 1, first: vec![job()], before: Some(7) }
}

pub(super) fn events() -> JobEvents {
    let event = JobEvent {
        at_ms: 1,
        id: ID.to_owned(),
        app: "shop".to_owned(),
        queue: "mails".to_owned(),
        function: "send_receipt".to_owned(),
        what: JobEventKind::TimedOut,
        attempt: 1,
        text: "it took more than 5 ms".to_owned(),
    };
    JobEvents { events: vec![event], after: 8, missed: 2 }
}
