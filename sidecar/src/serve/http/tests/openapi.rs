//! openapi.json held true: its paths are the routes, its schemas what the types write and read.

use super::fake::Fake;
use super::samples;
use crate::admin::{
    Abort, Activate, Answer, Canary, ChangeAll, ChangeSettings, Code, Invalidate, JobEventKind,
    JobFilter, Number, Promote, Prune, ReleaseState, Remove, Rollback,
};
use crate::serve::http::answer::in_json;
use crate::serve::http::route::ROUTES;
use crate::serve::http::router::OPENAPI;
use protocol::{JobState, Outcome};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(OPENAPI).expect("JSON")
}

fn schema(name: &str) -> Value {
    let schema = document()["components"]["schemas"][name].clone();
    assert!(schema.is_object(), "no schema {name}");
    schema
}

#[test]
fn its_paths_are_the_routes() {
    let documented: BTreeSet<String> = document()["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let others = ["GET /healthz", "GET /metrics", "GET /v1/openapi.json"].map(str::to_owned);
    let routes = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path));
    assert_eq!(documented, others.into_iter().chain(routes).collect());
}

#[test]
fn every_reference_leads_somewhere() {
    fn follow(document: &Value, value: &Value) {
        if let Some(reference) = value["$ref"].as_str() {
            let path = reference.trim_start_matches('#');
            assert!(document.pointer(path).is_some(), "{reference}");
        }
        let inside: Vec<&Value> = match value {
            Value::Object(members) => members.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        inside.into_iter().for_each(|value| follow(document, value));
    }
    let document = document();
    follow(&document, &document);
}

#[test]
fn its_schemas_are_what_the_types_write() {
    for (name, answer) in samples::answers() {
        fits(name, &schema(name), &in_json(&answer), true);
    }
    fits("AuditEntry", &schema("AuditEntry"), &json!(samples::audit()), true);
    fits("Error", &schema("Error"), &json!({ "error": samples::error() }), true);
}

#[test]
fn what_an_answer_may_leave_out_is_not_required() {
    let mut error = samples::error();
    error.changes.clear();
    fits("AdminError", &schema("AdminError"), &json!(error), false);
    let release = crate::admin::Release { reason: None, ..samples::release() };
    fits("Release", &schema("Release"), &json!(release), false);
    let app = crate::admin::App {
        previous: None,
        canary: None,
        removed: false,
        behind: None,
        ..samples::app()
    };
    fits("App", &schema("App"), &in_json(&Answer::App(app)), false);
    let activated =
        crate::admin::Activated { changes: Vec::new(), ended_canary: None, ..samples::activated() };
    fits("Activated", &schema("Activated"), &json!(activated), false);
    let audit =
        crate::admin::AuditEntry { release: None, detail: String::new(), ..samples::audit() };
    fits("AuditEntry", &schema("AuditEntry"), &json!(audit), false);
}

#[test]
fn its_words_are_those_of_the_enums() {
    use Code::{
        BadArchive, BadRequest, Breaking, Conflict, Denied, NotStaged, Unavailable, UnknownApp,
        UnknownFunction, UnknownJob, UnknownRelease,
    };
    let codes = [
        BadRequest,
        Denied,
        UnknownApp,
        UnknownRelease,
        UnknownFunction,
        UnknownJob,
        BadArchive,
        NotStaged,
        Breaking,
        Conflict,
        Unavailable,
    ];
    for code in codes {
        // A new one does not compile until it stands here, and so in the list.
        match code {
            BadRequest | Denied | UnknownApp | UnknownRelease | UnknownFunction | UnknownJob
            | BadArchive | NotStaged | Breaking | Conflict | Unavailable => {}
        }
    }
    assert_eq!(schema("AdminError")["properties"]["code"]["enum"], json!(codes));
    use ReleaseState::{Canary, Current, Draining, Failed, Kept, Staged, Starting};
    let states = [Kept, Starting, Staged, Current, Canary, Draining, Failed];
    for state in states {
        match state {
            Kept | Starting | Staged | Current | Canary | Draining | Failed => {}
        }
    }
    assert_eq!(schema("Release")["properties"]["state"]["enum"], json!(states));
    for name in ["Job", "JobDetail", "JobFilter"] {
        assert_eq!(schema(name)["properties"]["state"]["enum"], json!(JobState::ALL), "{name}");
    }
    assert_eq!(schema("JobEvent")["properties"]["what"]["enum"], json!(event_kinds()));
    assert_eq!(schema("Attempt")["properties"]["outcome"]["enum"], json!(outcomes()));
}

fn event_kinds() -> [JobEventKind; 9] {
    use JobEventKind::{Began, Cancelled, Crashed, Dead, Done, Failed, Made, PutBack, TimedOut};
    let all = [Made, Began, Failed, TimedOut, Crashed, PutBack, Done, Dead, Cancelled];
    for kind in all {
        match kind {
            Made | Began | Failed | TimedOut | Crashed | PutBack | Done | Dead | Cancelled => {}
        }
    }
    all
}

fn outcomes() -> [Outcome; 8] {
    use Outcome::{Cancelled, Crashed, Expired, Failed, Interrupted, Released, Returned, TimedOut};
    let all = [Returned, Failed, TimedOut, Crashed, Interrupted, Cancelled, Expired, Released];
    for outcome in all {
        match outcome {
            Returned | Failed | TimedOut | Crashed | Interrupted | Cancelled | Expired
            | Released => {}
        }
    }
    all
}

#[test]
fn its_schemas_are_what_the_types_read() {
    reads::<Activate>(
        "Activate",
        json!({"number": 8, "allow_breaking": true, "expect_current": 7}),
    );
    reads::<Rollback>("Rollback", json!({"to": 7, "allow_breaking": true}));
    let canary = json!({"release": 8, "percent": 10.0, "allow_breaking": true});
    reads::<Canary>("Canary", canary);
    reads::<Abort>("Abort", json!({"prepared": 8}));
    reads::<Promote>("Promote", json!({"allow_breaking": true}));
    reads::<Number>("Number", json!({"number": 8}));
    reads::<Remove>("Remove", json!({"force": true}));
    reads::<Prune>("Prune", json!({"keep": 5}));
    let filter = json!({"app": "shop", "queue": "mails", "function": "f", "state": "dead", "tag": "t",
        "group": "g", "older_than_ms": 5});
    reads::<JobFilter>("JobFilter", filter.clone());
    reads::<ChangeAll>("ChangeAll", json!({"filter": filter, "dry_run": true, "before": 9}));
    reads::<Invalidate>("Invalidate", json!({"function": "quote", "tags": ["product:17"]}));
    reads::<ChangeSettings>("ChangeSettings", json!({"settings": {"a": null}, "generation": 3}));
}

#[tokio::test]
async fn it_can_be_asked_for() {
    let fake = Fake::answering(|_| Ok(Answer::Done {}));
    let response = fake.send("GET", "/v1/openapi.json", "").await;
    assert_eq!((response.status, response.json()), (200, document()));
}

/// All members that the schema has can be given, those that it requires must be, others may not be.
fn reads<T: DeserializeOwned>(name: &str, whole: Value) {
    let schema = schema(name);
    fits(name, &schema, &whole, true);
    assert_eq!(schema["additionalProperties"], false, "{name}");
    assert!(serde_json::from_value::<T>(whole.clone()).is_ok(), "{name}");
    let required = |key: &str| {
        schema["required"].as_array().is_some_and(|keys| keys.iter().any(|known| known == key))
    };
    for key in whole.as_object().unwrap().keys() {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(key);
        assert_eq!(serde_json::from_value::<T>(without).is_err(), required(key), "{name}.{key}");
    }
    let mut more = whole;
    more["surplus"] = json!(1);
    assert!(serde_json::from_value::<T>(more).is_err(), "{name}");
}

/// Whether a value is what a schema says; `whole` = it has every property of it.
fn fits(at: &str, schema: &Value, value: &Value, whole: bool) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/components/schemas/");
        return fits(&format!("{at} ({name})"), &self::schema(name), value, whole);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return match value {
            Value::Null => assert!(any.contains(&json!({"type": "null"})), "{at}"),
            value => fits(at, &any[0], value, whole),
        };
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => vec![kind.as_str().unwrap_or_default()],
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.contains(&kind), "{at} is {kind}, documented as {kinds:?}");
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(&format!("{at}[{index}]"), &schema["items"], item, whole);
    }
    if let (Some(members), true) = (value.as_object(), schema["properties"].is_object()) {
        members_fit(at, schema, members, whole);
    }
}

fn members_fit(at: &str, schema: &Value, members: &serde_json::Map<String, Value>, whole: bool) {
    let properties = schema["properties"].as_object().unwrap();
    for (key, value) in members {
        let property =
            properties.get(key).unwrap_or_else(|| panic!("{at}.{key} is not documented"));
        fits(&format!("{at}.{key}"), property, value, whole);
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for key in properties.keys() {
        let needed = whole || required.iter().any(|known| known == key);
        assert!(!needed || members.contains_key(key), "{at}.{key} is documented and not there");
    }
}
