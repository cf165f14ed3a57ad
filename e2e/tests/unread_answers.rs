//! Callers that leave an answer unread: they keep no executor, and get it whole when they read on.

use e2e::{RunningPhp, Sidecar, SidecarBuilder, eventually, process_is_gone, send_signal};
use rustix::process::Signal;

const FUNCTIONS: &str = r#"<?php
    function hello(string $name): string { return "Hello $name"; }
    function report(int $bytes): string { return str_repeat('x', $bytes); }
"#;

/// One executor, which gives a peer up that does not read for as long as it waits.
fn one_executor(limits: &str) -> Sidecar {
    builder(&format!("[limits]\nframe_timeout_ms = 200\n{limits}")).start()
}

fn builder(config: &str) -> SidecarBuilder {
    Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .config(config)
}

/// A client with an answer of 5 MB that it reads when it is told to.
fn client(sidecar: &Sidecar) -> RunningPhp {
    let mut client = sidecar.spawn_php(
        r#"$report = appserver_async('report', 5_000_000);
           echo "sent\n";
           fgets(STDIN);
           try { echo strlen($report->await()), "\n"; }
           catch (AppServer\ConnectionLost $e) { echo 'lost, may have run: ', json_encode($e->mayHaveRun()), "\n"; }
           fgets(STDIN);
           echo appserver_call('hello', 'again');"#,
    );
    assert_eq!(client.line(), "sent");
    client
}

/// How many answers the supervisor keeps.
fn kept(sidecar: &Sidecar) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", sidecar.pid())).unwrap();
    let targets = descriptors.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains("appserver-unread")).count()
}

fn is_kept(sidecar: &Sidecar) {
    eventually("the answer waits at the supervisor", || (kept(sidecar) == 1).then_some(()));
}

fn reads_on(mut client: RunningPhp) {
    client.enter();
    assert_eq!(client.line(), "5000000");
    client.enter();
    assert_eq!(client.finish().ok(), "Hello again");
}

#[test]
fn it_arrives_whole_later_and_the_executor_serves_others_meanwhile() {
    let sidecar = one_executor("");
    let client = client(&sidecar);
    is_kept(&sidecar);
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    let connections = || sidecar.status()["connections"]["accepted"].as_u64().unwrap();
    let before = connections();
    reads_on(client);
    // Its next call went over the same connection: nothing was accepted since but this question.
    assert_eq!(connections(), before + 1);
    eventually("nothing is kept", || (kept(&sidecar) == 0).then_some(()));
}

#[test]
fn it_outlives_the_executor_that_made_it() {
    let sidecar = one_executor("");
    let client = client(&sidecar);
    is_kept(&sidecar);
    let executors = sidecar.executors();
    executors.iter().for_each(|pid| send_signal(*pid, Signal::KILL));
    eventually("another one serves", || {
        let now = sidecar.executors();
        (!now.is_empty() && now.iter().all(|pid| !executors.contains(pid))).then_some(())
    });
    reads_on(client);
}

#[test]
fn a_client_killed_before_it_read_leaves_nothing_behind() {
    let sidecar = one_executor("");
    let mut client = client(&sidecar);
    is_kept(&sidecar);
    client.kill();
    eventually("nothing is kept", || {
        let open = sidecar.status()["connections"]["open"].as_u64()?;
        (kept(&sidecar) == 0 && open == 0).then_some(())
    });
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    assert!(!sidecar.log().contains("WARN"), "{}", sidecar.log());
}

#[test]
fn a_stop_waits_for_its_reader() {
    let mut sidecar = one_executor("");
    let mut client = client(&sidecar);
    is_kept(&sidecar);
    sidecar.signal(Signal::TERM);
    eventually("it stops", || sidecar.log().contains("stopping").then_some(()));
    client.enter();
    assert_eq!(client.line(), "5000000");
    let pid = sidecar.pid();
    eventually("it has stopped", || process_is_gone(pid).then_some(()));
    sidecar.restart();
    client.enter();
    assert_eq!(client.finish().ok(), "Hello again");
}

#[test]
fn who_reads_nothing_for_too_long_is_hung_up_on() {
    let sidecar = one_executor("unread_timeout_ms = 100\n");
    let mut client = client(&sidecar);
    eventually("a reason in the log", || {
        sidecar.log().contains("limits.unread_timeout_ms").then_some(())
    });
    client.enter();
    assert_eq!(client.line(), "lost, may have run: true");
    client.enter();
    assert_eq!(client.finish().ok(), "Hello again");
}

#[test]
fn without_room_for_it_the_executor_waits_as_long_as_for_any_frame() {
    let sidecar = one_executor("unread_bytes_max = 0\n");
    let mut client = client(&sidecar);
    eventually("a reason in the log", || {
        sidecar.log().contains("limits.frame_timeout_ms").then_some(())
    });
    client.enter();
    assert_eq!(client.line(), "lost, may have run: true");
    client.enter();
    assert_eq!(client.finish().ok(), "Hello again");
}

#[test]
fn four_stopped_clients_keep_nobody_waiting() {
    // An executor would wait for hours.
    let sidecar = builder("[limits]\nframe_timeout_ms = 4000000\n").start();
    let clients: Vec<RunningPhp> = (0..4).map(|_| client(&sidecar)).collect();
    clients.iter().for_each(|client| send_signal(client.pid(), Signal::STOP));
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    clients.iter().for_each(|client| send_signal(client.pid(), Signal::CONT));
    clients.into_iter().for_each(reads_on);
}
