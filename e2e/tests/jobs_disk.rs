//! The disk of the jobs is full: who queues learns why, what was acknowledged is kept, attempts that end
//! are remembered, and nobody else notices; with room again all goes on.

use e2e::{JobsWire, Queue, Sidecar, eventually};
use protocol::{JobId, JobOptions, JobRefusal, JobReply, JobRequest, JobState};
use std::path::{Path, PathBuf};
use std::process::Command;

const FUNCTIONS: &str = r#"<?php
function hello(): string { return 'hello'; }
function size(string $what): int { return strlen($what); }
function waits(string $begun, string $go): string {
    file_put_contents($begun, AppServer\Job::current()->attempt, FILE_APPEND);
    while (!file_exists($go)) { usleep(1000); clearstatcache(); }
    return 'went';
}
"#;

/// Set where no file system can be mounted: what needs one is left out then.
const WITHOUT_MOUNT: &str = "APPSERVER_TEST_WITHOUT_MOUNT";

/// A small file system in memory, for as long as it is held.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where nobody may mount one, and whoever runs the tests has said so.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=40m", "tmpfs"]).arg(folder.path());
        let output = command.output().expect("mount is installed");
        if output.status.success() {
            return Some(Self { folder });
        }
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(
            std::env::var_os(WITHOUT_MOUNT).is_some(),
            "no tmpfs can be mounted, to fill a disk: {why}; run as root, or with {WITHOUT_MOUNT}=1 \
             without this test"
        );
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Whether no executor runs a job.
fn has_ended(worker: &Sidecar) -> bool {
    let status = worker.status();
    let pools = status["apps"][0]["pools"].as_array().expect("pools");
    let pool = pools.iter().find(|pool| pool["pool"] == "jobs").expect("it was made");
    let executors = pool["executors"].as_array().expect("executors");
    executors.iter().all(|executor| executor["state"] == "idle")
}

fn queue(wire: &mut JobsWire, bytes: usize) -> Option<JobId> {
    // In the value codec: one argument, no named ones.
    let options = JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
    match wire.queue_with("size", vec![0; bytes], options).unwrap() {
        JobReply::Accepted { jobs, .. } => Some(jobs[0].id),
        JobReply::Refused(JobRefusal::Unavailable { .. }) => None,
        other => panic!("{other:?}"),
    }
}

/// A worker with its ledger on that disk, and one executor for jobs.
fn worker_on(disk: &SmallDisk) -> Sidecar {
    Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", "[pools.jobs]\nexecutors.max = 1\n")
        .config(&format!("state_dir = {:?}\n", disk.path().join("state")))
        .start()
}

#[test]
fn on_a_full_disk_jobs_end_while_new_ones_are_refused_until_there_is_room_for_them() {
    let Some(disk) = SmallDisk::mount() else { return };
    let worker = worker_on(&disk);
    let [begun, go] = ["begun", "go"].map(|name| worker.app().join(name));
    let running = worker.php(&format!("echo appserver_queue('waits', {begun:?}, {go:?});")).ok();
    let running: JobId = running.parse().expect("an id");
    eventually("it runs", || begun.exists().then_some(()));
    std::fs::write(disk.ballast(), vec![1; 16 << 20]).unwrap();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    while queue(&mut wire, 100_000).is_some() {}
    std::fs::write(&go, "").unwrap();
    // After a commit that failed everything is refused for a moment.
    let await_it = JobRequest::Await { id: running, wait_ms: 30_000 };
    let ended = eventually("its end is told", || match wire.ask(&await_it).unwrap() {
        JobReply::Job(job) => job,
        _ => None,
    });
    assert_eq!(ended.state, JobState::Done);
    // It is tried each second, and looked at whenever that comes to pass.
    let stats = eventually("it was tried whether there is room again", || {
        assert_eq!(queue(&mut wire, 100_000), None, "there is no more than before");
        let stats = Queue::of(&[&worker]).run(&["stats"]).ok();
        let times = stats.split("tried again ").nth(1)?.split(" times").next()?.parse::<u32>();
        (times.ok()? >= 3).then_some(stats)
    });
    assert!(stats.starts_with("jobs are refused: cannot commit: no room left"), "{stats}");
    std::fs::remove_file(disk.ballast()).unwrap();
    eventually("jobs are taken again", || queue(&mut wire, 100_000));
    let said = |what: &str| worker.log().matches(what).count();
    eventually("it is said", || (said("the ledger of jobs works again") > 0).then_some(()));
    let times = ["the ledger of jobs works again", "jobs are refused"].map(said);
    assert_eq!(times, [1, 1], "{}", worker.log());
}

#[test]
fn a_full_disk_refuses_jobs_keeps_what_it_has_and_stops_nobody() {
    let Some(disk) = SmallDisk::mount() else { return };
    let worker = worker_on(&disk);
    let [begun, go] = ["begun", "go"].map(|name| worker.app().join(name));
    let running = worker.php(&format!("echo appserver_queue('waits', {begun:?}, {go:?});")).ok();
    eventually("it runs", || begun.exists().then_some(()));
    std::fs::write(disk.ballast(), vec![1; 16 << 20]).unwrap();
    let fill = r#"
        $ids = [];
        try { while (count($ids) < 1000) { $ids[] = appserver_queue('size', random_bytes(100_000)); } }
        catch (AppServer\Exception $e) { $why = get_class($e) . ': ' . $e->getMessage(); }
        echo json_encode([$ids, $why]);
    "#;
    let (ids, why): (Vec<String>, String) =
        serde_json::from_str(&worker.php(fill).ok()).expect("JSON");
    assert!(!ids.is_empty());
    assert!(why.starts_with("AppServer\\UnavailableException: "), "{why}");
    assert!(why.contains("full") && why.contains("nothing was queued"), "{why}");
    // The job ends now, with nowhere to write that to; calls go on.
    std::fs::write(&go, "").unwrap();
    eventually("its end cannot be written down", || {
        assert_eq!(worker.php("echo appserver_call('hello');").ok(), "hello");
        (has_ended(&worker) && worker.log().contains("jobs are refused")).then_some(())
    });
    std::fs::remove_file(disk.ballast()).unwrap();
    eventually("jobs are taken again", || {
        let queued = worker.php("appserver_queue('size', '');");
        queued.success.then_some(())
    });
    let ids = serde_json::to_string(&ids).unwrap();
    let told = worker.php(&format!(
        r#"foreach (json_decode('{ids}') as $id) {{ $sizes[AppServer\Job::find($id)->await(20)] = true; }}
           $first = AppServer\Job::find('{running}');
           echo json_encode([array_keys($sizes), $first->await(20), count($first->refresh()->attempts)]);"#
    ));
    assert_eq!(told.ok(), r#"[[100000],"went",1]"#);
    assert_eq!(std::fs::read_to_string(&begun).unwrap(), "1", "it ran once");
    let log = eventually("it is said", || {
        let log = worker.log();
        log.contains("works again").then_some(log)
    });
    assert!(log.matches("cannot be tidied").count() <= 1, "{log}");
}
