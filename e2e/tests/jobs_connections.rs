//! Connections for jobs: many that are idle, peers that misspeak, and callers from afar.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{
    Header, JobOptions, JobRefusal, JobReply, JobRequest, Kind, NewJob, body_to_vec, control_frame,
};

const FUNCTIONS: &str = r#"<?php
function one(): int { return 1; }
function add(int $a, int $b): int { return $a + $b; }
function large(): string { return str_repeat('x', 300_000); }
"#;

fn worker(config: &str) -> Sidecar {
    Sidecar::builder().file("functions.php", FUNCTIONS).config(config).start()
}

fn queues(wire: &mut JobsWire) -> JobReply {
    wire.queue("one", JobOptions::default()).unwrap()
}

#[test]
fn a_thousand_idle_connections_cost_nobody_anything() {
    let worker = worker("");
    let mut idle: Vec<JobsWire> =
        (0..1000).map(|_| JobsWire::connect(&worker.socket()).unwrap()).collect();
    let told = worker.php("echo AppServer\\Job::find(appserver_queue('add', 1, 2))->await(20);");
    assert_eq!(told.ok(), "3");
    for wire in &mut idle {
        assert!(matches!(queues(wire), JobReply::Accepted { .. }));
    }
}

#[test]
fn the_largest_request_fits_where_there_is_room_for_one_alone() {
    const MOST: usize = 65_536;
    let limits = format!("[limits]\nframe_bytes_max = {MOST}\njob_bytes_max = {MOST}\n");
    let worker = worker(&limits);
    let request = |bytes: usize| {
        let options = JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
        let (function, arguments) = ("one".to_owned(), vec![0; bytes]);
        let job = NewJob { function, arguments, options, ..NewJob::default() };
        JobRequest::Enqueue { jobs: vec![job], batch: None }
    };
    let length = |bytes: usize| body_to_vec(&request(bytes)).len();
    let most = MOST - (length(60_000) - 60_000);
    assert_eq!(length(most), MOST);
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let told = wire.ask(&request(most)).unwrap();
    assert!(matches!(told, JobReply::Accepted { .. }), "{told:?}");
}

#[test]
fn small_jobs_are_counted_by_what_they_take_of_memory() {
    let limits = "[limits]\nframe_bytes_max = 262144\njob_bytes_max = 1048576\n";
    let worker = worker(limits);
    let jobs = |count: usize| {
        let options = JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
        let (function, arguments) = ("one".to_owned(), vec![0, 0]);
        let job = NewJob { function, arguments, options, ..NewJob::default() };
        JobRequest::Enqueue { jobs: vec![job; count], batch: None }
    };
    assert!(body_to_vec(&jobs(5_000)).len() < 262_144, "they fit in a frame");
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let told = wire.ask(&jobs(5_000)).unwrap();
    let JobReply::Refused(JobRefusal::Unavailable { reason }) = &told else { panic!("{told:?}") };
    assert!(reason.contains("limits.job_bytes_max"), "{reason}");
    // What was refused holds nothing.
    for _ in 0..3 {
        let told = wire.ask(&jobs(1_000)).unwrap();
        assert!(matches!(told, JobReply::Accepted { .. }), "{told:?}");
    }
}

#[test]
fn what_is_over_cannot_be_cancelled_whoever_else_is_away() {
    let worker = worker("");
    let away = "unix:/nonexistent/worker.sock";
    let workers = format!("appserver.workers={},{away}", worker.address());
    let out = worker.php_with(
        &[&workers],
        r#"$job = AppServer\Job::find(appserver_queue('one'));
           $job->await(20);
           $batch = AppServer\Batch::find((new AppServer\Batch)->add('one')->queue())->await(20);
           var_dump($job->cancel(), $batch->cancel());
           $number = hexdec(substr($job->id, -4)) + 1000;
           $unknown = substr($job->id, 0, -4) . sprintf('%04x', $number);
           try { AppServer\Job::find($unknown); }
           catch (AppServer\ConnectException $e) { echo $e->getMessage(); }"#,
    );
    let out = out.ok();
    let unknown = out.strip_prefix("bool(false)\nbool(false)\n").unwrap_or_else(|| panic!("{out}"));
    assert!(unknown.starts_with("no worker that answered has it"), "{unknown}");
    assert!(unknown.contains(away), "{unknown}");
}

#[test]
fn peers_that_misspeak_are_hung_up_and_nobody_else_notices() {
    let worker = worker("[limits]\nframe_timeout_ms = 200\nframe_bytes_max = 65536\n");
    let mut good = JobsWire::connect(&worker.socket()).unwrap();
    let huge = Header { length: 1 << 30, ..Header::new(Kind::JobRequest, 1) };
    let half = Header { length: 100, ..Header::new(Kind::JobRequest, 1) };
    let none = Header { length: 3, ..Header::new(Kind::JobRequest, 1) };
    let wrong = Header::new(Kind::Call, 1);
    for (what, bytes) in [
        ("a frame beyond frame_bytes_max", huge.to_bytes().to_vec()),
        ("half a frame", half.to_bytes().to_vec()),
        ("half a header", half.to_bytes()[..20].to_vec()),
        ("a request of nonsense", [&none.to_bytes()[..], &[0xff; 3]].concat()),
        ("a frame of another kind", wrong.to_bytes().to_vec()),
        ("no frame", vec![0x42; 200]),
    ] {
        let mut bad = JobsWire::connect(&worker.socket()).unwrap();
        bad.send(&bytes).unwrap();
        assert!(bad.frame().is_err(), "{what} is answered by hanging up");
        assert!(matches!(queues(&mut good), JobReply::Accepted { .. }), "{what}");
    }
    eventually("the log says why", || {
        (worker.log().matches("connection for jobs closed").count() == 6).then_some(())
    });
}

fn send(wire: &mut JobsWire, request: &JobRequest) {
    wire.send(&control_frame(Header::new(Kind::JobRequest, 9), request)).unwrap();
}

fn awaiting(worker: &Sidecar) -> u64 {
    worker.status()["jobs"]["awaiting"].as_u64().expect("a number")
}

#[test]
fn whoever_awaits_and_goes_leaves_nothing_behind() {
    let worker = worker("");
    let later = JobOptions { delay_ms: Some(86_400_000), ..JobOptions::default() };
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let JobReply::Accepted { jobs, .. } = wire.queue("one", later.clone()).unwrap() else {
            panic!("not queued");
        };
        ids.push(jobs[0].id);
    }
    let open = || std::fs::read_dir(format!("/proc/{}/fd", worker.pid())).unwrap().count();
    let before = open();
    for _ in 0..8 {
        let many: Vec<JobsWire> = (0..500)
            .map(|n| {
                let mut wire = JobsWire::connect(&worker.socket()).unwrap();
                let id = ids[n % ids.len()];
                send(&mut wire, &JobRequest::Await { id, wait_ms: 86_400_000 });
                wire
            })
            .collect();
        eventually("all of them await", || (awaiting(&worker) == 500).then_some(()));
        drop(many);
        eventually("none does", || (awaiting(&worker) == 0).then_some(()));
    }
    eventually("their connections are closed", || (open() < before + 20).then_some(()));
    // Patience ends, too, and so does a job that is awaited.
    for id in &ids {
        let reply = wire.ask(&JobRequest::Await { id: *id, wait_ms: 1 }).unwrap();
        assert!(matches!(reply, JobReply::Job(Some(_))), "{reply:?}");
    }
    let mut other = JobsWire::connect(&worker.socket()).unwrap();
    send(&mut other, &JobRequest::Await { id: ids[0], wait_ms: 86_400_000 });
    eventually("one awaits", || (awaiting(&worker) == 1).then_some(()));
    wire.ask(&JobRequest::Cancel { id: ids[0] }).unwrap();
    assert_eq!(other.frame().unwrap().0.kind, Kind::JobReply);
    eventually("none does", || (awaiting(&worker) == 0).then_some(()));
}

#[test]
fn answers_that_nobody_reads_leave_room_for_what_is_stored() {
    let limits = "frame_bytes_max = 1048576\njob_bytes_max = 1048576\nframe_timeout_ms = 4000000\n";
    let worker = worker(&format!("[limits]\n{limits}"));
    let socket = worker.socket();
    let mut wire = JobsWire::connect(&socket).unwrap();
    let kept = JobOptions { keep_ms: Some(3_600_000), ..JobOptions::default() };
    let JobReply::Accepted { jobs, .. } = wire.queue("large", kept).unwrap() else {
        panic!("not queued");
    };
    let id = jobs[0].id;
    let ended = wire.ask(&JobRequest::Await { id, wait_ms: 30_000 }).unwrap();
    assert!(matches!(ended, JobReply::Job(Some(_))), "{ended:?}");
    let mut unread = Vec::new();
    let refused = eventually("further answers are refused", || {
        let mut other = JobsWire::connect(&socket).unwrap();
        send(&mut other, &JobRequest::Find { id });
        unread.push(other);
        match wire.ask(&JobRequest::Find { id }).unwrap() {
            JobReply::Refused(JobRefusal::Unavailable { reason }) => Some(reason),
            _ => None,
        }
    });
    assert!(refused.contains("limits.job_bytes_max"), "{refused}");
    assert!(unread.len() >= 3, "there was room for {}", unread.len());
    let stored = queues(&mut wire);
    assert!(
        matches!(stored, JobReply::Accepted { .. }),
        "it cannot be asked for again: {stored:?}"
    );
    for mut other in unread {
        assert_eq!(other.frame().unwrap().0.kind, Kind::JobReply);
    }
    eventually("there is room again", || {
        let told = wire.ask(&JobRequest::Find { id }).unwrap();
        matches!(told, JobReply::Job(Some(_))).then_some(())
    });
}

#[test]
fn jobs_outlive_whoever_queued_them_and_hung_up_before_the_answer() {
    let worker = worker("");
    let job = NewJob { function: "one".to_owned(), arguments: vec![0, 0], ..NewJob::default() };
    let request = JobRequest::Enqueue { jobs: vec![job], batch: None };
    for _ in 0..200 {
        send(&mut JobsWire::connect(&worker.socket()).unwrap(), &request);
    }
    // A request that was sent whole is as good as one whose answer was lost: here each is taken.
    eventually("each job is done", || {
        let totals = worker.status()["jobs"]["totals"].clone();
        (totals["made"] == 200 && totals["done"] == 200).then_some(())
    });
}

#[test]
fn who_is_one_too_many_is_told_so() {
    let worker = worker("[limits]\nconnections_max = 20\n");
    let mut open: Vec<JobsWire> =
        (0..20).map(|_| JobsWire::connect(&worker.socket()).unwrap()).collect();
    let refused = worker.php(
        "try { appserver_queue('one'); }
         catch (AppServer\\RefusedException $e) { echo $e->getMessage(); }",
    );
    let refused = refused.ok();
    assert!(refused.contains("20 connections for jobs are open"), "{refused}");
    assert!(refused.contains("limits.connections_max"), "{refused}");
    open.pop();
    eventually("there is room for another", || {
        let queued = worker.php("appserver_queue('one');");
        queued.success.then_some(())
    });
    assert!(matches!(queues(&mut open[0]), JobReply::Accepted { .. }), "the others go on");
}

#[test]
fn a_full_queue_refuses_by_number_and_by_bytes() {
    let worker = worker("[jobs]\nqueue_len_max = 5\nqueue_bytes_max = 100000\n");
    let out = worker.php(
        r#"$queue = fn(mixed ...$arguments) => AppServer\queue('add', $arguments, delay: 3600);
           for ($i = 0; $i < 5; $i++) { $queue($i, 1); }
           try { $queue(1, 2); } catch (AppServer\QueueFullException $e) { echo $e->getMessage(), "\n"; }
           try { AppServer\queue('add', [1, str_repeat('x', 100000)], queue: 'other'); }
           catch (AppServer\QueueFullException $e) { echo $e->getMessage(), "\n"; }
           echo AppServer\Job::find(AppServer\queue('add', [1, 2], queue: 'other'))->await(20);"#,
    );
    let out = out.ok();
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("jobs.queue_len_max") && lines[0].contains('5'), "{out}");
    assert!(lines[1].contains("jobs.queue_bytes_max") && lines[1].contains("100000"), "{out}");
    assert_eq!(lines[2], "3");
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let refused = queues(&mut wire);
    let JobReply::Refused(JobRefusal::QueueFull { queue, limit: 5, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(queue, "default");
}

#[test]
fn a_caller_from_afar_queues_and_awaits() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "a-long-enough-secret-for-a-test").unwrap();
    let worker = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .config(&format!("[tcp]\ntoken_file = {token:?}\n"))
        .listen("tls:127.0.0.1:0")
        .start();
    let port = worker.tls_port();
    let ca = worker.certificate().display().to_string();
    let client = |token: &str| {
        format!(
            "(new AppServer\\Client())->withWorkers('tls:127.0.0.1:{port}')\
             ->withCertificate(null, null, {ca:?})->withToken('{token}')"
        )
    };
    let out = worker.php(&format!(
        r#"$client = {};
           $ids = [];
           for ($i = 0; $i < 50; $i++) {{ $ids[] = $client->queue('add', $i, 1); }}
           $sum = 0;
           foreach ($ids as $id) {{ $sum += AppServer\Job::find($id, $client)->await(20); }}
           echo $sum;"#,
        client("a-long-enough-secret-for-a-test")
    ));
    assert_eq!(out.ok(), "1275");
    let out = worker.php(&format!(
        "try {{ {}->queue('add', 1, 2); }} catch (AppServer\\RefusedException $e) {{ echo 'refused'; }}",
        client("another-long-secret-that-is-wrong")
    ));
    assert_eq!(out.ok(), "refused");
}
