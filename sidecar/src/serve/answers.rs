//! Questions of the control API: each is answered now, or when what was asked for is done.

use super::asked::Asked;
use super::supervisor::Supervisor;
use crate::admin::{AdminError, Answer, Code, Question, Reply};
use protocol::AppName;
use std::time::Instant;
use tokio::sync::oneshot;

impl Supervisor {
    pub(super) fn on_question(
        &mut self,
        question: Question,
        by: String,
        reply: oneshot::Sender<Reply>,
    ) {
        match self.look_up(&question) {
            // Whoever asked may be gone by now.
            Some(answer) => drop(reply.send(answer)),
            None => self.change(question, by, reply),
        }
    }

    /// The answer to a question that changes nothing.
    fn look_up(&self, question: &Question) -> Option<Reply> {
        Some(match question {
            Question::Status => Ok(Answer::Status(Box::new(self.status()))),
            Question::Apps => {
                let apps = self.apps.iter().map(|(name, app)| self.app_report(name, app));
                Ok(Answer::Apps(apps.collect()))
            }
            Question::App(app) => {
                self.app(app).map(|known| Answer::App(self.app_report(app, known)))
            }
            Question::Catalog(app) => self.catalog_of(app),
            Question::Archive { app, number } => self.archive_of(app, *number),
            Question::Settings(app) => self.settings_of(app),
            Question::Audit { limit } => {
                self.audit.last(*limit).map(Answer::Audit).map_err(super::stage::unavailable)
            }
            _ => return None,
        })
    }

    fn change(&mut self, question: Question, by: String, reply: oneshot::Sender<Reply>) {
        let asked = |app: &AppName, action, release, detail| {
            let (by, app, since) = (by, app.clone(), Instant::now());
            Asked { by, app, action, release, detail, since, reply: Some(reply) }
        };
        let none = String::new;
        match question {
            Question::Stage { app, number, archive } => {
                let asked = asked(&app, "stage", Some(number), none());
                self.stage(&app, number, archive, asked);
            }
            Question::Prepare { app, body } => {
                let asked = asked(&app, "prepare", Some(body.number), none());
                self.prepare_release(&app, body, asked);
            }
            Question::Activate { app, body } => {
                let asked = asked(&app, "activate", Some(body.number), none());
                self.activate_release(&app, body, asked);
            }
            Question::Rollback { app, body } => {
                let asked = asked(&app, "rollback", body.to, none());
                self.roll_back(&app, &body, asked);
            }
            Question::Canary { app, body } => {
                let detail = format!("{} %", body.percent);
                let asked = asked(&app, "canary", Some(body.release), detail);
                let answer = self.set_canary(&app, &body);
                asked.answer(self, answer);
            }
            Question::Promote(app) => {
                let asked = asked(&app, "promote", None, none());
                self.promote(&app, asked);
            }
            Question::Abort(app) => {
                let asked = asked(&app, "abort", None, none());
                let answer = self.abort(&app);
                asked.answer(self, answer);
            }
            Question::Drain { app, body } => {
                let asked = asked(&app, "drain", Some(body.number), none());
                let answer = self.drain(&app, &body);
                asked.answer(self, answer);
            }
            Question::Prune { app, body } => {
                let asked = asked(&app, "prune", None, format!("keep {}", body.keep));
                let answer = self.prune(&app, &body);
                asked.answer(self, answer);
            }
            Question::ChangeSettings { app, body } => {
                let keys: Vec<&str> = body.settings.keys().map(String::as_str).collect();
                let asked = asked(&app, "settings", None, keys.join(", "));
                let answer = self.change_settings(&app, &body);
                asked.answer(self, answer);
            }
            Question::Status
            | Question::Apps
            | Question::App(_)
            | Question::Catalog(_)
            | Question::Archive { .. }
            | Question::Settings(_)
            | Question::Audit { .. } => {}
        }
    }

    fn catalog_of(&self, app: &AppName) -> Reply {
        self.app(app)?;
        let release = self.route_of(app).current;
        let key = super::key::ReleaseKey { app: app.clone(), release };
        let published = self.releases.get(&key).and_then(|deployed| deployed.published.as_ref());
        match published {
            Some(published) => Ok(Answer::Catalog(published.catalog.clone())),
            None => Err(AdminError::new(Code::Unavailable, format!("\"{app}\" has not started"))),
        }
    }

    fn archive_of(&self, app: &AppName, number: u64) -> Reply {
        let known = self.app(app)?;
        match known.kept.contains_key(&number) {
            true => Ok(Answer::Archive(known.store.archive(number))),
            false => Err(super::app::unknown_release(app, number)),
        }
    }
}
