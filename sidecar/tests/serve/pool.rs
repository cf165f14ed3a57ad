//! Executors: replaced when they die, more when requests wait, fewer when they do not.

use crate::wire::{Outcome, Wire};
use crate::worker::{Setting, Worker, eventually, send};
use protocol::{ControlReply, ControlRequest, ExitCause, Failure, PoolStatus, Purpose};
use rustix::process::Signal;

fn pool(worker: &Worker) -> PoolStatus {
    worker.status().apps.remove(0).pools.remove(0)
}

fn idle_pids(worker: &Worker) -> Vec<u32> {
    let executors = pool(worker).executors;
    let idle = executors.iter().filter(|executor| executor.state == "idle" && executor.pid != 0);
    idle.map(|executor| executor.pid).collect()
}

#[test]
fn the_caller_of_a_killed_executor_is_told_and_its_connection_serves_on() {
    let worker = Setting::new().start();
    let mut wire = worker.wire();
    let Outcome::Failed(Failure::Died { cause, function, hint }) = wire.call("die_by", "[9]")
    else {
        panic!("not told");
    };
    assert_eq!((cause, function.as_str()), (ExitCause::Signal(9), "die_by"));
    assert!(hint.contains("lack of memory"), "{hint}");
    worker.expect_log("function=\"die_by\" request_id=");
    assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
    eventually("it is replaced", || (idle_pids(&worker).len() == 2).then_some(()));
    assert_eq!(pool(&worker).died, 1);
}

#[test]
fn an_executor_that_ends_with_its_prototype_is_not_said_to_lack_memory() {
    let worker = Setting::new().start();
    let mut wire = worker.wire();
    wire.send_call("spin", "[]", 0);
    eventually("it runs", || {
        pool(&worker).executors.iter().any(|executor| executor.state == "running").then_some(())
    });
    crate::worker::send(worker.status().apps[0].prototype_pid, Signal::KILL);
    let outcome = wire.outcome();
    let Outcome::Failed(Failure::Died { hint, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(hint.contains("prototype ended"), "{hint}");
}

#[test]
fn executors_killed_while_idle_are_replaced_and_calls_go_on() {
    let worker = Setting::new().start();
    let mut wire = worker.wire();
    for _ in 0..5 {
        let before =
            eventually("two are idle", || Some(idle_pids(&worker)).filter(|pids| pids.len() == 2));
        before.iter().for_each(|pid| send(*pid, Signal::KILL));
        assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
        eventually("they are replaced", || {
            let pids = idle_pids(&worker);
            (pids.len() == 2 && !pids.iter().any(|pid| before.contains(pid))).then_some(())
        });
    }
}

#[test]
fn a_killed_prototype_comes_back_and_connections_wait_for_it() {
    let worker = Setting::new().start();
    let mut wire = worker.wire();
    let before = worker.status().apps[0].prototype_pid;
    send(before, Signal::KILL);
    eventually("there is another", || {
        let pid = worker.status().apps[0].prototype_pid;
        (pid != 0 && pid != before).then_some(())
    });
    assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
}

#[test]
fn a_pool_grows_while_calls_wait_and_shrinks_when_they_are_done() {
    let setting = Setting::new();
    setting.app_toml("[executors]\nmin = 1\nmax = 4\nidle_timeout_ms = 50\n");
    let flag = setting.path("flag");
    let worker = setting.start();
    let argument = format!("[{flag:?}]");
    let mut wires: Vec<_> = (0..6).map(|_| worker.wire()).collect();
    wires.iter_mut().for_each(|wire| wire.send_call("wait_for", &argument, 0));
    eventually("four run", || {
        let executors = pool(&worker).executors;
        (executors.iter().filter(|e| e.state == "running").count() == 4).then_some(())
    });
    std::fs::write(&flag, "").unwrap();
    for wire in &mut wires {
        assert_eq!(wire.outcome(), Outcome::Returned("\"seen\"".to_owned()));
    }
    eventually("one is left", || (pool(&worker).executors.len() == 1).then_some(()));
}

#[test]
fn a_call_ends_at_its_deadline_and_its_connection_serves_on() {
    let worker = Setting::new().start();
    let mut wire = worker.wire();
    wire.send_call("spin", "[]", 50);
    assert!(matches!(
        wire.outcome(),
        Outcome::Failed(Failure::TimedOut { limit_ms: 50, killed: false })
    ));
    assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
}

#[test]
fn a_running_call_can_be_cancelled_over_another_connection() {
    let worker = Setting::new().start();
    let mut control = Wire::connect(&worker.socket());
    control.hello(Purpose::Control, None).unwrap();
    let mut wire = Wire::connect(&worker.socket());
    let connection = wire.hello(crate::wire::calls(), None).unwrap().connection;
    wire.send_call("spin", "[]", 0);
    // One that has not begun is ended when it begins, and is not found.
    eventually("it runs", || {
        let executors = pool(&worker).executors;
        executors.iter().any(|executor| executor.state == "running").then_some(())
    });
    let reply = control.ask(&ControlRequest::Cancel { connection, request_id: 7 });
    assert_eq!(reply, ControlReply::Cancelled { found: true });
    assert_eq!(wire.outcome(), Outcome::Failed(Failure::Cancelled));
    worker.expect_log("cancelled by its caller");
    let log = worker.log();
    let line = log.lines().find(|line| line.contains("cancelled by its caller"));
    assert!(line.is_some_and(|line| line.contains(" INFO ")), "{log}");
}

#[test]
fn executors_are_replaced_after_their_calls_and_nobody_notices() {
    let setting = Setting::new();
    setting.app_toml("[executors]\nmin = 1\nmax = 2\nmax_calls = 1\n");
    let worker = setting.start();
    let mut wire = worker.wire();
    for _ in 0..20 {
        assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
    }
    eventually("each was replaced", || (pool(&worker).recycled == 20).then_some(()));
    assert_eq!(pool(&worker).died, 0);
}

#[test]
fn an_executor_that_grew_too_large_is_replaced_once_idle() {
    let setting = Setting::new();
    setting.app_toml("[executors]\nmin = 1\nmax = 1\nmemory_bytes_max = 1\n");
    let worker = setting.start();
    let mut wire = worker.wire();
    assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
    eventually("it is replaced", || (pool(&worker).recycled == 1).then_some(()));
    assert_eq!(wire.call("hello", "[\"Ada\"]"), Outcome::Returned("\"Hello Ada\"".to_owned()));
}
