//! Calls that do not return, and that the executor lives to tell of.

use crate::support::{Answer, FakeSupervisor, boot};
use protocol::{ExitCause, Failure, FatalKind, FromExecutor, Header, Kind};
use serde_json::json;

#[test]
fn an_exception_is_told_with_its_chain_and_the_executor_serves_on() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let Answer::Failure(Failure::Thrown(chain)) = client.call("fails", json!([])) else {
        panic!("nothing was thrown")
    };
    let [thrown, cause] = chain.as_slice() else { panic!("a chain of {}", chain.len()) };
    assert_eq!((thrown.class.as_str(), thrown.code), ("OrderException", 42));
    assert_eq!(thrown.message, b"no such order");
    assert!(thrown.file.ends_with("basic/functions.php") && thrown.line > 1);
    assert_eq!(thrown.trace.last().unwrap().function, "fails");
    assert!(!thrown.properties.is_empty(), "the order's number is missing");
    assert_eq!(
        (cause.class.as_str(), cause.message.as_slice()),
        ("LogicException", &b"the cause"[..])
    );
    assert!(cause.properties.is_empty());
    assert_eq!(client.call("hello", json!(["you"])), Answer::Value(json!("Hello, you!")));
}

#[test]
fn what_a_failure_says_is_cut_to_what_a_frame_holds() {
    let mut boot = boot("basic");
    boot.frame_bytes_max = 4096;
    let mut supervisor = FakeSupervisor::start(boot);
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let mut thrown = |function: &str, number: u32| match client.call(function, json!([number])) {
        Answer::Failure(Failure::Thrown(mut chain)) => chain.remove(0),
        other => panic!("{other:?}"),
    };
    let long = thrown("fails_at_length", 5_000_000);
    let message = String::from_utf8(long.message).unwrap();
    assert!(message.starts_with("ää") && message.contains("… (cut, 10000000 bytes)"), "{message}");
    assert_eq!(long.class, "LogicException");
    let deep = thrown("fails_deep_down", 120);
    assert_eq!((deep.message.as_slice(), deep.trace.len()), (&b"deep down"[..], 8));
    let Answer::Failure(Failure::Fatal { message, line, .. }) =
        client.call("fatal_at_length", json!([5_000_000]))
    else {
        panic!("it returned")
    };
    assert!(message.starts_with(b"xx") && message.len() < 4096 && line > 1);
}

#[test]
fn exit_is_told_and_the_executor_serves_on() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let Answer::Failure(Failure::Fatal { kind, message, .. }) = client.call("exits", json!([3]))
    else {
        panic!("exit() returned")
    };
    assert_eq!(kind, FatalKind::Exit);
    assert_eq!(message, b"exit() with status 3");
    assert_eq!(client.call("counted", json!([])), Answer::Value(json!(1)));
}

#[test]
fn a_fatal_error_is_told_and_the_executor_leaves() {
    for (function, kind, says) in [
        ("fatal", FatalKind::Error, "enough"),
        ("devours", FatalKind::Memory, "Allowed memory size of 16777216 bytes exhausted"),
        ("redeclares", FatalKind::Error, "Cannot declare class Math"),
    ] {
        let mut supervisor = FakeSupervisor::start(boot("basic"));
        let mut client = supervisor.connect(0);
        let executor = supervisor.fork(0, 0);
        executor.offer(&client);
        let Answer::Failure(Failure::Fatal { kind: told, message, file, line }) =
            client.call(function, json!([]))
        else {
            panic!("{function} returned")
        };
        let message = String::from_utf8_lossy(&message);
        assert!(told == kind && message.contains(says), "{function}: {told:?} {message}");
        assert!(file.contains("functions.php") && line > 0, "{function}: {file}:{line}");
        assert!(matches!(executor.message(), FromExecutor::Leaving { .. }), "{function}");
        assert_eq!(executor.exit().cause, ExitCause::Status(0));
        // The connection outlives the executor: its successor takes it.
        let successor = supervisor.fork(0, 0);
        successor.offer(&client);
        assert_eq!(client.call("counted", json!([])), Answer::Value(json!(1)));
    }
}

#[test]
fn shutdown_functions_run_after_a_fatal_error_and_after_exit() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let folder = tempfile::tempdir().unwrap();
    for end in ["return", "exit", "fatal"] {
        let note = folder.path().join(end);
        client.call("leaves_a_note", json!([note, end]));
        if end == "fatal" {
            executor.exit();
        } else {
            // The next answer comes from a request opened after that one was closed.
            client.call("counted", json!([]));
        }
        assert_eq!(std::fs::read_to_string(note).unwrap(), end);
    }
}

#[test]
fn endless_recursion_ends_the_process_or_the_call_and_nothing_else() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let Answer::Failure(Failure::Fatal { kind, .. }) = client.call("recurses", json!([1])) else {
        panic!("recursion returned")
    };
    assert_eq!(kind, FatalKind::Memory);
    executor.exit();
}

#[test]
fn a_signal_that_kills_is_reported_at_once() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 2);
    executor.offer(&client);
    client.send("kills_itself", json!([libc::SIGSEGV]), 0, 0);
    let exit = executor.exit();
    assert_eq!((exit.pool, exit.index, exit.pid), (0, 2, executor.pid));
    assert_eq!(exit.cause, ExitCause::Signal(libc::SIGSEGV));
    let remains = executor.cell().remains();
    assert_eq!((remains.connection, remains.request_id), (client.name(), 1));
}

#[test]
fn a_stack_that_overflows_in_c_ends_the_process_by_its_signal() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    client.send("overflows", json!([]), 0, 0);
    assert_eq!(executor.exit().cause, ExitCause::Signal(libc::SIGSEGV));
    assert_eq!(executor.cell().remains().request_id, 1);
}

#[test]
fn a_session_that_cannot_be_saved_costs_the_executor_and_nothing_else() {
    for when in ["during", "after"] {
        let mut supervisor = FakeSupervisor::start(boot("basic"));
        let mut client = supervisor.connect(0);
        let executor = supervisor.fork(0, 0);
        executor.offer(&client);
        match (when, client.call("loses_its_session", json!([when]))) {
            ("during", Answer::Failure(Failure::Fatal { message, .. })) => {
                assert_eq!(message, b"the session is lost");
            }
            ("after", answer) => assert_eq!(answer, Answer::Value(json!("returned"))),
            (_, answer) => panic!("{answer:?}"),
        }
        executor.log_with("the session is lost");
        assert!(matches!(executor.message(), FromExecutor::Leaving { .. }));
        assert_eq!(executor.exit().cause, ExitCause::Status(0));
        let successor = supervisor.fork(0, 0);
        successor.offer(&client);
        assert_eq!(client.call("visits", json!(["kept"])), Answer::Value(json!(1)));
    }
}

#[test]
fn a_destructor_that_dies_costs_the_executor_and_hides_nothing() {
    for when in ["at once", "with the result"] {
        let mut supervisor = FakeSupervisor::start(boot("basic"));
        let mut client = supervisor.connect(0);
        let executor = supervisor.fork(0, 0);
        executor.offer(&client);
        let Answer::Failure(Failure::Thrown(chain)) = client.call("hurts", json!([when])) else {
            panic!("{when}: nothing was thrown")
        };
        assert_eq!(chain[0].message, b"it hurts", "{when}");
        executor.log_with("sore to the end");
        assert!(matches!(executor.message(), FromExecutor::Leaving { .. }), "{when}");
        assert_eq!(executor.exit().cause, ExitCause::Status(0), "{when}");
    }
}

#[test]
fn code_that_the_result_runs_may_throw_exit_or_die() {
    for json_call in [true, false] {
        let mut supervisor = FakeSupervisor::start(boot("basic"));
        let mut client = supervisor.connect(0);
        let executor = supervisor.fork(0, 0);
        executor.offer(&client);
        let mut call = |how: &str| {
            if json_call {
                return client.call("difficult", json!([how]));
            }
            // One positional argument, a short string, no named ones.
            let length = 0x80 | u8::try_from(how.len()).unwrap();
            let arguments = [&[1, length], how.as_bytes(), &[0]].concat();
            client.send_frame(Header::new(Kind::Call, 1), "difficult", &arguments);
            client.receive()
        };
        let Answer::Failure(Failure::Thrown(chain)) = call("throws") else {
            panic!("it did not throw")
        };
        assert_eq!(chain[0].message, b"not for sale");
        let Answer::Failure(Failure::Fatal { kind, .. }) = call("exits") else {
            panic!("it did not exit")
        };
        assert_eq!(kind, FatalKind::Exit);
        let Answer::Failure(Failure::Fatal { message, .. }) = call("dies") else {
            panic!("it did not die")
        };
        assert_eq!(message, b"dead");
        assert!(matches!(executor.message(), FromExecutor::Leaving { .. }));
    }
}
