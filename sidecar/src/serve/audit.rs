//! The audit log: a line of JSON for each change, appended and on disk before the answer.

use crate::admin::AuditEntry;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The log's file.
#[derive(Debug)]
pub(super) struct Audit {
    path: PathBuf,
}

impl Audit {
    pub(super) fn new(state_dir: &Path) -> Self {
        Self { path: state_dir.join("audit.jsonl") }
    }

    /// Appends a line. That it cannot be written is told in the log; the change has happened.
    pub(super) fn note(&self, entry: &AuditEntry) {
        if let Err(error) = self.append(entry) {
            let path = self.path.display();
            tracing::error!(%error, ?entry, "{path} cannot be written");
        }
    }

    fn append(&self, entry: &AuditEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(&self.path)?;
        // One write, so that lines never mix.
        file.write_all(&line)?;
        file.sync_data()
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
        (1..=3).for_each(|release| audit.note(&entry(release)));
        let mut file = OpenOptions::new().append(true).open(&audit.path).unwrap();
        file.write_all(b"{\"at_ms\":").unwrap();
        assert_eq!(audit.last(2).unwrap(), [entry(2), entry(3)]);
    }
}
