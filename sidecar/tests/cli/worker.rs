//! Commands that ask a worker, against one that says what the test wants.

use crate::appserver::{Ran, appserver, appserver_with, command};
use crate::fake_worker::{CONNECTION, FakeWorker, Received, Reply};
use protocol::{ExitCause, Failure, FatalKind, Refused, RefusedCode, Thrown, TraceFrame};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::sync::mpsc::channel;

fn ask(worker: &FakeWorker, args: &[&str]) -> Ran {
    appserver_with(args, &[("APPSERVER_WORKERS", &worker.address())])
}

fn echo() -> FakeWorker {
    FakeWorker::answering(|call: &Received| {
        let text = json!([call.function, call.pool, call.arguments, call.budget_ms]).to_string();
        Reply::Return(text.leak(), "printed")
    })
}

fn failing(failure: Failure) -> FakeWorker {
    FakeWorker::answering(move |_| Reply::Fail(failure.clone()))
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no JSON: {ran:?}"))
}

#[test]
fn a_call_goes_to_the_functions_pool_with_its_arguments_and_limit() {
    let worker = echo();
    let ran = ask(&worker, &["call", "greet", "World", "3", "--timeout", "1.5"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(json_of(&ran), json!(["greet", "default", "[\"World\",3]", 1500]));
    assert_eq!(ran.err, "", "what it printed was not asked for");
    let ran = ask(&worker, &["call", "shop:COUNT", "--named", "whom=you", "--output"]);
    assert_eq!(json_of(&ran), json!(["COUNT", "resident", "{\"whom\":\"you\"}", 30000]));
    assert_eq!(ran.err, "printed\n");
}

#[test]
fn a_result_is_printed_as_it_came_and_a_string_bare_if_wanted() {
    let worker = FakeWorker::answering(|_| Reply::Return("\"a\\u00e9\\n\"", ""));
    assert_eq!(ask(&worker, &["call", "greet"]).out, "\"a\\u00e9\\n\"\n");
    assert_eq!(ask(&worker, &["call", "greet", "--raw"]).out, "aé\n\n");
    let worker = FakeWorker::answering(|_| Reply::Return("{\"b\":1.0,\"a\":1e2}", ""));
    assert_eq!(ask(&worker, &["call", "greet"]).out, "{\"b\":1.0,\"a\":1e2}\n");
}

#[test]
fn json_tells_how_the_call_went() {
    let worker = echo();
    let ran = ask(&worker, &["call", "greet", "--json", "--output", "--repeat", "5"]);
    let json = json_of(&ran);
    assert_eq!((&json["ok"], &json["release"]), (&json!(true), &json!("0000000000005eed")));
    assert_eq!(json["worker"], worker.address());
    assert_eq!((&json["output"], &json["result"][0]), (&json!("printed"), &json!("greet")));
    assert_eq!(json["latency"]["calls"], 4);
    // The fifth of this process: the worker's log has the same number.
    let request_id = json["request_id"].as_u64().unwrap();
    assert!(request_id >> 40 > 0 && request_id & 0xff_ffff_ffff == 5, "{request_id}");
}

#[test]
fn an_exception_is_told_with_place_trace_and_previous_ones() {
    let thrown = |class: &str, message: &str| Thrown {
        class: class.to_owned(),
        message: message.as_bytes().to_vec(),
        code: 7,
        file: "/srv/shop/a.php".to_owned(),
        line: 12,
        trace: vec![TraceFrame {
            file: Some("/srv/shop/b.php".to_owned()),
            line: Some(3),
            class: Some("Price".to_owned()),
            arrow: Some("->".to_owned()),
            function: "net".to_owned(),
        }],
        properties: Vec::new(),
    };
    let chain = vec![thrown("DomainException", "no\x1b[2Jprice"), thrown("Exception", "")];
    let worker = failing(Failure::Thrown(chain));
    let ran = ask(&worker, &["call", "greet"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for part in [
        "DomainException: no\u{fffd}[2Jprice (code 7)",
        "thrown in /srv/shop/a.php:12",
        "#0 Price->net() in /srv/shop/b.php:3",
        "previous: Exception (code 7)",
    ] {
        assert!(ran.err.contains(part), "{part} is missing in {}", ran.err);
    }
    let json = json_of(&ask(&worker, &["call", "greet", "--json"]));
    assert_eq!((&json["ok"], &json["failure"]["kind"]), (&json!(false), &json!("thrown")));
    assert_eq!(json["failure"]["exceptions"][0]["class"], "DomainException");
    assert_eq!(json["failure"]["exceptions"][1]["line"], 12);
}

#[test]
fn each_failure_has_its_exit_code_and_its_words() {
    let fatal = Failure::Fatal {
        kind: FatalKind::Memory,
        message: b"Allowed memory size exhausted".to_vec(),
        file: "a.php".to_owned(),
        line: 5,
    };
    let died = Failure::Died {
        cause: ExitCause::Signal(11),
        function: "greet".to_owned(),
        hint: "often endless recursion".to_owned(),
    };
    let bad = Failure::BadResult { path: "result[3]".to_owned(), reason: "Closure".to_owned() };
    let gone = Failure::Unavailable { reason: "shutting down".to_owned(), ran: false };
    for (failure, code, words) in [
        (fatal, 1, "Allowed memory size exhausted in a.php:5"),
        (died, 1, "signal 11 (SIGSEGV): often endless recursion"),
        (Failure::TimedOut { limit_ms: 1500, killed: true }, 75, "time limit of 1.5 s"),
        (bad, 65, "result[3]: Closure"),
        (gone, 69, "shutting down (nothing ran)"),
    ] {
        let ran = ask(&failing(failure), &["call", "greet"]);
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.err.contains(words), "{words} is missing in {}", ran.err);
    }
}

#[test]
fn unknown_functions_and_applications_are_named_with_near_ones() {
    let worker = echo();
    let ran = ask(&worker, &["call", "gret"]);
    assert_eq!(ran.code, 66);
    assert!(ran.err.contains("\"gret\"") && ran.err.contains("greet?"), "{}", ran.err);
    for args in [&["call", "shpo:greet"][..], &["functions", "shpo"]] {
        let ran = ask(&worker, args);
        assert_eq!(ran.code, 66, "{args:?}");
        assert!(ran.err.contains("shop?"), "{}", ran.err);
    }
}

#[test]
fn a_connection_that_breaks_during_a_call_may_have_run_it() {
    let ran = ask(&FakeWorker::answering(|_| Reply::HangUp), &["call", "greet"]);
    assert_eq!(ran.code, 74);
    assert!(ran.err.contains("may have run"), "{}", ran.err);
}

#[test]
fn a_worker_that_never_answers_is_given_up_after_limit_and_grace() {
    let worker = FakeWorker::answering(|_| Reply::Silence);
    let ran = ask(&worker, &["call", "greet", "--timeout", "0.01"]);
    assert_eq!(ran.code, 75, "{}", ran.err);
}

#[test]
fn an_interrupted_call_is_cancelled_before_the_command_ends() {
    let (arrived, arrival) = channel();
    let worker = FakeWorker::answering(move |_| {
        arrived.send(()).expect("the test waits");
        Reply::Silence
    });
    for signal in [Signal::INT, Signal::TERM] {
        let mut call = command(&["call", "greet", "--workers", &worker.address()], &[]);
        let mut call = call.spawn().expect("appserver runs");
        // The first of this process.
        let request_id = (u64::from(call.id()) << 40) + 1;
        arrival.recv().expect("the worker lives");
        kill_process(Pid::from_child(&call), signal).expect("ours");
        assert_eq!(worker.cancelled.recv().expect("the worker lives"), (CONNECTION, request_id));
        assert_eq!(call.wait().expect("ours").signal(), Some(signal.as_raw()));
    }
}

#[test]
fn a_refusal_has_the_exit_code_of_its_reason() {
    for (code, exit) in [
        (RefusedCode::Denied, 77),
        (RefusedCode::UnknownApp, 66),
        (RefusedCode::NotReady, 69),
        (RefusedCode::Protocol, 76),
    ] {
        let message = "because of the test".to_owned();
        let worker = FakeWorker::refusing(Refused { code, message, near: Vec::new() });
        let ran = ask(&worker, &["status"]);
        assert_eq!(ran.code, exit, "{code:?}");
        assert!(ran.err.contains("because of the test"), "{}", ran.err);
    }
}

#[test]
fn the_first_worker_that_can_be_reached_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    // Accepts into its backlog, and never says a word: as a frozen worker does.
    let frozen = folder.path().join("frozen.sock");
    let _listener = UnixListener::bind(&frozen).unwrap();
    let worker = echo();
    let workers = format!(
        "unix:{0}/nobody.sock,unix:{1};weight=2,{2}",
        folder.path().display(),
        frozen.display(),
        worker.address()
    );
    let ran = appserver(&["status", "--connect-timeout", "0.05", "--workers", &workers]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains(&worker.address()), "{}", ran.out);
}

#[test]
fn without_any_worker_each_failure_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("unix:{}/{name}", folder.path().display());
    let ran = appserver(&["status", "--workers", &format!("{},{}", at("a"), at("b"))]);
    assert_eq!(ran.code, 69);
    for part in [at("a"), at("b"), "--workers".to_owned()] {
        assert!(ran.err.contains(&part), "{part} is missing in {}", ran.err);
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    for args in [
        ["status", "--workers", "tls:127.0.0.1:1", "--ca", empty],
        ["status", "--workers", "tls:127.0.0.1:1", "--token-file", "/nonexistent"],
    ] {
        let ran = appserver(&args);
        assert_eq!(ran.code, 78, "{}", ran.err);
        assert!(ran.err.contains(args[4]), "{}", ran.err);
    }
}

#[test]
fn without_an_address_the_user_s_own_socket_is_asked_and_the_error_says_how_to_name_another() {
    let folder = tempfile::tempdir().unwrap();
    let ran = appserver_with(&["status"], &[("XDG_RUNTIME_DIR", folder.path().to_str().unwrap())]);
    assert_eq!(ran.code, 69, "{}", ran.err);
    let own = match rustix::process::geteuid().is_root() {
        true => "/run/appserver/appserver.sock".to_owned(),
        false => folder.path().join("appserver/appserver.sock").display().to_string(),
    };
    for part in [own.as_str(), "--workers", "APPSERVER_WORKERS"] {
        assert!(ran.err.contains(part), "{part} is missing in {}", ran.err);
    }
}

#[test]
fn status_is_a_table_or_json() {
    let worker = echo();
    let ran = ask(&worker, &["status"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in ["pid 4000", "up 1 min 0 s", "/srv/shop", "1 (1 to 4)", "warning: lib.php"] {
        assert!(ran.out.contains(part), "{part} is missing in\n{}", ran.out);
    }
    let json = json_of(&ask(&worker, &["status", "--json"]));
    assert_eq!(json["apps"][0]["pools"][0]["executors"][0]["pid"], 4001);
    assert_eq!(json["apps"][0]["release"], "0000000000005eed");
}

#[test]
fn functions_are_listed_with_signatures_and_attributes() {
    let worker = echo();
    let ran = ask(&worker, &["functions"]);
    for part in
        ["greet(string $whom = 'you'): string", "timeout 2.5 s, idempotent", "functions.php:3"]
    {
        assert!(ran.out.contains(part), "{part} is missing in\n{}", ran.out);
    }
    let json = json_of(&ask(&worker, &["functions", "shop", "--json"]));
    assert_eq!(json[0]["functions"][1]["name"], "greet");
    assert_eq!(json[0]["release"], "0000000000005eed");
}

#[test]
fn top_prints_one_frame_where_there_is_no_terminal() {
    let ran = ask(&echo(), &["top", "--once", "--sort", "p99"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in ["since start", "shop:greet", "4001", "1.5 ms", "5.0 MiB", "P99*"] {
        assert!(ran.out.contains(part), "{part} is missing in\n{}", ran.out);
    }
    assert!(!ran.out.contains('\x1b'), "plain text: {:?}", ran.out);
}
