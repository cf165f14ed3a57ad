//! A worker's control API that says what the test wants, and keeps what it was asked.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// What was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Method and path.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer: a status and its JSON; status 0 hangs up.
pub(crate) type Answer = (u16, Value);

pub(crate) struct FakeControl {
    folder: TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeControl {
    pub(crate) fn answering(answer: impl Fn(&Asked) -> Answer + Send + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("control.sock")).expect("a socket");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                seen.lock().expect("no panic").push(request.clone());
                let (status, json) = answer(&request);
                if status > 0 {
                    write(stream, status, &json);
                }
            }
        });
        Self { folder, asked }
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("control.sock").display())
    }

    /// Everything that was asked until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Methods and paths of it.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }
}

fn read(stream: &UnixStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, body })
}

fn write(mut stream: UnixStream, status: u16, json: &Value) {
    let body = json.to_string();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
    // A command that was killed does not listen.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}
