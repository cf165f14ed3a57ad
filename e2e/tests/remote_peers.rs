//! Remote callers that misbehave over TLS: nobody else notices, and the log says why they were closed.

use e2e::wire::hello_with;
use e2e::{PhpOutput, Sidecar, eventually};
use protocol::{Header, Kind};

const TOKEN: &str = "a-long-enough-secret-for-a-test";

/// A worker that listens with TLS, and its port.
fn remote(limits: &str) -> (Sidecar, u16) {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let sidecar = Sidecar::builder()
        .file("f.php", r#"<?php function hello(string $name): string { return "Hello $name"; }"#)
        .config(&format!("[tcp]\ntoken_file = {token:?}\n[limits]\n{limits}"))
        .listen("tls:127.0.0.1:0")
        .start();
    let port = sidecar.tls_port();
    (sidecar, port)
}

/// Speaks TLS to the port: says Hello, takes the Welcome, sends `$then`, and reads until it is closed.
fn speak(sidecar: &Sidecar, port: u16, then: &str) -> PhpOutput {
    let hello = hex(&hello_with(Some(TOKEN)));
    sidecar.php(&format!(
        r#"$anyone = stream_context_create(['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]]);
           $peer = stream_socket_client('ssl://127.0.0.1:{port}', $code, $text, 20, STREAM_CLIENT_CONNECT, $anyone);
           stream_set_timeout($peer, 20);
           fwrite($peer, hex2bin('{hello}'));
           echo strlen(fread($peer, 56)) > 0 ? 'welcomed' : 'not welcomed';
           fwrite($peer, {then});
           while (!feof($peer) && !stream_get_meta_data($peer)['timed_out']) {{ @fread($peer, 65536); }}
           echo stream_get_meta_data($peer)['timed_out'] ? ', kept' : ', closed';"#
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn still_serves(sidecar: &Sidecar, port: u16) {
    let ca = sidecar.certificate().display().to_string();
    let out = sidecar.php(&format!(
        r#"$client = (new AppServer\Client())->withWorkers('tls:127.0.0.1:{port}')->withCertificate(null, null, {ca:?})->withToken('{TOKEN}');
           echo $client->call('hello', 'Ada');"#
    ));
    assert_eq!(out.ok(), "Hello Ada");
}

#[test]
fn random_bytes_after_the_welcome() {
    let (sidecar, port) = remote("");
    assert_eq!(speak(&sidecar, port, r#"random_bytes(5000)"#).ok(), "welcomed, closed");
    eventually("a reason in the log", || sidecar.log().contains("connection closed").then_some(()));
    still_serves(&sidecar, port);
}

#[test]
fn half_a_frame_holds_no_executor_and_is_given_up() {
    let (sidecar, port) = remote("frame_timeout_ms = 200\n");
    let head = hex(&Header::new(Kind::Call, 1).to_bytes()[..20]);
    assert_eq!(speak(&sidecar, port, &format!("hex2bin('{head}')")).ok(), "welcomed, closed");
    eventually("a reason in the log", || sidecar.log().contains("frame_timeout_ms").then_some(()));
    still_serves(&sidecar, port);
}

#[test]
fn an_oversized_frame_is_refused_before_it_is_read() {
    let (sidecar, port) = remote("");
    let mut header = Header::new(Kind::Call, 1);
    header.length = u32::MAX;
    let head = hex(&header.to_bytes());
    assert_eq!(speak(&sidecar, port, &format!("hex2bin('{head}')")).ok(), "welcomed, closed");
    eventually("a reason in the log", || sidecar.log().contains("exceeds the limit").then_some(()));
    still_serves(&sidecar, port);
}

#[test]
fn bytes_that_are_no_tls_at_all() {
    let (sidecar, port) = remote("");
    let out = sidecar.php(&format!(
        r#"$peer = stream_socket_client('tcp://127.0.0.1:{port}');
           fwrite($peer, "GET / HTTP/1.1\r\n\r\n");
           while (!feof($peer)) {{ @fread($peer, 65536); }}
           echo 'closed';"#
    ));
    assert_eq!(out.ok(), "closed");
    eventually("a reason in the log", || sidecar.log().contains("connection closed").then_some(()));
    still_serves(&sidecar, port);
}
