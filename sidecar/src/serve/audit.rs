//! The audit log: a line of JSON for each change, appended and on disk before the answer.

use crate::admin::{AuditEntry, Reply};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// The log's file, and the thread that appends to it: a disk may be slow, and nobody else waits.
#[derive(Debug)]
pub(super) struct Audit {
    path: PathBuf,
    lines: Option<Sender<Line>>,
    writer: Option<JoinHandle<()>>,
}

/// A line to write, and whom to answer when it is written.
#[derive(Debug)]
struct Line {
    entry: AuditEntry,
    answer: Option<(oneshot::Sender<Reply>, Reply)>,
}

impl Audit {
    pub(super) fn new(state_dir: &Path) -> Self {
        let path = state_dir.join("audit.jsonl");
        let (sender, lines) = channel();
        let file = path.clone();
        let writer = std::thread::Builder::new().name("audit".to_owned());
        let writer = writer.spawn(move || write_all(&file, &lines)).ok();
        Self { path, lines: Some(sender), writer }
    }

    /// Appends an entry, then answers. That it cannot be written is told in the log; the change has
    /// happened.
    pub(super) fn note(&self, entry: AuditEntry, answer: Option<(oneshot::Sender<Reply>, Reply)>) {
        if let Some(lines) = &self.lines {
            // The thread ends only with this.
            let _ = lines.send(Line { entry, answer });
        }
    }

    /// The last entries, oldest first.
    pub(super) fn last(&self, limit: usize) -> io::Result<Vec<AuditEntry>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        let mut last = VecDeque::with_capacity(limit.min(1024));
        for line in BufReader::new(file).lines() {
            // A line that was cut short by a loss of power is no entry.
            if let Ok(entry) = serde_json::from_str(&line?) {
                last.push_back(entry);
                if last.len() > limit {
                    last.pop_front();
                }
            }
        }
        Ok(last.into())
    }
}

impl Drop for Audit {
    /// What was noted is written.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write_all(path: &Path, lines: &Receiver<Line>) {
    for Line { entry, answer } in lines {
        if let Err(error) = append(path, &entry) {
            let path = path.display();
            tracing::error!(%error, ?entry, "{path} cannot be written");
        }
        if let Some((waiting, reply)) = answer {
            // Whoever asked may be gone by now.
            let _ = waiting.send(reply);
        }
    }
}

fn append(path: &Path, entry: &AuditEntry) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(path)?;
    // One write, so that lines never mix.
    file.write_all(&line)?;
    file.sync_data()
}

/// Milliseconds since 1970 by this host's clock.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entries_are_there_and_a_torn_line_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(folder.path());
        assert_eq!(audit.last(10).unwrap(), []);
        let entry = |release| AuditEntry {
            at_ms: 1,
            by: "uid 0 (root)".to_owned(),
            app: "shop".to_owned(),
            action: "stage".to_owned(),
            release: Some(release),
            result: "ok".to_owned(),
            detail: String::new(),
        };
        (1..=3).for_each(|release| audit.note(entry(release), None));
        let path = audit.path.clone();
        drop(audit);
        let audit = Audit::new(folder.path());
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"{\"at_ms\":").unwrap();
        assert_eq!(audit.last(2).unwrap(), [entry(2), entry(3)]);
    }
}
