//! Who is let in, what becomes a question, and what is refused before it is one.

use super::fake::{ARCHIVE_BYTES_MAX, CLOSE, Fake, TOKEN};
use super::{jobs, samples};
use crate::admin::{AdminError, Answer, Code, Question, Reply};
use protocol::StatusReport;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn done(_: Question) -> Reply {
    Ok(Answer::Done {})
}

fn fake() -> Fake {
    Fake::answering(done)
}

#[tokio::test]
async fn a_request_is_a_question_of_the_kernels_word_for_who_asks() {
    let fake = fake();
    let response = fake.send("POST", "/v1/apps/shop/rollback", r#"{"to": 7}"#).await;
    assert_eq!((response.status, response.body.as_str()), (200, "{}\n"));
    assert!(response.head.contains("content-type: application/json"), "{response:?}");
    let uid = rustix::process::geteuid().as_raw();
    let asked = fake.asked.lock().unwrap();
    assert!(asked[0].0.starts_with("Rollback") && asked[0].0.contains("to: Some(7)"), "{asked:?}");
    assert!(asked[0].1.starts_with(&format!("uid {uid}")), "{asked:?}");
}

#[tokio::test]
async fn every_error_has_a_status_that_fits_and_says_what_changed() {
    let codes = [
        (Code::BadRequest, 400),
        (Code::Denied, 403),
        (Code::UnknownApp, 404),
        (Code::UnknownRelease, 404),
        (Code::UnknownJob, 404),
        (Code::BadArchive, 422),
        (Code::NotStaged, 422),
        (Code::Breaking, 409),
        (Code::Conflict, 409),
        (Code::Unavailable, 503),
    ];
    for (code, status) in codes {
        let error = AdminError { changes: vec![samples::change()], ..AdminError::new(code, "no") };
        let fake = Fake::answering(move |_| Err(error.clone()));
        let response = fake.send("GET", "/v1/apps/shop", "").await;
        assert_eq!(response.status, status, "{code:?}");
        let expected = json!({"code": code, "message": "no", "changes": [samples::change()]});
        assert_eq!(response.json()["error"], expected);
    }
}

#[tokio::test]
async fn what_is_no_request_of_the_api_asks_nothing() {
    let fake = fake();
    for (method, path, body, status) in [
        ("GET", "/", "", 404),
        ("GET", "/v2/apps", "", 404),
        ("DELETE", "/v1/apps/shop", "", 405),
        ("GET", "/v1/apps/NO", "", 400),
        ("GET", "/v1/apps/shop?x=1", "", 400),
        ("PUT", "/v1/apps/shop/releases/0", "x", 400),
        ("PUT", "/v1/apps/shop/releases/new", "x", 400),
        ("POST", "/v1/apps/shop/activate", "", 400),
        ("POST", "/v1/apps/shop/activate", "{", 400),
        ("POST", "/v1/apps/shop/activate", r#"{"number": 1, "force": true}"#, 400),
        ("POST", "/v1/apps/shop/rollback", r#"{"number": 1}"#, 400),
        ("POST", "/v1/apps/shop/promote", r#"{"release": 1}"#, 400),
        ("POST", "/v1/apps/shop/canary", r#"{"release": 1, "percent": 0}"#, 400),
        ("POST", "/v1/apps/shop/canary", r#"{"release": 1, "percent": 100.1}"#, 400),
        ("POST", "/v1/apps/shop/cache/invalidate", r#"{"tag": "x"}"#, 400),
        ("GET", "/v1/apps/shop/cache/invalidate", "", 405),
        ("GET", "/v1/jobs?limit=0", "", 400),
        ("GET", "/v1/jobs?state=lost", "", 400),
        ("GET", "/v1/jobs/queues?app=shop", "", 400),
        ("GET", "/v1/jobs/1", "", 400),
        ("PUT", "/v1/jobs/1", "", 405),
        ("POST", "/v1/jobs:retry", "", 400),
        ("POST", "/v1/jobs:retry", r#"{"filter": {"age": 1}}"#, 400),
        ("POST", "/v1/jobs:retry", r#"{"dry_run": true}"#, 400),
        ("POST", "/v1/apps/shop/queues/a%20b/pause", "", 400),
        ("GET", "/v1/audit?limit=0", "", 400),
        ("GET", "/v1/audit?limits=1", "", 400),
    ] {
        let response = fake.send(method, path, body).await;
        assert_eq!(response.error(), (status, "bad_request".to_owned()), "{method} {path} {body}");
    }
    assert_eq!(fake.questions(), [""; 0]);
}

#[tokio::test]
async fn the_health_of_a_worker_needs_no_token_and_asks_nobody() {
    let fake = fake();
    let response = fake.get_remotely("/healthz", "").await;
    assert_eq!((response.status, response.body.as_str()), (200, "ok\n"));
    assert_eq!(fake.questions(), [""; 0]);
}

#[tokio::test]
async fn over_tls_a_token_says_who_asks_and_without_one_nothing_is_told() {
    let fake = fake();
    for headers in ["", "authorization: Bearer 00000000000000000\r\n", "authorization: Basic x\r\n"]
    {
        for path in ["/v1/apps", "/metrics", "/v1/openapi.json", "/v1/apps/shop/releases/1/archive"]
        {
            let response = fake.get_remotely(path, headers).await;
            assert_eq!(response.error(), (401, "denied".to_owned()), "{path} {headers}");
            assert!(response.head.contains("www-authenticate: bearer"), "{response:?}");
        }
    }
    assert_eq!(fake.questions(), [""; 0]);
    let response =
        fake.get_remotely("/v1/apps", &format!("authorization: Bearer {TOKEN}\r\n")).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(fake.asked.lock().unwrap()[0].1, "token ada");
}

#[tokio::test]
async fn an_archive_arrives_in_a_private_file_that_the_supervisor_takes() {
    let fake = Fake::answering(|question| {
        let Question::Stage { app, number, archive } = question else { return done(question) };
        assert_eq!((app.as_str(), number), ("shop", 8));
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&archive), mode(archive.parent().unwrap())), (0o600, 0o700));
        let bytes = std::fs::read(&archive).unwrap();
        std::fs::remove_file(archive).unwrap();
        let note = format!("{} {}", bytes.len(), bytes.iter().all(|byte| *byte == b'x'));
        Err(AdminError::new(Code::BadArchive, note))
    });
    let response = fake.send("PUT", "/v1/apps/shop/releases/8", &"x".repeat(200_000)).await;
    assert_eq!(response.json()["error"]["message"], "200000 true");
    assert_eq!(fake.incoming(), 0);
}

#[tokio::test]
async fn an_archive_beyond_the_limit_is_refused_announced_or_not() {
    let fake = fake();
    let announced = ARCHIVE_BYTES_MAX + 1;
    let head = format!("PUT /v1/apps/shop/releases/8 HTTP/1.1\r\ncontent-length: {announced}\r\n");
    let response = fake.send_raw(&format!("{head}{CLOSE}")).await;
    assert_eq!(response.error(), (413, "bad_request".to_owned()));
    let piece = "x".repeat(0x10000);
    let chunk = format!("10000\r\n{piece}\r\n").repeat(5);
    let head = "PUT /v1/apps/shop/releases/8 HTTP/1.1\r\ntransfer-encoding: chunked\r\n";
    let response = fake.send_raw(&format!("{head}{CLOSE}{chunk}0\r\n\r\n")).await;
    assert_eq!(response.error(), (413, "bad_request".to_owned()));
    assert_eq!((fake.questions(), fake.incoming()), (vec![], 0));
}

#[tokio::test]
async fn an_archive_whose_sender_goes_away_leaves_nothing_behind() {
    let fake = fake();
    let mut stream = fake.connect().await;
    let head =
        "PUT /v1/apps/shop/releases/8 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).await.unwrap();
    while fake.incoming() == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while fake.incoming() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fake.questions(), [""; 0]);
}

#[tokio::test]
async fn an_archive_that_stops_coming_is_given_up() {
    let fake = Fake::patient(Duration::from_millis(20), done);
    let mut stream = fake.connect().await;
    let head =
        "PUT /v1/apps/shop/releases/8 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert_eq!((fake.questions(), fake.incoming()), (vec![], 0));
}

#[tokio::test]
async fn other_bodies_and_heads_have_limits_as_well() {
    let fake = fake();
    let body = format!("{{\"number\": 1, \"x\": \"{}\"}}", "x".repeat(1 << 20));
    let response = fake.send("POST", "/v1/apps/shop/activate", &body).await;
    assert_eq!(response.error(), (413, "bad_request".to_owned()));
    let head = format!("GET /v1/apps HTTP/1.1\r\nx: {}\r\n", "x".repeat(64 * 1024));
    let response = fake.send_raw(&format!("{head}{CLOSE}")).await;
    assert_eq!(response.status, 431, "{response:?}");
    assert_eq!(fake.questions(), [""; 0]);
}

#[tokio::test]
async fn an_archive_is_sent_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    std::fs::write(&file, "x".repeat(300_000)).unwrap();
    let fake = Fake::answering(move |_| Ok(Answer::Archive(file.clone())));
    let response = fake.send("GET", "/v1/apps/shop/releases/8/archive", "").await;
    assert_eq!((response.status, response.body.len()), (200, 300_000));
    assert!(response.head.contains("content-length: 300000"), "{response:?}");
}

#[tokio::test]
async fn a_request_has_an_id_its_own_if_it_brings_one() {
    let fake = fake();
    let head = "GET /v1/apps HTTP/1.1\r\nx-request-id: abc-1\r\n";
    let response = fake.send_raw(&format!("{head}{CLOSE}")).await;
    assert!(response.head.contains("x-request-id: abc-1"), "{response:?}");
    assert!(fake.send("GET", "/v1/apps", "").await.head.contains("x-request-id: "));
}

#[tokio::test]
async fn figures_are_told_in_the_format_of_prometheus() {
    let report: StatusReport = samples::status();
    let fake = Fake::answering(move |question| {
        Ok(match question {
            Question::Jobs(_) => Answer::Queues(jobs::queues()),
            _ => Answer::Status(Box::new(report.clone())),
        })
    });
    let response = fake.send("GET", "/metrics", "").await;
    assert_eq!(response.status, 200);
    let labels = "app=\"shop\",release=\"0000000000005eed\"";
    for line in [
        "# TYPE appserver_connections_open gauge".to_owned(),
        "appserver_connections_open 1".to_owned(),
        "appserver_connections_accepted_total 2".to_owned(),
        "appserver_unread_results 4".to_owned(),
        "appserver_unread_bytes 5242880".to_owned(),
        format!("appserver_release_state{{{labels},state=\"running\"}} 1"),
        format!("appserver_executors{{{labels},pool=\"default\",state=\"running\"}} 1"),
        format!("appserver_executors{{{labels},pool=\"default\",state=\"idle\"}} 0"),
        format!("appserver_calls_total{{{labels},function=\"greet\"}} 12"),
        format!("appserver_call_errors_total{{{labels},function=\"greet\"}} 1"),
        format!("appserver_call_duration_seconds_sum{{{labels},function=\"greet\"}} 0.000099"),
        format!("appserver_call_duration_seconds_count{{{labels},function=\"greet\"}} 12"),
        "appserver_jobs_accepted 0".to_owned(),
        "appserver_jobs_made_total 6".to_owned(),
        "appserver_job_attempts_crashed_total 3".to_owned(),
        "appserver_jobs_waiting{app=\"shop\",queue=\"mails\"} 12".to_owned(),
        "appserver_queue_paused{app=\"shop\",queue=\"mails\"} 1".to_owned(),
        "appserver_jobs_oldest_waiting_seconds{app=\"shop\",queue=\"mails\"} 1.5".to_owned(),
        "appserver_jobs_argument_bytes 4096".to_owned(),
        "appserver_jobs_awaiting 3".to_owned(),
        "appserver_jobs_ledger_bytes{part=\"file\"} 2".to_owned(),
        "appserver_jobs_commit_duration_seconds_count 8".to_owned(),
    ] {
        assert!(response.body.lines().any(|l| l == line), "no {line} in\n{}", response.body);
    }
    let last = format!(
        "appserver_call_duration_seconds_bucket{{le=\"+Inf\",{labels},function=\"greet\"}} 12"
    );
    assert!(response.body.contains(&last), "{}", response.body);
    assert!(response.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_worker_that_stops_lets_nobody_new_in() {
    let fake = fake();
    let mut idle = fake.connect().await;
    fake.send("GET", "/healthz", "").await;
    fake.closing.cancel();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
}
