//! The floor: what two processes and a unix socket cost, with the product's way of waiting and with
//! messages of the size of a call and its answer.
//!
//! Each side looks at the socket for a while before it sleeps, but only while messages follow each
//! other closely. To look after a pause would be worse than to sleep: the looking side keeps its
//! processor, so the kernel has to wake the other side on another one, which sleeps too. Measured with
//! calls 1 ms apart in a virtual machine: 112 µs when both always look, 11 µs when both sleep.

use crate::contestant::Contestant;
use crate::server::Server;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::io::{BufRead, Write, stdin, stdout};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long either side looks at the socket before it sleeps: the product's default.
pub(crate) const BUSY_POLL_US: u32 = 50;
/// A frame's header, the function's name and one short string.
const REQUEST_BYTES: usize = 80;
const ANSWER_BYTES: usize = 72;
const WARM_UP_CALLS: u32 = 1000;
const SAMPLES_MAX: usize = 1_000_000;

/// Starts both halves, each a process of its own.
pub(crate) fn start(workspace: &Workspace, name: &str, busy_poll_us: u32) -> Result<Contestant> {
    let socket = workspace.temp(&format!("{name}.sock"));
    let half = |role: &str| -> Result<Command> {
        let mut command = workspace.this_program()?;
        command.arg(role).arg(&socket).arg(busy_poll_us.to_string());
        Ok(command)
    };
    let log = workspace.temp(&format!("{name}.log"));
    let mut server = Server::start(half("floor-server")?, log)?;
    server.wait_until(|| socket.exists())?;
    Contestant::with_one_client(vec![server], half("floor-client")?)
}

/// Answers every message of one connection until it ends.
pub(crate) fn serve(socket: &Path, busy_poll_us: u32) -> Result<()> {
    let listener = UnixListener::bind(socket).context("the floor's server cannot listen")?;
    let (stream, _) = listener.accept()?;
    let mut server = Side::new(stream, busy_poll_us);
    while server.receive(&mut [0; REQUEST_BYTES])? {
        server.send(&[0; ANSWER_BYTES])?;
    }
    Ok(())
}

/// Calls as standard input says: the `latency` command of `subject.php`.
pub(crate) fn call(socket: &Path, busy_poll_us: u32) -> Result<()> {
    let stream = UnixStream::connect(socket).context("the floor's server is not there")?;
    let mut client = Side::new(stream, busy_poll_us);
    for _ in 0..WARM_UP_CALLS {
        client.round_trip()?;
    }
    let mut out = stdout();
    writeln!(out, "ready")?;
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let ["latency", milliseconds, pause_us] = words[..] else {
            bail!("the floor does not know the command \"{line}\"");
        };
        let length = Duration::from_millis(milliseconds.parse()?);
        let pause = Duration::from_micros(pause_us.parse()?);
        let samples = durations(&mut client, length, pause)?;
        writeln!(out, "{}", serde_json::to_string(&samples)?)?;
    }
    Ok(())
}

fn durations(client: &mut Side, length: Duration, pause: Duration) -> Result<Vec<u64>> {
    let mut samples = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < length && samples.len() < SAMPLES_MAX {
        if !pause.is_zero() {
            crate::pause::pause(pause);
        }
        let before = Instant::now();
        client.round_trip()?;
        samples.push(u64::try_from(before.elapsed().as_nanos())?);
    }
    Ok(samples)
}

/// One end of the connection.
struct Side {
    stream: UnixStream,
    busy_poll: Duration,
    /// When the last message arrived.
    received: Instant,
    /// Whether messages follow each other closely.
    is_hot: bool,
}

impl Side {
    fn new(stream: UnixStream, busy_poll_us: u32) -> Self {
        let busy_poll = Duration::from_micros(busy_poll_us.into());
        Self { stream, busy_poll, received: Instant::now(), is_hot: false }
    }

    fn round_trip(&mut self) -> Result<()> {
        self.is_hot = self.received.elapsed() < self.busy_poll;
        self.send(&[0; REQUEST_BYTES])?;
        if !self.receive(&mut [0; ANSWER_BYTES])? {
            bail!("the floor's server hung up");
        }
        Ok(())
    }

    fn send(&self, message: &[u8]) -> Result<()> {
        send(&self.stream, message, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Looks for a message, if hot, then sleeps until there is one. False at the end of the stream.
    fn receive(&mut self, message: &mut [u8]) -> Result<bool> {
        let begin = Instant::now();
        loop {
            match recv(&self.stream, &mut *message, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Ok(false),
                Ok((count, _)) if count == message.len() => break,
                Ok((count, _)) => bail!("{count} bytes of {} arrived", message.len()),
                Err(Errno::AGAIN) if self.is_hot && begin.elapsed() < self.busy_poll => {
                    std::hint::spin_loop();
                }
                Err(Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&self.stream, PollFlags::IN)], None)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let before = std::mem::replace(&mut self.received, Instant::now());
        self.is_hot = self.received - before < self.busy_poll;
        Ok(true)
    }
}
