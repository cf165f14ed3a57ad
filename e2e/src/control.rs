//! The control API of a worker, as bytes.

use crate::Sidecar;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// Asks a worker; status and body of its answer.
pub fn ask(worker: &Sidecar, method: &str, path: &str, body: &[u8]) -> (u16, String) {
    let mut stream = UnixStream::connect(worker.control()).expect("the control API listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: worker\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
}
