//! A pool whose application has got a new release.

use crate::support::{Answer, Client, FakeSupervisor, boot};
use protocol::{FLAG_JSON, Failure, FromExecutor, GENERATION_PINNED, Header, Kind};
use serde_json::json;

/// Generations without and with that bit.
const UNPINNED: u32 = 2;
const PINNED: u32 = 2 | GENERATION_PINNED;

/// Sends a call that is pinned to a release.
fn send_pinned(client: &mut Client, release: u64) {
    let header = Header { release_id: release, flags: FLAG_JSON, ..Header::new(Kind::Call, 99) };
    client.send_frame(header, "counted", b"[]");
}

#[test]
fn a_connection_that_gets_ready_is_left_to_the_supervisor_unread() {
    let supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect_at(0, 0, UNPINNED);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    executor.until(|cell| cell.ready_ns().is_some());
    supervisor.scoreboard(0).retire(7);
    client.send("counted", json!([]), 0, 0);
    let released = FromExecutor::Released { slot: 0, generation: UNPINNED, retirement: 7 };
    assert_eq!(executor.message(), released);
    executor.until(|cell| cell.passed() == 7 && cell.remains().connection == 0);
    assert!(!client.has_answer());
    assert_eq!(executor.cell().calls(), 0);
}

#[test]
fn a_call_in_flight_ends_here_and_its_connection_is_handed_back() {
    let supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect_at(0, 0, UNPINNED);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    client.send("waits_for", json!([go]), 0, 0);
    executor.running();
    supervisor.scoreboard(0).retire(1);
    std::fs::write(&go, "").unwrap();
    assert_eq!(client.receive(), Answer::Value(json!("went")));
    // It may have watched the connection for a moment before it saw that the pool is retired.
    client.send("counted", json!([]), 0, 0);
    let released = FromExecutor::Released { slot: 0, generation: UNPINNED, retirement: 1 };
    assert_eq!(executor.message(), released);
    if client.has_answer() {
        assert_eq!(client.receive(), Answer::Failure(Failure::Moved));
    }
}

#[test]
fn pinned_calls_on_their_own_connection_go_on_as_before() {
    let supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect_at(0, 0, PINNED);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    executor.until(|cell| cell.ready_ns().is_some());
    supervisor.scoreboard(0).retire(1);
    for _ in 0..3 {
        send_pinned(&mut client, supervisor.catalog.release.0);
        assert!(matches!(client.receive(), Answer::Value(_)));
    }
    // Not even there does a call run that names no release.
    assert_eq!(client.call("counted", json!([])), Answer::Failure(Failure::Moved));
    assert_eq!(client.call("no_such_function", json!([])), Answer::Failure(Failure::Moved));
    assert_eq!(executor.cell().errors(), 0);
}

#[test]
fn an_answer_says_with_which_settings_it_was_made() {
    let supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect_at(0, 0, UNPINNED);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    supervisor.scoreboard(0).set_settings(12);
    client.send("counted", json!([]), 0, 0);
    assert_eq!(client.receive_frame().unwrap().0.settings, 12);
    let header = Header { settings: 11, flags: FLAG_JSON, ..Header::new(Kind::Call, 98) };
    client.send_frame(header, "counted", b"[]");
    assert_eq!(client.receive_frame().unwrap().0.settings, 11);
}
