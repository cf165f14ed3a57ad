//! A server whose questions the test answers, and requests as bytes.

use crate::admin::{Question, Reply};
use crate::config::{Daemon, daemon::Tls};
use crate::serve::commit::Waiting;
use crate::serve::event::Event;
use crate::serve::http::{Api, Guard};
use serde_json::Value;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(super) const TOKEN: &str = "0123456789abcdef";
/// Largest archive that the fake takes, in bytes.
pub(super) const ARCHIVE_BYTES_MAX: u64 = 256 * 1024;

pub(super) struct Fake {
    pub(super) folder: TempDir,
    /// What was asked, and by whom.
    pub(super) asked: Arc<Mutex<Vec<(String, String)>>>,
    pub(super) port: u16,
    pub(super) closing: CancellationToken,
}

impl Fake {
    /// Serves on a unix socket and a TLS port.
    pub(super) fn answering(reply: impl Fn(Question) -> Reply + Send + 'static) -> Self {
        Self::patient(Duration::from_secs(60), reply)
    }

    /// The same; `stalled_after` is the longest pause while a body comes.
    pub(super) fn patient(
        stalled_after: Duration,
        reply: impl Fn(Question) -> Reply + Send + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixListener::bind(folder.path().join("control.sock")).unwrap();
        socket.set_nonblocking(true).unwrap();
        let tcp = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let (events, mut questions) = mpsc::channel(8);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Some(event) = questions.recv().await {
                let Event::Admin(Waiting { question, by, reply: to, .. }) = event else { continue };
                seen.lock().unwrap().push((format!("{question:?}"), by));
                let _ = to.send(reply(question));
            }
        });
        let closing = CancellationToken::new();
        let api = Api {
            events,
            guard: Arc::new(guard(&folder, port)),
            incoming: folder.path().join("incoming"),
            archive_bytes_max: ARCHIVE_BYTES_MAX,
            stalled_after,
            closing: closing.clone(),
            closed: CancellationToken::new(),
        };
        api.open(vec![(PathBuf::new(), socket)], vec![(tcp, true)]).unwrap();
        Self { folder, asked, port, closing }
    }

    /// A request on the unix socket, and the response.
    pub(super) async fn send(&self, method: &str, path: &str, body: &str) -> Response {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\ncontent-length: {length}\r\n");
        self.send_raw(&format!("{head}{CLOSE}{body}")).await
    }

    pub(super) async fn send_raw(&self, request: &str) -> Response {
        let mut stream = self.connect().await;
        // What is refused early is not read to its end.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
        Response::parse(&response)
    }

    pub(super) async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("control.sock")).await.unwrap()
    }

    /// A `GET` over TLS.
    pub(super) async fn get_remotely(&self, path: &str, headers: &str) -> Response {
        let connector = tokio_rustls::TlsConnector::from(Arc::new(trusting(&self.folder)));
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\n{headers}{CLOSE}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
        Response::parse(&response)
    }

    pub(super) fn questions(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(question, _)| question.clone()).collect()
    }

    /// Archives that are on their way in, or were left behind.
    pub(super) fn incoming(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("incoming")).map_or(0, Iterator::count)
    }
}

/// The rest of a head.
pub(super) const CLOSE: &str = "host: x\r\nconnection: close\r\n\r\n";

fn guard(folder: &TempDir, port: u16) -> Guard {
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, format!("{TOKEN} ada\n")).unwrap();
    let mut daemon = Daemon { tls: Tls::default(), ..Daemon::default() };
    daemon.control.listen = Some(vec![format!("tls:127.0.0.1:{port}").parse().unwrap()]);
    daemon.control.token_file = Some(tokens);
    Guard::check(&daemon).unwrap().complete(&daemon, folder.path()).unwrap()
}

fn trusting(folder: &TempDir) -> tokio_rustls::rustls::ClientConfig {
    use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
    let mut roots = RootCertStore::empty();
    let file = folder.path().join("certificate.pem");
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Response {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and code of an error.
    pub(super) fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}
