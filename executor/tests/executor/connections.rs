//! Connections: adopted, asked for, given up.

use crate::support::{Answer, FRAME_TIMEOUT_MS, FakeSupervisor, boot};
use protocol::{ClosedReason, ExitCause, Failure, FromExecutor, Header, Kind, ToExecutor};
use serde_json::json;
use std::io::{Read, Seek, Write};
use std::os::unix::net::UnixStream;

#[test]
fn a_client_that_hangs_up_is_reported() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    client.call("counted", json!([]));
    client.hang_up();
    let closed = FromExecutor::Closed {
        slot: client.slot,
        generation: client.generation,
        reason: ClosedReason::HungUp,
    };
    assert_eq!(executor.message(), closed);
}

#[test]
fn a_call_whose_caller_hung_up_before_its_turn_is_not_run() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("note");
    client.send("leaves_a_note", json!([note, "return"]), 0, 0);
    client.hang_up();
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let message = loop {
        match executor.message() {
            FromExecutor::Need { .. } => executor.offer(&client),
            message => break message,
        }
    };
    let hung_up = ClosedReason::HungUp;
    assert!(matches!(message, FromExecutor::Closed { reason, .. } if reason == hung_up));
    executor.ask(shm::Command::Stop, 0);
    executor.exit();
    assert!(!note.exists(), "it was run");
    assert_eq!(executor.cell().calls(), 0);
}

#[test]
fn a_frame_that_does_not_go_on_is_given_up() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let header = Header { length: 100, ..Header::new(Kind::Call, 1) };
    client.send_bytes(&header.to_bytes()[..20]);
    let reason = fault(&executor.message());
    assert!(reason.contains(&format!("{FRAME_TIMEOUT_MS} ms")), "{reason}");
    assert_eq!(client.receive(), Answer::HungUp);
}

#[test]
fn bytes_that_are_no_call_close_the_connection() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let executor = supervisor.fork(0, 0);
    let too_large = Header { length: u32::MAX, ..Header::new(Kind::Call, 1) }.to_bytes();
    for bytes in [[0xff; 56], too_large] {
        let mut client = supervisor.connect(0);
        executor.offer(&client);
        client.send_bytes(&bytes);
        fault(&executor.message());
        assert_eq!(client.receive(), Answer::HungUp);
    }
    let mut client = supervisor.connect(0);
    executor.offer(&client);
    client.send_bytes(&Header::new(Kind::Welcome, 1).to_bytes());
    assert!(matches!(client.receive(), Answer::Failure(Failure::Protocol { .. })));
    fault(&executor.message());
    assert_eq!(client.receive(), Answer::HungUp);
}

#[test]
fn a_second_call_before_the_answer_is_a_fault() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let call = client.frame("counted", json!([]), 0, 0);
    client.send_bytes(&[call.as_slice(), call.as_slice()].concat());
    let reason = fault(&executor.message());
    assert!(reason.contains("one call at a time"), "{reason}");
}

#[test]
fn a_client_that_does_not_read_its_answer_is_given_up() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    client.send("large", json!([1_000_000]), 0, 0);
    let (slot, generation) = (client.slot, client.generation);
    assert_eq!(executor.message(), FromExecutor::Unread { slot, generation });
    executor.control.send(&ToExecutor::Full { slot, generation }, &[]);
    let reason = fault(&executor.message());
    assert!(reason.contains("did not read"), "{reason}");
}

#[test]
fn a_client_that_does_not_read_is_left_to_the_supervisor_with_the_rest_of_its_answer() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut slow = supervisor.connect(0);
    let mut other = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&slow);
    executor.offer(&other);
    slow.send("large", json!([1_000_000]), 0, 0);
    let (slot, generation) = (slow.slot, slow.generation);
    let (message, mut fds) = executor.control.receive::<FromExecutor>();
    assert_eq!(message, FromExecutor::Unread { slot, generation });
    executor.control.send(&ToExecutor::Taken { slot, generation }, &[]);
    assert_eq!(other.call("add", json!([20, 22])), Answer::Value(json!(42)));
    assert_ne!(executor.cell().remains().connection, slow.name());
    let mut rest = Vec::new();
    let mut file = std::fs::File::from(fds.pop().unwrap());
    file.rewind().unwrap();
    file.read_to_end(&mut rest).unwrap();
    let mut server = UnixStream::from(slow.server_fd().try_clone_to_owned().unwrap());
    let writer = std::thread::spawn(move || server.write_all(&rest).unwrap());
    assert_eq!(slow.receive(), Answer::Value(json!("x".repeat(1_000_000))));
    writer.join().unwrap();
    // Not its own any more, until epoll names it again.
    assert!(executor.control.poll::<FromExecutor>().is_none());
}

#[test]
fn a_result_beyond_the_frame_limit_is_told() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let Answer::Failure(Failure::BadResult { reason, .. }) =
        client.call("large", json!([2_000_000]))
    else {
        panic!("a frame beyond the limit")
    };
    assert!(reason.contains("limits.frame_bytes_max"), "{reason}");
    assert_eq!(client.call("counted", json!([])), Answer::Value(json!(1)));
}

#[test]
fn an_executor_asks_for_what_it_was_not_offered() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    client.send("counted", json!([]), 0, 0);
    let need = FromExecutor::Need { slot: client.slot, generation: client.generation };
    assert_eq!(executor.message(), need);
    executor.offer(&client);
    assert_eq!(client.receive(), Answer::Value(json!(1)));
}

#[test]
fn an_executor_without_room_for_a_connection_leaves_and_says_why() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.until(|cell| cell.state() == shm::State::Idle);
    executor.limit_descriptors(3);
    executor.offer(&client);
    client.send("counted", json!([]), 0, 0);
    let message = executor.message();
    let FromExecutor::Leaving { reason } = &message else { panic!("unexpected {message:?}") };
    assert!(reason.contains("limit on open files"), "{reason}");
    assert_eq!(executor.exit().cause, ExitCause::Status(0));
    let remains = executor.cell().remains();
    assert_eq!((remains.connection, remains.state), (client.name(), shm::State::Reading));
}

#[test]
fn a_connection_that_is_gone_is_forgotten() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut gone = supervisor.connect(0);
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    gone.send("counted", json!([]), 0, 0);
    let (slot, generation) = (gone.slot, gone.generation);
    assert_eq!(executor.message(), FromExecutor::Need { slot, generation });
    executor.control.send(&ToExecutor::Gone { slot, generation }, &[]);
    assert_eq!(client.call("counted", json!([])), Answer::Value(json!(1)));
}

#[test]
fn a_slot_is_used_again_by_a_later_generation_only() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let executor = supervisor.fork(0, 0);
    let mut first = supervisor.connect_at(0, 7, 1);
    executor.offer(&first);
    assert_eq!(first.call("counted", json!([])), Answer::Value(json!(1)));
    first.retire(supervisor.epoll(0));
    let mut second = supervisor.connect_at(0, 7, 2);
    executor.offer(&second);
    // A hint that was overtaken changes nothing.
    let stale = supervisor.connect(0);
    executor.control.send(&ToExecutor::Connection { slot: 7, generation: 1 }, &[stale.server_fd()]);
    assert_eq!(second.call("add", json!([20, 22])), Answer::Value(json!(42)));
}

fn fault(message: &FromExecutor) -> String {
    match message {
        FromExecutor::Closed { reason: ClosedReason::Fault(reason), .. } => reason.clone(),
        other => panic!("unexpected {other:?}"),
    }
}
