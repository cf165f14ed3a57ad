//! Calls that return.

use crate::support::{Answer, FakeSupervisor, boot};
use protocol::{Failure, Header, Kind, ReleaseId};
use serde_json::json;
use shm::State;

#[test]
fn a_function_is_called_and_its_result_comes_back() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    assert_eq!(client.call("hello", json!(["World"])), Answer::Value(json!("Hello, World!")));
    let named = json!({"greeting": "Ahoy", "name": "World"});
    assert_eq!(client.call("HELLO", named), Answer::Value(json!("Ahoy, World!")));
    assert_eq!(client.call("\\add", json!([1, 2, 3])), Answer::Value(json!(6)));
    assert_eq!(client.call("Math::square", json!([7])), Answer::Value(json!(49)));
}

#[test]
fn values_travel_in_the_value_codec() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    // One positional argument, a short string, no named ones.
    client.send_frame(Header::new(Kind::Call, 1), "hello", b"\x01\x85World\x00");
    let (header, body) = client.receive_frame().unwrap();
    assert_eq!((header.kind, header.release_id), (Kind::Return, supervisor.catalog.release.0));
    assert_eq!(body, b"\x8dHello, World!");
    client.send_frame(Header::new(Kind::Call, 2), "hello", b"\x01\x85Wor");
    let Answer::Failure(Failure::BadArguments { reason, .. }) = client.receive() else {
        panic!("half a string was decoded")
    };
    assert!(reason.contains("malformed"), "{reason}");
    client.send_frame(Header::new(Kind::Call, 3), "closes", b"\x00\x00");
    let Answer::Failure(Failure::BadResult { path, reason }) = client.receive() else {
        panic!("a closure was sent")
    };
    assert_eq!((path.as_str(), reason.as_str()), ("result", "Closure cannot be sent"));
}

#[test]
fn what_json_cannot_say_is_refused_with_its_place() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for (what, says) in [
        ("nan", "INF and NAN have no JSON form"),
        ("inf", "INF and NAN have no JSON form"),
        ("closure", "an object of this class cannot be sent"),
        ("generator", "an object of this class cannot be sent"),
        ("resource", "a resource cannot be sent"),
    ] {
        let Answer::Failure(Failure::BadResult { path, reason }) =
            client.call("unsendable", json!([what]))
        else {
            panic!("{what} was sent")
        };
        assert_eq!((path.as_str(), reason.as_str()), ("result['rows'][1]->total", says), "{what}");
    }
    let Answer::Failure(Failure::BadResult { reason, .. }) =
        client.call("unsendable", json!(["itself"]))
    else {
        panic!("an endless value was sent")
    };
    assert_eq!(reason, "it contains itself");
    let sent = json!({"rows": [0, {"total": {}}]});
    assert_eq!(client.call("unsendable", json!(["anonymous"])), Answer::Value(sent));
}

#[test]
fn every_answer_tells_the_epoch_of_the_membership() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for (epoch, function) in [(0, "hello"), (7, "hello"), (8, "nowhere")] {
        supervisor.scoreboard(0).set_epoch(epoch);
        client.send_frame(Header::new(Kind::Call, 1), function, b"\x01\x85World\x00");
        assert_eq!(client.receive_frame().unwrap().0.epoch, epoch, "{function}");
    }
}

#[test]
fn every_call_has_a_request_of_its_own() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for _ in 0..5 {
        assert_eq!(client.call("counted", json!([])), Answer::Value(json!(1)));
    }
}

#[test]
fn any_idle_executor_takes_a_connection_and_counts_what_it_does() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut clients = [supervisor.connect(0), supervisor.connect(0), supervisor.connect(0)];
    let executors = [supervisor.fork(0, 0), supervisor.fork(0, 1)];
    // Nothing is offered: they have to ask.
    for round in 0..20 {
        for client in &mut clients {
            client.send("add", json!([round, 1]), 0, 0);
        }
        let mut answered = 0;
        while answered < clients.len() {
            for executor in &executors {
                executor.serve_needs(&clients);
            }
            answered += clients
                .iter_mut()
                .filter(|client| client.has_answer())
                .map(|client| {
                    assert_eq!(client.receive(), Answer::Value(json!(round + 1)));
                })
                .count();
        }
    }
    let index = supervisor.catalog.find("add").unwrap().0;
    assert_eq!(supervisor.scoreboard(0).function(index).calls(), 60);
    assert_eq!(supervisor.scoreboard(0).function(index).errors(), 0);
    executors[0].until(|cell| cell.state() == State::Idle);
}

#[test]
fn what_cannot_run_is_refused_by_name() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let unknown = Failure::UnknownFunction { function: "helo".into(), near: vec!["hello".into()] };
    assert_eq!(client.call("helo", json!([])), Answer::Failure(unknown));
    for internal in ["strlen", "system", "Math::secret"] {
        let Answer::Failure(Failure::UnknownFunction { function, .. }) =
            client.call(internal, json!(["x"]))
        else {
            panic!("{internal} was called")
        };
        assert_eq!(function, internal);
    }
    let Answer::Failure(Failure::NotCallable { reason, .. }) = client.call("swaps", json!([[1]]))
    else {
        panic!("a by-reference parameter was taken")
    };
    assert!(reason.contains("$values"), "{reason}");
}

#[test]
fn another_release_is_told_from_this_one() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let header = Header { release_id: 1, flags: 4, ..Header::new(Kind::Call, 9) };
    client.send_frame(header, "hello", b"[\"x\"]");
    let wrong = Failure::WrongRelease { current: ReleaseId(supervisor.catalog.release.0) };
    assert_eq!(client.receive(), Answer::Failure(wrong));
}

#[test]
fn wrong_arguments_are_the_exceptions_of_a_local_call() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for (arguments, class, says) in [
        (json!([]), "ArgumentCountError", "Too few arguments"),
        (json!([[1]]), "TypeError", "must be of type string, array given"),
        (json!({"nobody": 1}), "Error", "Unknown named parameter $nobody"),
    ] {
        let Answer::Failure(Failure::Thrown(chain)) = client.call("hello", arguments) else {
            panic!("{class} was not thrown")
        };
        assert_eq!(chain[0].class, class);
        let message = String::from_utf8_lossy(&chain[0].message);
        assert!(message.contains(says), "{message}");
    }
    assert_eq!(client.call("hello", json!(["again"])), Answer::Value(json!("Hello, again!")));
}

#[test]
fn json_that_is_none_and_results_without_a_json_form_say_so() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let header = Header { flags: 4, ..Header::new(Kind::Call, 9) };
    client.send_frame(header, "hello", b"[\"x\"");
    let Answer::Failure(Failure::BadArguments { reason, .. }) = client.receive() else {
        panic!("half an array was decoded")
    };
    assert_eq!(reason, "JSON syntax error");
    let Answer::Failure(Failure::BadResult { reason, .. }) = client.call("binary", json!([]))
    else {
        panic!("binary bytes became JSON")
    };
    assert_eq!(reason, "a string is not UTF-8");
}
