//! Calls of a running executor, and how each kind of end is told.

mod support;

use protocol::{FLAG_OUTPUT, Failure, FatalKind};
use serde_json::json;
use support::{Answer, FakeSupervisor, boot};

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
    drop(executor);
    let _ = (FLAG_OUTPUT, FatalKind::Exit, std::mem::size_of::<Failure>());
}
