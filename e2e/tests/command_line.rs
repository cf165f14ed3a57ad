//! The command line against a real sidecar.

use e2e::{Artifacts, PATIENCE_S, Sidecar};
use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};

const FUNCTIONS: &str = r#"
#[AppServer\Timeout(5.0), AppServer\Idempotent]
function greet(string $name, string $greeting = 'Hello'): string
{
    echo "greeting $name\n";
    return "$greeting, $name!";
}

function sum(int|float ...$numbers): int|float
{
    return array_sum($numbers);
}

function back(mixed $value): mixed
{
    return $value;
}

function refuse(string $why): never
{
    throw new DomainException($why, 7, new LogicException('the cause'));
}

function leave(): void
{
    exit('gone');
}

function spin(): void
{
    while (true) {
    }
}

function unsendable(): array
{
    return ['a' => NAN];
}
"#;

fn ask(sidecar: &Sidecar, args: &[&str]) -> Output {
    let mut command = Command::new(Artifacts::find().appserver);
    command.args(args).args(["--connect-timeout", &PATIENCE_S.to_string()]);
    command.env("APPSERVER_WORKERS", sidecar.address()).stdin(Stdio::null());
    command.output().expect("appserver runs")
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

fn result(sidecar: &Sidecar, args: &[&str]) -> Value {
    let output = ask(sidecar, &[&["call"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", err(&output));
    serde_json::from_str(out(&output)).expect("JSON")
}

#[test]
fn arguments_and_results_are_json() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    assert_eq!(result(&sidecar, &["greet", "World"]), json!("Hello, World!"));
    assert_eq!(result(&sidecar, &["greet", "--named", "greeting=Bye", "name=you"]), "Bye, you!");
    assert_eq!(result(&sidecar, &["sum", "1", "-2", "3.5"]), json!(2.5));
    assert_eq!(result(&sidecar, &["GREET", "--args-json", "[\"é\"]"]), json!("Hello, é!"));
    let value = json!({"list": [1, 2.5, true, null, "\u{1F600}"], "big": i64::MAX, "empty": []});
    assert_eq!(result(&sidecar, &["back", &value.to_string()]), value);
}

#[test]
fn what_a_function_prints_comes_on_stderr_if_wanted() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let output = ask(&sidecar, &["call", "greet", "you", "--output"]);
    assert_eq!((out(&output), err(&output)), ("\"Hello, you!\"\n", "greeting you\n"));
    assert_eq!(err(&ask(&sidecar, &["call", "greet", "you"])), "");
}

#[test]
fn each_end_of_a_call_has_its_exit_code() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    for (args, code, words) in [
        (&["refuse", "no stock"][..], 1, "DomainException: no stock (code 7)"),
        (&["refuse", "no stock"], 1, "previous: LogicException: the cause"),
        (&["greet"], 1, "ArgumentCountError"),
        (&["leave"], 1, "exit()"),
        (&["spin", "--timeout", "0.05"], 75, "time limit of 0.05 s"),
        (&["gret", "x"], 66, "greet?"),
        (&["unsendable"], 65, ""),
        (&["nowhere:greet", "x"], 66, "nowhere"),
    ] {
        let output = ask(&sidecar, &[&["call"], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(words), "{args:?}: {}", err(&output));
        assert_eq!(out(&output), "", "{args:?}");
    }
    assert_eq!(result(&sidecar, &["greet", "World"]), json!("Hello, World!"), "it serves on");
}

#[test]
fn a_failure_is_json_if_wanted() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let output = ask(&sidecar, &["call", "refuse", "no", "--json"]);
    let json: Value = serde_json::from_str(out(&output)).expect("JSON");
    let exception = &json["failure"]["exceptions"][0];
    assert_eq!((&json["ok"], &exception["class"]), (&json!(false), &json!("DomainException")));
    assert!(exception["file"].as_str().expect("a file").ends_with("functions.php"));
}

#[test]
fn functions_are_listed_as_declared() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let output = ask(&sidecar, &["functions"]);
    for part in [
        "greet(string $name, string $greeting = 'Hello'): string",
        "timeout 5 s, idempotent",
        "sum(int|float ...$numbers): int|float",
    ] {
        assert!(out(&output).contains(part), "{part} is missing in\n{}", out(&output));
    }
}

#[test]
fn repeated_calls_are_summed_up_and_seen_in_status_and_top() {
    let sidecar = Sidecar::with_functions(FUNCTIONS);
    let output = ask(&sidecar, &["call", "sum", "1", "--repeat", "50", "--json"]);
    let json: Value = serde_json::from_str(out(&output)).expect("JSON");
    assert_eq!((&json["result"], &json["latency"]["calls"]), (&json!(1), &json!(49)));
    let functions = &sidecar.status()["apps"][0]["functions"];
    let sum = functions.as_array().expect("functions").iter().find(|f| f["function"] == "sum");
    assert_eq!(sum.expect("sum")["calls"], 50);
    let top = ask(&sidecar, &["top", "--once"]);
    let row = out(&top).lines().find(|line| line.ends_with(":sum")).expect("sum");
    assert!(row.contains(" 50 "), "{row}");
    assert!(out(&ask(&sidecar, &["status"])).contains("default"));
}

#[test]
fn what_cannot_be_served_exits_78_and_says_why() {
    let folder = tempfile::tempdir().expect("a temp folder");
    std::fs::write(folder.path().join("a.php"), "<?php function f( {").expect("ours");
    let socket = format!("unix:{}", folder.path().join("s.sock").display());
    let mut serve = Command::new(Artifacts::find().appserver);
    serve.arg("serve").arg("--app").arg(folder.path()).args(["--listen", &socket]);
    let output = serve.env("XDG_RUNTIME_DIR", folder.path()).output().expect("appserver runs");
    assert_eq!(output.status.code(), Some(78), "{}", err(&output));
    assert!(err(&output).contains("a.php"), "{}", err(&output));
}

#[test]
fn a_worker_elsewhere_is_reached_by_tls_with_its_certificate_and_token() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &format!("<?php\n{FUNCTIONS}"))
        .listen("tls:127.0.0.1:0")
        .start();
    let address = format!("tls:127.0.0.1:{}", sidecar.tls_port());
    let made = sidecar.config_file().with_file_name("run");
    let (ca, token) = (made.join("certificate.pem"), made.join("token"));
    let (ca, token) = (ca.to_str().expect("text"), token.to_str().expect("text"));
    let call = ["call", "greet", "World", "--workers", &address];
    for (options, code, words) in [
        (&[][..], 69, "certificate"),
        (&["--ca", ca], 77, "token"),
        (&["--ca", ca, "--token-file", token], 0, ""),
    ] {
        let output = ask(&sidecar, &[&call, options].concat());
        assert_eq!(output.status.code(), Some(code), "{options:?}: {}", err(&output));
        assert!(err(&output).contains(words), "{options:?}: {}", err(&output));
    }
    assert!(!sidecar.log().contains("close_notify"), "{}", sidecar.log());
}
