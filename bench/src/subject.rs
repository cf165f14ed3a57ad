//! A client process that is measured: it takes commands on its standard input, see `subject.php`.

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Longest a subject may be silent beyond the time a command takes by itself.
const SILENCE_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Subject {
    child: Child,
    /// Closed first when the subject is dropped, so that it ends by itself.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Subject {
    /// Starts it and waits until it has warmed up.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().with_context(|| {
                format!(
                    "{} does not run: apt-get install php8.2-cli",
                    command.get_program().display()
                )
            })?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("the output was piped")?);
        let mut subject = Self { child, input, output };
        match subject.answer(Duration::ZERO)?.as_str() {
            "ready" => Ok(subject),
            other => bail!("{other}"),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Durations of calls made one after the other for `length`, in nanoseconds.
    pub(crate) fn latency(&mut self, length: Duration, pause: Duration) -> Result<Vec<u64>> {
        self.command(&format!("latency {} {}", length.as_millis(), pause.as_micros()))?;
        Ok(serde_json::from_str(&self.answer(length)?)?)
    }

    /// Begins to call, and counts the calls within a window of the monotonic clock (nanoseconds).
    pub(crate) fn begin_window(&mut self, start: u64, stop: u64) -> Result<()> {
        self.command(&format!("window {start} {stop}"))
    }

    /// The number of calls in the window begun before, which is `length` long.
    pub(crate) fn end_window(&mut self, length: Duration) -> Result<u64> {
        Ok(self.answer(length)?.parse()?)
    }

    pub(crate) fn command(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("the subject is running")?;
        writeln!(input, "{line}").context("the subject ended")
    }

    /// The next line it says; fails when it says nothing for longer than `expected` and a margin.
    pub(crate) fn answer(&mut self, expected: Duration) -> Result<String> {
        let timeout = Timespec::try_from(expected + SILENCE_MAX)?;
        let mut waiting = [PollFd::new(self.output.get_ref(), PollFlags::IN)];
        if poll(&mut waiting, Some(&timeout))? == 0 {
            bail!("no answer within {:?}", expected + SILENCE_MAX);
        }
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the client ended: {}", self.child.wait()?);
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        drop(self.input.take());
        // One that is in the middle of a command would not see the end of its input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Now, on the clock that PHP's hrtime() reads, in nanoseconds.
pub(crate) fn monotonic_ns() -> Result<u64> {
    let now = clock_gettime(ClockId::Monotonic);
    Ok(u64::try_from(now.tv_sec)? * 1_000_000_000 + u64::try_from(now.tv_nsec)?)
}
