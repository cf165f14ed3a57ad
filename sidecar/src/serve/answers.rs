//! Questions of the control API.

use super::supervisor::Supervisor;
use crate::admin::{AdminError, Answer, Code, Question, Reply};
use protocol::AppName;
use tokio::sync::oneshot;

impl Supervisor {
    /// Answers now, or when what was asked for is done.
    pub(super) fn on_question(
        &mut self,
        question: Question,
        by: String,
        reply: oneshot::Sender<Reply>,
    ) {
        let _ = by;
        // Whoever asked may be gone by now.
        let _ = reply.send(self.answer_question(question));
    }

    fn answer_question(&mut self, question: Question) -> Reply {
        match question {
            Question::Status => Ok(Answer::Status(Box::new(self.status()))),
            Question::Catalog(app) => self.catalog_of(&app),
            _ => Err(AdminError::new(Code::Unavailable, "not yet")),
        }
    }

    fn catalog_of(&self, app: &AppName) -> Reply {
        let app = self.find_app(app).map_err(|r| AdminError::new(Code::UnknownApp, r.message))?;
        let release = self.route_of(app).current;
        let key = super::key::ReleaseKey { app: app.clone(), release };
        let published = self.releases.get(&key).and_then(|deployed| deployed.published.as_ref());
        match published {
            Some(published) => Ok(Answer::Catalog(published.catalog.clone())),
            None => Err(AdminError::new(Code::Unavailable, format!("\"{app}\" has not started"))),
        }
    }
}
