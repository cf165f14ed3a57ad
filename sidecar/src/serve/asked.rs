//! A question of the control API that changes something: who waits for its answer, and what the audit
//! log will say.

use super::audit::now_ms;
use super::supervisor::Supervisor;
use crate::admin::{AuditEntry, Reply};
use protocol::AppName;
use std::time::Instant;
use tokio::sync::oneshot;

#[derive(Debug)]
pub(super) struct Asked {
    pub(super) by: String,
    pub(super) app: AppName,
    pub(super) action: &'static str,
    pub(super) release: Option<u64>,
    /// What was asked for beyond the release, for the audit log.
    pub(super) detail: String,
    pub(super) since: Instant,
    /// Whether the log and the audit log are told; whoever asks tells people otherwise.
    pub(super) on_record: bool,
    /// `None` when the worker asks itself.
    pub(super) reply: Option<oneshot::Sender<Reply>>,
}

impl Asked {
    /// Whether whoever asked has not waited for the answer.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// What came of it beyond what was asked for, for the audit log.
    pub(super) fn add_detail(&mut self, detail: &str) {
        let separated = !self.detail.is_empty() && !detail.is_empty();
        self.detail += if separated { "; " } else { "" };
        self.detail += detail;
    }

    /// Writes the audit log, then answers.
    pub(super) fn answer(self, supervisor: &Supervisor, reply: Reply) {
        if !self.on_record {
            if let Some(waiting) = self.reply {
                // Whoever asked may be gone by now.
                let _ = waiting.send(reply);
            }
            return;
        }
        let result = match &reply {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.message.clone(),
        };
        match &reply {
            Ok(_) => tracing::info!(app = %self.app, release = self.release, by = self.by,
                "{} {}", self.action, self.detail),
            Err(error) => tracing::warn!(app = %self.app, release = self.release, by = self.by,
                "{} refused: {error}", self.action),
        }
        let entry = AuditEntry {
            at_ms: now_ms(),
            by: self.by,
            app: self.app.to_string(),
            action: self.action.to_owned(),
            release: self.release,
            result,
            detail: self.detail,
        };
        supervisor.audit.note(entry, self.reply.map(|waiting| (waiting, reply)));
    }
}
