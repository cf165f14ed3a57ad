//! Time limits, cancelling, and being told to stop.

use crate::support::{Answer, FakeExecutor, FakeSupervisor, boot};
use protocol::{ExitCause, Failure, FromExecutor};
use serde_json::json;
use shm::{Command, State};

fn interrupted(function: &str, arguments: serde_json::Value, command: Command) -> Answer {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    client.send(function, arguments, 0, 1234);
    let seq = executor.running();
    executor.ask(command, seq);
    let words = match command {
        Command::Cancel => "The call was cancelled by its caller",
        _ => "The call's time limit of 1.234 s was exceeded",
    };
    let answer = client.receive();
    executor.log_with(words);
    left(&executor);
    answer
}

fn left(executor: &FakeExecutor) {
    assert!(matches!(executor.message(), FromExecutor::Leaving { .. }));
    assert_eq!(executor.exit().cause, ExitCause::Status(0));
}

#[test]
fn a_loop_a_sleep_and_a_blocking_read_end_when_their_time_is_up() {
    let timed_out = Answer::Failure(Failure::TimedOut { limit_ms: 1234, killed: false });
    assert_eq!(interrupted("loops", json!([]), Command::TimeOut), timed_out);
    assert_eq!(interrupted("sleeps", json!([60]), Command::TimeOut), timed_out);
    assert_eq!(interrupted("reads_a_pipe", json!([]), Command::TimeOut), timed_out);
}

#[test]
fn a_cancelled_call_ends() {
    let cancelled = Answer::Failure(Failure::Cancelled);
    assert_eq!(interrupted("loops", json!([]), Command::Cancel), cancelled);
}

#[test]
fn a_function_cannot_catch_its_time_limit() {
    let timed_out = Answer::Failure(Failure::TimedOut { limit_ms: 1234, killed: false });
    assert_eq!(interrupted("catches_all", json!([]), Command::TimeOut), timed_out);
}

#[test]
fn a_command_for_an_earlier_call_does_not_reach_the_next() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    client.call("hello", json!(["x"]));
    // Odd while it is on, and the next number once its request is closed too.
    let earlier = (executor.cell().seq() - 1) | 1;
    client.send("naps", json!([]), 0, 0);
    let seq = executor.running();
    assert_ne!(earlier, seq);
    executor.ask(Command::TimeOut, earlier);
    assert_eq!(client.receive(), Answer::Value(json!("rested")));
}

#[test]
fn the_deadline_is_the_earliest_of_the_limits() {
    let mut boot = boot("basic");
    boot.pools[0].timeout_ms = 60_000;
    let mut supervisor = FakeSupervisor::start(boot);
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for (function, budget_ms, limit_ms) in
        [("naps", 0, 60_000), ("naps", 5_000, 5_000), ("naps_briefly", 5_000, 2_500)]
    {
        client.send(function, json!([]), 0, budget_ms);
        executor.running();
        let running = executor.cell().remains();
        assert_eq!(running.deadline_ns - running.started_ns, limit_ms * 1_000_000, "{function}");
        client.receive();
    }
}

#[test]
fn an_idle_executor_stops_when_asked() {
    let supervisor = FakeSupervisor::start(boot("basic"));
    let executor = supervisor.fork(0, 0);
    executor.until(|cell| cell.state() == State::Idle);
    executor.ask(Command::Stop, 0);
    left(&executor);
}

#[test]
fn an_executor_is_recycled_after_its_calls() {
    let mut boot = boot("basic");
    boot.pools[0].max_calls = 3;
    let mut supervisor = FakeSupervisor::start(boot);
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for _ in 0..3 {
        assert_eq!(client.call("counted", json!([])), Answer::Value(json!(1)));
    }
    left(&executor);
}

#[test]
fn the_first_call_wakes_a_sleeping_supervisor() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    client.call("counted", json!([]));
    let mut counter = [0; 8];
    assert_eq!(rustix::io::read(supervisor.wake(0), &mut counter).unwrap(), 8);
    client.call("counted", json!([]));
    assert!(rustix::io::read(supervisor.wake(0), &mut counter).is_err(), "it watches by now");
}

/// As the supervisor ends what does not end by itself when the grace is over.
fn kill(executor: &FakeExecutor) {
    executor.signal(libc::SIGKILL);
    assert_eq!(executor.exit().cause, ExitCause::Signal(libc::SIGKILL));
}

#[test]
fn a_read_that_php_goes_on_with_is_still_on_the_scoreboard_when_it_is_killed() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let id = client.send("reads_on", json!([]), 0, 1234);
    let seq = executor.running();
    executor.ask(Command::TimeOut, seq);
    kill(&executor);
    let remains = executor.cell().remains();
    assert_eq!((remains.connection, remains.request_id), (client.name(), id));
    assert_eq!(remains.state, State::Running);
    assert!(!client.has_answer());
}

#[test]
fn an_endless_shutdown_function_comes_after_the_answer_and_belongs_to_its_call() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let answer = client.call("never_shuts_down", json!([]));
    assert_eq!(answer, Answer::Value(json!("returned")));
    let seq = executor.cell().seq();
    assert!(executor.cell().running().is_some(), "its time limit still holds");
    executor.ask(Command::TimeOut, seq);
    executor.log_with("The call's time limit");
    left(&executor);
}
