//! Connections for jobs: many that are idle, peers that misspeak, and callers from afar.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{Header, JobOptions, JobReply, JobRequest, Kind, NewJob, control_frame};

const FUNCTIONS: &str = r#"<?php
function one(): int { return 1; }
function add(int $a, int $b): int { return $a + $b; }
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
