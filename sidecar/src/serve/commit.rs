//! Changes of an application's state: on disk first, then in memory.
//!
//! Writing to disk can take as long as the disk is busy with others, so a thread does it, and what
//! follows is an event. Until then further changes of the same application wait for their turn.

use super::asked::Asked;
use super::behind::Behind;
use super::event::Event;
use super::fault;
use super::stage::unavailable;
use super::staging::Then;
use super::store::AppState;
use super::supervisor::Supervisor;
use crate::admin::{Activated, Answer, Question, Reply};
use protocol::AppName;
use std::io;
use std::time::Instant;
use tokio::sync::oneshot;

/// What is to follow when a state is on disk.
#[derive(Debug)]
pub(super) enum After {
    /// New calls go where the state says.
    Activated { answer: Activated },
    /// Nothing changes for calls.
    Prepared,
    /// Canary or none.
    Shared,
    /// New calls see the new settings.
    Settings,
    /// The application is no more.
    Removed,
    /// A release was accepted: it is started.
    Accepted { number: u64, then: Then },
}

/// A question of the control API; a change waits for its turn.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) question: Question,
    /// Who asks, for the audit log.
    pub(super) by: String,
    pub(super) since: Instant,
    pub(super) reply: oneshot::Sender<Reply>,
}

impl Supervisor {
    /// Writes the state; [`Self::on_committed`] goes on.
    pub(super) fn commit(&mut self, state: AppState, asked: Asked, after: After) {
        let store = match self.app_or_remains(&asked.app) {
            Ok(known) => known.store.clone(),
            Err(error) => return asked.answer(self, Err(error)),
        };
        let events = self.events.clone();
        self.committing.insert(asked.app.clone());
        tokio::task::spawn_blocking(move || {
            let result = store.save(&state);
            // The supervisor is gone only when the worker ends.
            let _ = events.blocking_send(Event::Committed { state, result, asked, after });
        });
    }

    pub(super) fn on_committed(
        &mut self,
        state: AppState,
        result: io::Result<()>,
        asked: Asked,
        after: After,
    ) {
        let app = asked.app.clone();
        self.committing.remove(&app);
        match result {
            Err(error) => asked.answer(self, Err(unavailable(error))),
            Ok(()) => {
                if let Some(known) = self.apps.get_mut(&app) {
                    let before = std::mem::replace(&mut known.state, state);
                    self.give_up_named(&app, &before);
                }
                self.go_on(asked, after);
            }
        }
        self.take_turns(&app);
    }

    fn go_on(&mut self, mut asked: Asked, after: After) {
        let app = asked.app.clone();
        match after {
            After::Activated { mut answer } => {
                if let Some(known) = self.apps.get_mut(&app) {
                    // Whatever was missed or prepared before, this came later.
                    known.behind = known.behind.take().and_then(Behind::after_takeover);
                    known.prepared_before = false;
                }
                self.swap(&app);
                let took = asked.since.elapsed().as_micros();
                answer.took_us = u64::try_from(took).unwrap_or(u64::MAX);
                asked.add_detail(&answer.remarks().join("; "));
                asked.answer(self, Ok(Answer::Activated(answer)));
            }
            After::Prepared => {
                fault::point("prepare.saved");
                if let Some(known) = self.apps.get_mut(&app) {
                    known.prepared_before = false;
                }
                asked.answer(self, Ok(Answer::Done {}));
            }
            After::Shared => {
                self.publish_settings(&app);
                self.swap(&app);
                let report = self.app(&app).map(|known| Answer::App(self.app_report(&app, known)));
                asked.answer(self, report);
            }
            After::Settings => {
                self.publish_settings(&app);
                let settings = self.settings_of(&app);
                asked.answer(self, settings);
            }
            After::Removed => {
                self.end_removed(&app);
                asked.answer(self, Ok(Answer::Done {}));
            }
            After::Accepted { number, then } => self.start_accepted(number, then, asked),
        }
    }

    /// Whether a change of the application has to wait; then it is kept until its turn comes.
    pub(super) fn waits(&mut self, app: &AppName, waiting: Waiting) -> Option<Waiting> {
        if self.committing.contains(app) {
            self.waiting.push_back(waiting);
            return None;
        }
        Some(waiting)
    }

    fn take_turns(&mut self, app: &AppName) {
        while !self.committing.contains(app) {
            let of_app = |waiting: &Waiting| waiting.question.changes() == Some(app);
            let Some(place) = self.waiting.iter().position(of_app) else {
                return;
            };
            if let Some(waiting) = self.waiting.remove(place) {
                self.on_question(waiting);
            }
        }
    }
}
