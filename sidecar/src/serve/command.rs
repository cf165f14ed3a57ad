//! A program of an application's, run to its end: with a limit on its time and on what it prints.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// Most of a program's output that is kept, in bytes: its end, which says why it failed.
const OUTPUT_BYTES_MAX: usize = 16 * 1024;

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ran {
    /// `None` = it took too long, and was killed.
    status: Option<ExitStatus>,
    /// Standard output and standard error, as they came.
    output: Vec<u8>,
    pub(super) took: Duration,
}

impl Ran {
    /// Why it failed, and what it printed, for people; `None` when it did not.
    pub(super) fn failure(&self) -> Option<(String, String)> {
        let reason = match self.status {
            Some(status) if status.success() => return None,
            Some(status) => format!("it ended with {status}"),
            None => format!("it was killed after {} ms (timeout_ms)", self.took.as_millis()),
        };
        let text = String::from_utf8_lossy(&self.output);
        let text = text.trim();
        let output = if text.is_empty() { String::new() } else { format!("; it said: {text}") };
        Some((reason, output))
    }
}

/// Runs it in a process group of its own, which ends with it.
pub(super) async fn run(mut command: Command, limit: Duration) -> io::Result<Ran> {
    let began = Instant::now();
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let mut reader = pipe::Receiver::from_owned_fd(reader.into())?;
    let mut output = Vec::new();
    let status = {
        let ended = async {
            tokio::select! {
                status = child.wait() => status,
                // Only the end of the process ends the wait: its children may keep the pipe open.
                () = drain(&mut reader, &mut output) => child.wait().await,
            }
        };
        tokio::time::timeout(limit, ended).await
    };
    if let Some(group) = group {
        // It fails when nobody is left, which is what was wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = match status {
        Ok(status) => Some(status?),
        Err(_) => {
            let _ = child.wait().await;
            None
        }
    };
    // The group is gone, so this ends.
    drain(&mut reader, &mut output).await;
    Ok(Ran { status, output, took: began.elapsed() })
}

/// Reads to the end and keeps the last part.
async fn drain(reader: &mut pipe::Receiver, output: &mut Vec<u8>) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = reader.read(&mut piece).await {
        output.extend_from_slice(&piece[..read]);
        let beyond = output.len().saturating_sub(OUTPUT_BYTES_MAX);
        output.drain(..beyond);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_program_that_fails_says_how_and_what_it_printed() {
        let ran = run(sh("echo one; echo two >&2; exit 3"), Duration::from_secs(60)).await.unwrap();
        let (reason, output) = ran.failure().unwrap();
        assert_eq!(
            (reason.as_str(), output.as_str()),
            ("it ended with exit status: 3", "; it said: one\ntwo")
        );
        let ran = run(sh("exit 0"), Duration::from_secs(60)).await.unwrap();
        assert!(ran.failure().is_none());
    }

    #[tokio::test]
    async fn what_takes_too_long_is_killed_with_its_children() {
        let ran = run(sh("sleep 1000 & sleep 1000"), Duration::from_millis(50)).await.unwrap();
        assert!(ran.failure().unwrap().0.contains("timeout_ms"));
    }

    #[tokio::test]
    async fn only_the_end_of_much_output_is_kept() {
        let script = "yes | head -c 1000000; echo last; exit 1";
        let ran = run(sh(script), Duration::from_secs(60)).await.unwrap();
        assert_eq!(ran.output.len(), OUTPUT_BYTES_MAX);
        assert!(ran.output.ends_with(b"last\n"));
    }
}
