//! What functions do besides returning: print, log, send headers, open sessions, fork.

use crate::support::{Answer, FakeSupervisor, boot};
use protocol::{FromExecutor, LogLevel};
use serde_json::json;

#[test]
fn output_is_logged_or_returned_and_never_on_the_wire_by_itself() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    assert_eq!(client.call("prints", json!(["aside"])), Answer::Value(json!("appserver")));
    let FromExecutor::Log { function, level, text, request_id } = executor.log() else {
        panic!("the output was not logged")
    };
    assert_eq!((function.as_str(), level, text.as_str()), ("prints", LogLevel::Output, "aside"));
    assert_eq!(request_id, 1);
    let printed = Answer::Printed(b"aside".to_vec(), json!("appserver"));
    assert_eq!(client.call_printing("prints", json!(["aside"])), printed);
    let nothing = Answer::Printed(Vec::new(), json!(3));
    assert_eq!(client.call_printing("add", json!([1, 2])), nothing);
}

#[test]
fn warnings_are_logged_with_the_call() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    assert_eq!(client.call("warns", json!([])), Answer::Value(json!(null)));
    let FromExecutor::Log { function, level, text, .. } = executor.log() else {
        panic!("the warning was not logged")
    };
    assert_eq!((function.as_str(), level), ("warns", LogLevel::Warning));
    assert!(text.starts_with("PHP Warning:  Undefined variable $nothing in "), "{text}");
}

#[test]
fn sessions_headers_and_superglobals_do_no_harm() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for visits in 1..=3 {
        assert_eq!(client.call("visits", json!(["abc"])), Answer::Value(json!(visits)));
    }
    assert_eq!(client.call("redirects", json!([])), Answer::Value(json!(302)));
    assert_eq!(client.call("status_code", json!([])), Answer::Value(json!(200)));
}

#[test]
fn a_forked_child_never_answers() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for _ in 0..3 {
        for end in ["return", "exit", "throw"] {
            let parent = Answer::Value(json!("from the parent"));
            assert_eq!(client.call("forks", json!([end])), parent);
        }
    }
}

#[test]
fn a_child_forked_while_the_answer_is_made_never_answers() {
    for when in ["encoding", "output", "destruction"] {
        let mut supervisor = FakeSupervisor::start(boot("basic"));
        let mut client = supervisor.connect(0);
        let executor = supervisor.fork(0, 0);
        executor.offer(&client);
        for _ in 0..2 {
            assert_eq!(client.call("forks_late", json!([when])), Answer::Value(json!([[]])));
        }
        // Not one frame more than that, nor a call of the child's on the scoreboard.
        assert_eq!(client.call("add", json!([1, 1])), Answer::Value(json!(2)), "{when}");
        executor.until(|cell| cell.running().is_none());
        assert_eq!(executor.cell().calls(), 3, "{when}");
    }
}

#[test]
fn a_child_forked_by_a_shutdown_function_does_not_end_its_parents_call() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("gone");
    let answer = client.call("forks_at_the_end", json!([note]));
    assert_eq!(answer, Answer::Value(json!("returned")));
    let seq = executor.cell().seq();
    executor.until(|_| note.exists());
    assert!(executor.cell().running().is_some(), "its time limit still holds");
    executor.ask(shm::Command::TimeOut, seq);
    executor.log_with("The call's time limit");
    assert!(matches!(executor.message(), FromExecutor::Leaving { .. }));
}

#[test]
fn the_request_begins_when_the_call_comes() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    executor.until(|cell| cell.state() == shm::State::Idle);
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let Answer::Value(value) = client.call("request_time", json!([])) else {
        panic!("no request time")
    };
    // A context opened before the call would have an earlier time.
    assert!(value.as_f64().unwrap() >= before.as_secs_f64() - 0.000_002, "{value} {before:?}");
}

#[test]
fn what_a_call_changes_of_its_process_is_put_back() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let first = client.call("leaves_traces", json!([]));
    for _ in 0..2 {
        assert_eq!(client.call("leaves_traces", json!([])), first);
    }
}

#[test]
fn an_executor_whose_process_was_changed_for_good_is_replaced() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    assert_eq!(client.call("is_nice", json!([])), Answer::Value(json!(1)));
    executor.log_with("proc_nice() changed the process for good");
    assert!(matches!(executor.message(), FromExecutor::Leaving { .. }));
    executor.exit();
    let successor = supervisor.fork(0, 0);
    successor.offer(&client);
    assert_eq!(client.call("is_nice", json!([])), Answer::Value(json!(1)));
}
