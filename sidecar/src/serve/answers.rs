//! Questions of the control API: each is answered now, or when what was asked for is done.

use super::asked::Asked;
use super::commit::{After, Waiting};
use super::staging::Then;
use super::store::AppState;
use super::supervisor::Supervisor;
use crate::admin::{AdminError, Answer, Code, Question, Reply};
use crate::config::{self, queues};
use protocol::AppName;

impl Supervisor {
    pub(super) fn on_question(&mut self, asked: Waiting) {
        if let Question::Jobs(question) = &asked.question {
            return self.ask_jobs(question.clone(), asked);
        }
        if let Question::Invalidate { app, body } = &asked.question {
            return self.invalidate_on_record(app.clone(), &body.clone(), asked);
        }
        match self.look_up(&asked.question) {
            // Whoever asked may be gone by now.
            Some(answer) => drop(asked.reply.send(answer)),
            None => self.change(asked),
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
            Question::Explain { app, function } => self.explain(app, function.as_deref()),
            Question::Archive { app, number } => self.archive_of(app, *number),
            Question::Settings(app) => self.settings_of(app),
            Question::Audit { limit } => {
                self.audit.last(*limit).map(Answer::Audit).map_err(super::stage::unavailable)
            }
            _ => return None,
        })
    }

    fn change(&mut self, asked: Waiting) {
        let Some(app) = asked.question.changes().cloned() else {
            return;
        };
        let Some(Waiting { question, by, since, reply }) = self.waits(&app, asked) else {
            return;
        };
        let (action, release, detail) = described(&question);
        let asked =
            Asked { by, app, action, release, detail, since, on_record: true, reply: Some(reply) };
        match question {
            Question::Stage { app, number, archive } => {
                self.stage(&app, number, archive, Then::Report, asked);
            }
            Question::Activate { app, body } => self.activate_release(&app, body, asked),
            Question::Rollback { app, body } => self.roll_back(&app, &body, asked),
            Question::Promote { app, body } => self.promote(&app, &body, asked),
            Question::Prepare { app, body } => {
                self.prepare_release(&app, body, asked);
            }
            Question::Canary { app, body } => {
                let state = self.set_canary(&app, &body);
                self.commit_if(state, asked, After::Shared);
            }
            Question::Abort { app, body } => {
                let state = self.abort(&app, &body);
                self.commit_if(state, asked, After::Shared);
            }
            Question::ChangeSettings { app, body } => {
                let state = self.change_settings(&app, &body);
                self.commit_if(state, asked, After::Settings);
            }
            Question::Drain { app, body } => {
                let answer = self.drain(&app, &body);
                asked.answer(self, answer);
            }
            Question::Remove { app, body } => {
                let state = self.removed_state(&app, &body);
                self.commit_if(state, asked, After::Removed);
            }
            Question::Prune { app, body } => {
                let answer = self.prune(&app, &body);
                asked.answer(self, answer);
            }
            Question::Status
            | Question::Apps
            | Question::App(_)
            | Question::Catalog(_)
            | Question::Explain { .. }
            | Question::Archive { .. }
            | Question::Settings(_)
            | Question::Audit { .. }
            | Question::Invalidate { .. }
            | Question::Jobs(_) => {}
        }
    }

    /// Writes a change that was found good; says no to another.
    pub(super) fn commit_if(
        &mut self,
        state: Result<AppState, AdminError>,
        asked: Asked,
        after: After,
    ) {
        match state {
            Ok(state) => self.commit(state, asked, after),
            Err(error) => asked.answer(self, Err(error)),
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

    fn explain(&self, app: &AppName, function: Option<&str>) -> Reply {
        let number = self.app(app)?.state.current;
        let key = super::key::ReleaseKey { app: app.clone(), release: self.route_of(app).current };
        // One that does not run is explained from its files.
        let running = self.releases.get(&key);
        let mut deployment = match running {
            Some(deployed) => deployed.deployment.clone(),
            None => self.deployment_of(app, number)?,
        };
        deployment.policy.queues = self.queues.of.get(app).cloned().unwrap_or_default();
        deployment.config.queues =
            queues::merged(&deployment.own_queues, &deployment.policy.queues);
        let catalog = running.and_then(|deployed| deployed.published.as_ref());
        let found = function.map(|name| {
            let Some(published) = catalog else {
                let message = format!("\"{app}\" has not started: its functions are not known");
                return Err(AdminError::new(Code::Unavailable, message));
            };
            let missing = || unknown_function(app, name, &published.catalog.near(name));
            published.catalog.find(name).map(|(_, function)| function).ok_or_else(missing)
        });
        let function = found.transpose()?;
        let (daemon, of_queues) = (&self.settings.daemon, &self.queues.origins);
        let mut rows = config::explain(&deployment, daemon, of_queues, function);
        config::put_set(&mut rows, &self.app(app)?.state.settings);
        Ok(Answer::Explained(rows))
    }

    fn archive_of(&self, app: &AppName, number: u64) -> Reply {
        let known = self.app(app)?;
        match known.kept.contains_key(&number) {
            true => Ok(Answer::Archive(known.store.archive(number))),
            false => Err(super::app::unknown_release(app, number)),
        }
    }
}

/// That no release that was looked at has the function.
pub(super) fn unknown_function(app: &AppName, name: &str, near: &[String]) -> AdminError {
    let near = near.join(" or ");
    let advice = if near.is_empty() { near } else { format!("; did you mean {near}?") };
    AdminError::new(Code::UnknownFunction, format!("{app} exports no {name}(){advice}"))
}

/// For the audit log: what is done, with which release, and what else was said.
fn described(question: &Question) -> (&'static str, Option<u64>, String) {
    let none = String::new();
    match question {
        Question::Stage { number, .. } => ("stage", Some(*number), none),
        Question::Prepare { body, .. } => ("prepare", Some(body.number), none),
        Question::Activate { body, .. } => ("activate", Some(body.number), none),
        Question::Rollback { body, .. } => ("rollback", body.to, none),
        Question::Canary { body, .. } => {
            ("canary", Some(body.release), format!("{} %", body.percent))
        }
        Question::Promote { .. } => ("promote", None, none),
        Question::Abort { body, .. } => ("abort", body.prepared, none),
        Question::Drain { body, .. } => ("drain", Some(body.number), none),
        Question::Remove { body, .. } => {
            ("remove", None, if body.force { "by force".to_owned() } else { none })
        }
        Question::Prune { body, .. } => ("prune", None, format!("keep {}", body.keep)),
        Question::ChangeSettings { body, .. } => {
            let keys: Vec<&str> = body.settings.keys().map(String::as_str).collect();
            ("settings", None, keys.join(", "))
        }
        _ => ("look", None, none),
    }
}
