//! Calls of a pool whose request lives on.

use crate::support::{Answer, FakeSupervisor, boot};
use protocol::{Failure, FromExecutor};
use serde_json::json;

#[test]
fn state_survives_between_calls() {
    let mut supervisor = FakeSupervisor::start(boot("resident"));
    let mut client = supervisor.connect(1);
    let executor = supervisor.fork(1, 0);
    executor.offer(&client);
    for count in 1..=3 {
        assert_eq!(client.call("visits", json!([])), Answer::Value(json!(count)));
    }
    assert_eq!(client.call("boots", json!([])), Answer::Value(json!(1)));
}

#[test]
fn the_request_time_is_the_calls_and_a_copy_of_it_stays_as_it_was() {
    let mut supervisor = FakeSupervisor::start(boot("resident"));
    let mut client = supervisor.connect(1);
    let executor = supervisor.fork(1, 0);
    executor.offer(&client);
    let mut times = || match client.call("request_times", json!([])) {
        Answer::Value(times) => (times[0].as_f64().unwrap(), times[1].as_f64().unwrap()),
        other => panic!("{other:?}"),
    };
    let first = times();
    let second = times();
    assert!(first.0 == first.1 && second.1 == first.1, "{first:?} {second:?}");
    assert!(second.0 > first.0, "{first:?} {second:?}");
    assert_eq!(client.call("writes_server", json!([])), Answer::Value(json!(null)));
    let Answer::Value(third) = client.call("request_times", json!([])) else { panic!("no time") };
    assert!(third[0].as_f64().unwrap() > second.0, "{third} {second:?}");
}

#[test]
fn what_belongs_to_one_call_does_not_reach_the_next() {
    let mut supervisor = FakeSupervisor::start(boot("resident"));
    let mut client = supervisor.connect(1);
    let executor = supervisor.fork(1, 0);
    executor.offer(&client);
    let printed = Answer::Printed(b"left open".to_vec(), json!(null));
    assert_eq!(client.call_printing("litters", json!([])), printed);
    let clean = json!({
        "level": 0,
        "error": null,
        "headers": [],
        "status": 200,
        "shutdown": 1,
    });
    assert_eq!(client.call("looks_around", json!([])), Answer::Value(clean));
}

#[test]
fn surroundings_are_put_back_and_settings_stay() {
    let mut supervisor = FakeSupervisor::start(boot("resident"));
    let mut client = supervisor.connect(1);
    let executor = supervisor.fork(1, 0);
    executor.offer(&client);
    for visits in 1..=3 {
        client.call("changes_surroundings", json!([]));
        let found = json!({
            "session": [false, "", false],
            "limit": "0",
            "folder": "resident",
            "umask": 0o027,
            "alarm": 0,
            "precision": "3",
            "variable": "yes",
        });
        assert_eq!(client.call("surroundings", json!([])), Answer::Value(found));
        assert_eq!(client.call("saved_visits", json!([])), Answer::Value(json!(visits)));
    }
}

#[test]
fn an_exception_leaves_the_state_and_exit_does_not() {
    let mut supervisor = FakeSupervisor::start(boot("resident"));
    let mut client = supervisor.connect(1);
    let executor = supervisor.fork(1, 0);
    executor.offer(&client);
    client.call("visits", json!([]));
    assert!(matches!(client.call("fails", json!([])), Answer::Failure(Failure::Thrown(_))));
    assert_eq!(client.call("visits", json!([])), Answer::Value(json!(2)));
    assert!(matches!(client.call("exits", json!([])), Answer::Failure(Failure::Fatal { .. })));
    assert!(matches!(executor.message(), FromExecutor::Leaving { .. }));
    executor.exit();
    let successor = supervisor.fork(1, 0);
    successor.offer(&client);
    assert_eq!(client.call("visits", json!([])), Answer::Value(json!(1)));
}

#[test]
fn functions_of_different_isolation_belong_to_different_pools() {
    let mut supervisor = FakeSupervisor::start(boot("resident"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let wrong = Failure::WrongPool { pool: "resident".into() };
    assert_eq!(client.call("visits", json!([])), Answer::Failure(wrong));
    assert_eq!(client.call("stateless", json!([])), Answer::Value(json!("here")));
}
