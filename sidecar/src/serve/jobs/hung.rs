//! The worker's end does not wait for ever for a disk that does not come back.
//!
//! That is all that a program can do. Where the kernel keeps the thread that writes in uninterruptible sleep,
//! the process is there until the write returns, also after SIGKILL; its locks keep the next worker from the
//! ledger until then.

use super::closing::NAMED_MAX;
use super::command::Command;
use super::{Jobs, Kept};
use jobs::Head;
use ledger::{Reader, States};
use protocol::JobState;
use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long the disk may take for what is written last.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);
/// How long it may take after that to tell what runs by the ledger: most is in the machine's memory.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// Attempts that are running by the ledger.
struct Left {
    attempts: u64,
    /// The first of their jobs.
    jobs: Vec<String>,
}

impl Jobs {
    /// Puts what was interrupted back, and closes the ledger; leaves it as it is when the disk does not
    /// come back. What was acknowledged is on it.
    pub(in crate::serve) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.send(Command::Close { done });
        if timeout(CLOSE_WITHIN, closed).await.is_err()
            && let Some(kept) = &self.kept
        {
            kept.tell_pending().await;
        }
    }
}

impl Kept {
    /// To the log, because nobody else is there any more.
    async fn tell_pending(&self) {
        let requests = self.unanswered.count();
        let (reader, tag) = (self.reader.clone(), self.tag);
        let read = tokio::task::spawn_blocking(move || {
            left(reader.lock().unwrap_or_else(PoisonError::into_inner).as_ref(), tag)
        });
        let left = timeout(READ_WITHIN, read).await;
        let (attempts, jobs) = match left {
            Ok(Ok(Ok(left))) => (left.attempts.to_string(), left.jobs.join(" ")),
            _ => ("unknown".to_owned(), String::new()),
        };
        tracing::error!(
            requests,
            attempts,
            jobs,
            "the disk of the ledger of jobs has not come back for {} s: the worker ends without it. \
             So many requests are not acknowledged (what they ask for may be on disk nevertheless), \
             and how so many attempts ended could not be written: they will count as crashes, and \
             their jobs run again. Look at the disk and at the kernel's log: while the kernel keeps the write, \
             the process cannot be ended, by SIGKILL neither, and no other worker opens the ledger",
            CLOSE_WITHIN.as_secs()
        );
    }
}

fn left(reader: &dyn Reader, tag: u16) -> Result<Left, ledger::Error> {
    let mut left = Left { attempts: 0, jobs: Vec::new() };
    reader.scan(0, States::of(&[JobState::Running as u8]), &mut |row| {
        left.attempts += 1;
        if left.jobs.len() < NAMED_MAX
            && let Ok(head) = Head::read(row.seq, row.head)
        {
            left.jobs.push(head.id(tag, row.seq).to_string());
        }
        ControlFlow::Continue(())
    })?;
    Ok(left)
}
