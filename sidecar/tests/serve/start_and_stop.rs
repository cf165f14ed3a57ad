//! Coming up, going down, and what is read again in between.

use crate::wire::{Outcome, Wire};
use crate::worker::{Setting, eventually};
use protocol::{Failure, Purpose};
use rustix::process::Signal;
use shm::BoardReader;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Stdio;

#[test]
fn it_announces_what_it_serves_and_where() {
    let worker = Setting::new().start();
    let announced = worker.announced.join("\n");
    assert!(announced.contains("hello(string $name): string"), "{announced}");
    assert!(announced.contains(&format!("ready at unix:{}", worker.socket().display())));
    let mode = worker.socket().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn a_mistake_in_the_configuration_is_one_line_and_nothing_is_bound() {
    let setting = Setting::new().config("[limts]\nframe_bytes_max = 1\n");
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("appserver.toml:2: unknown key \"limts\"; did you mean"), "{error}");
    assert!(!setting.path("sock").exists() && !setting.path("run").exists());
}

#[test]
fn an_application_that_does_not_start_ends_it_with_phps_own_words() {
    let setting = Setting::new();
    setting.file("app/functions.php", "<?php\nfunction broken( {");
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("functions.php") && error.contains("syntax error"), "{error}");
}

#[test]
fn an_application_without_functions_is_warned_of_and_a_single_one_is_counted_as_such() {
    let setting = Setting::new();
    setting.file("app/functions.php", "<?php");
    setting.start().expect_log("no function can be called");
    let setting = Setting::new();
    setting.file("app/functions.php", "<?php function f(int &$x): void {}");
    let announced = setting.start().announced.join("\n");
    assert!(announced.contains("serves 1 function\n"), "{announced}");
    assert!(announced.contains("(not callable: $x is by reference)"), "{announced}");
}

#[test]
fn an_application_that_never_gets_ready_is_given_up() {
    let setting = Setting::new();
    setting.file("app/boot.php", "<?php while (true) {}");
    setting.app_toml("bootstrap = \"boot.php\"\nstart_timeout_ms = 300\n");
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8(output.stderr).unwrap().contains("start_timeout_ms"));
}

#[test]
fn a_live_socket_is_not_taken_and_a_stale_one_is() {
    let setting = Setting::new();
    let listener = UnixListener::bind(setting.path("sock")).unwrap();
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8(output.stderr).unwrap();
    let expected = format!("another appserver (pid {}) already listens at", std::process::id());
    assert!(error.contains(&expected), "{error}");
    drop(listener);
    let worker = setting.start();
    assert!(matches!(worker.wire().call("hello", "[\"Ada\"]"), Outcome::Returned(_)));
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let setting = Setting::new().listen("tls:127.0.0.1:0");
    setting.file("app/functions.php", "<?php\nfunction broken( {");
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(!setting.path("sock").exists());
    assert_eq!(left_in(&setting.path("run")), [""; 0]);
}

#[test]
fn an_address_that_cannot_be_bound_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", taken.local_addr().unwrap());
    let setting = Setting::new().listen(&address);
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&address) && error.contains("choose another port"), "{error}");
    assert!(!setting.path("sock").exists() && !setting.path("run/token").exists());
}

#[test]
fn at_the_end_only_the_board_stays_for_clients_that_live_longer() {
    let mut worker = Setting::new().start();
    worker.signal(Signal::TERM);
    assert_eq!(worker.ended(), 0);
    assert!(!worker.socket().exists());
    assert_eq!(left_in(&worker.path("run")), ["board"]);
}

/// Files of a folder, but for those by which the worker's next life goes on: it has no other folder for its
/// state here.
fn left_in(folder: &Path) -> Vec<String> {
    let state = ["jobs.db", "jobs.db-lock", "jobs.db-log0", "jobs.db-log1", "processes.lock"];
    let files = std::fs::read_dir(folder).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !state.contains(&name.as_str())).collect()
}

#[test]
fn two_workers_do_not_share_a_folder() {
    let worker = Setting::new().start();
    let other = Setting::new();
    let mut command = other.command();
    let config = format!("runtime_dir = {:?}\n", worker.path("run"));
    other.file("appserver.toml", &config);
    let output = command.stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(70));
    assert!(String::from_utf8(output.stderr).unwrap().contains("another worker uses this folder"));
}

#[test]
fn a_service_manager_is_told_when_it_is_ready() {
    let setting = Setting::new();
    let manager = UnixDatagram::bind(setting.path("notify")).unwrap();
    let mut child = setting
        .command()
        .env("NOTIFY_SOCKET", setting.path("notify"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = [0; 64];
    let length = manager.recv(&mut said).unwrap();
    assert_eq!(&said[..length], b"READY=1");
    crate::worker::send(child.id(), Signal::TERM);
    let length = manager.recv(&mut said).unwrap();
    assert_eq!(&said[..length], b"STOPPING=1");
    assert!(child.wait().unwrap().success());
}

#[test]
fn on_sigterm_the_call_in_flight_is_answered_and_nobody_new_comes_in() {
    let setting = Setting::new();
    let flag = setting.path("flag");
    let mut worker = setting.start();
    let (mut busy, mut idle) = (worker.wire(), worker.wire());
    busy.send_call("wait_for", &format!("[{flag:?}]"), 0);
    eventually("it runs", || {
        let executors = worker.status().apps[0].pools[0].executors.clone();
        executors.iter().any(|executor| executor.state == "running").then_some(())
    });
    worker.signal(Signal::TERM);
    assert_eq!(idle.0.read(&mut [0]).unwrap(), 0, "an idle connection is closed at once");
    eventually("the socket is gone", || (!worker.socket().exists()).then_some(()));
    std::fs::write(&flag, "").unwrap();
    assert_eq!(busy.outcome(), Outcome::Returned("\"seen\"".to_owned()));
    assert_eq!(busy.outcome(), Outcome::HungUp);
    assert_eq!(worker.ended(), 0);
}

#[test]
fn on_sigterm_a_request_that_waits_for_an_executor_is_run() {
    let setting = Setting::new();
    setting.app_toml("[executors]\nmin = 1\nmax = 1\n");
    let flag = setting.path("flag");
    let mut worker = setting.start();
    let (mut busy, mut waiting) = (worker.wire(), worker.wire());
    busy.send_call("wait_for", &format!("[{flag:?}]"), 0);
    eventually("it runs", || {
        let executors = worker.status().apps[0].pools[0].executors.clone();
        executors.iter().any(|executor| executor.state == "running").then_some(())
    });
    waiting.send_call("wait_for", &format!("[{flag:?}]"), 0);
    worker.signal(Signal::TERM);
    worker.expect_log("stopping");
    std::fs::write(&flag, "").unwrap();
    assert_eq!(busy.outcome(), Outcome::Returned("\"seen\"".to_owned()));
    assert_eq!(waiting.outcome(), Outcome::Returned("\"seen\"".to_owned()));
    assert_eq!(worker.ended(), 0);
}

#[test]
fn a_signal_to_every_process_ends_the_worker_and_nothing_is_replaced() {
    let setting = Setting::new();
    let flag = setting.path("flag");
    let mut worker = setting.start();
    let mut wire = worker.wire();
    wire.send_call("wait_for", &format!("[{flag:?}]"), 0);
    eventually("it runs", || {
        let executors = worker.status().apps[0].pools[0].executors.clone();
        executors.iter().any(|executor| executor.state == "running").then_some(())
    });
    let app = worker.status().apps.remove(0);
    worker.signal(Signal::TERM);
    worker.expect_log("stopping");
    crate::worker::send(app.prototype_pid, Signal::TERM);
    for executor in &app.pools[0].executors {
        crate::worker::send(executor.pid, Signal::TERM);
    }
    std::fs::write(&flag, "").unwrap();
    assert_eq!(worker.ended(), 0);
    let log = worker.log();
    assert!(!log.contains("is replaced") && !log.contains("lack of memory"), "{log}");
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut worker = Setting::new().start();
    let mut wire = worker.wire();
    wire.send_call("spin", "[]", 0);
    eventually("it runs", || {
        let executors = worker.status().apps[0].pools[0].executors.clone();
        executors.iter().any(|executor| executor.state == "running").then_some(())
    });
    worker.signal(Signal::TERM);
    worker.expect_log("stopping");
    worker.signal(Signal::TERM);
    assert_eq!(worker.ended(), 0);
    let outcome = wire.outcome();
    let Outcome::Failed(Failure::Unavailable { reason, ran: true }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains("stopped"), "{reason}");
}

#[test]
fn sighup_reads_the_list_of_workers_again_and_the_board_says_so() {
    let list = |epoch: u32| {
        format!("[membership]\nepoch = {epoch}\nworkers = [{{ address = \"unix:/a\" }}]\n")
    };
    let worker = Setting::new().config(&list(1)).start();
    let mut control = Wire::connect(&worker.socket());
    let welcome = control.hello(Purpose::Control, None).unwrap();
    assert_eq!(welcome.membership.epoch, 1);
    let board = BoardReader::open(welcome.board.unwrap().path.as_ref()).unwrap();
    let before = board.generation();
    let mut wire = worker.wire();
    let mut epoch_of_an_answer = || {
        wire.send_call("nowhere", "[]", 0);
        wire.frame().expect("an answer").0.epoch
    };
    assert_eq!(epoch_of_an_answer(), 1);
    let config = format!("runtime_dir = {:?}\n{}", worker.path("run"), list(2));
    std::fs::write(worker.path("appserver.toml"), config).unwrap();
    worker.signal(Signal::HUP);
    eventually("the board moves on", || (board.generation() > before).then_some(()));
    assert_eq!(epoch_of_an_answer(), 2);
    assert_eq!(control.status().membership.epoch, 2);
    let config = format!("busy_poll_us = 7\nruntime_dir = {:?}\n{}", worker.path("run"), list(2));
    std::fs::write(worker.path("appserver.toml"), config).unwrap();
    worker.signal(Signal::HUP);
    worker.expect_log("settings=\"busy_poll_us\"");
    std::fs::write(worker.path("appserver.toml"), "membership = 3").unwrap();
    worker.signal(Signal::HUP);
    worker.expect_log("the list of workers stays as it is");
    assert_eq!(control.status().membership.epoch, 2);
}
