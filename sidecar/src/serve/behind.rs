//! What a worker knows to have missed of an application while it was away.

use super::app::App;
use super::audit::now_ms;
use crate::admin::{self, CanaryShare};
use crate::control_client::Client;
use std::fmt;

/// What other workers have, and this one does not.
#[derive(Clone, Debug, Default)]
pub(super) struct Behind {
    pub(super) release: Option<Decision>,
    pub(super) settings: Option<Generation>,
    /// Calls are refused until it has caught up.
    pub(super) refuses: bool,
    /// The worker begins to serve only after this attempt.
    pub(super) holds_start: bool,
    /// An attempt is being made.
    pub(super) under_way: bool,
    /// Attempts that failed, and why the last one did.
    pub(super) failures: u32,
    pub(super) reason: Option<String>,
}

/// That another release is current.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) number: u64,
    pub(super) at_ms: u64,
    /// Who said so, and has it.
    pub(super) client: Client,
}

/// A later generation of the settings.
#[derive(Clone, Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    /// On trial since that generation, or an earlier one.
    pub(super) canary: Option<CanaryShare>,
    pub(super) client: Client,
}

impl Behind {
    /// What is missing, by what is here, what was known to be missing before, and what others say now.
    /// The last decision holds, also one to go back to an earlier release.
    pub(super) fn find<'a>(
        app: &App,
        told: impl Iterator<Item = (&'a Client, &'a admin::App)>,
    ) -> Option<Self> {
        let before = app.behind.clone().unwrap_or_default();
        let (mut release, mut settings) = (before.release.clone(), before.settings.clone());
        for (client, other) in told.filter(|(_, other)| !other.removed) {
            let (number, at_ms) = (other.current, other.decided_at_ms);
            // A folder that others serve is no release that could be fetched.
            let can_be = number != 0 || app.folder.is_some();
            if can_be && at_ms > release.as_ref().map_or(0, |known| known.at_ms) {
                release = Some(Decision { number, at_ms, client: client.clone() });
            }
            let number = other.settings_generation;
            if number > settings.as_ref().map_or(0, |known| known.number) {
                let (canary, client) = (other.canary, client.clone());
                settings = Some(Generation { number, canary, client });
            }
        }
        let state = &app.state;
        let release = release.filter(|decision| {
            decision.at_ms > state.decided_at_ms && decision.number != state.current
        });
        let settings = settings.filter(|later| later.number > state.settings_generation);
        (release.is_some() || settings.is_some()).then_some(Self { release, settings, ..before })
    }

    /// What is still missing when a release has taken over here: one on trial beside it comes last.
    pub(super) fn after_takeover(self) -> Option<Self> {
        let on_trial = self.settings.as_ref().is_some_and(|later| later.canary.is_some());
        on_trial.then_some(Self { release: None, refuses: false, ..self })
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.release, &self.settings) {
            (Some(Decision { number, .. }), _) => write!(f, "other workers have release {number}")?,
            (None, Some(Generation { number, .. })) => {
                write!(f, "other workers have generation {number} of its settings")?;
            }
            (None, None) => write!(f, "other workers have the same again")?,
        }
        match &self.reason {
            Some(reason) => write!(f, ", and it cannot be taken over: {reason}"),
            None => write!(f, ", and it is being taken over"),
        }
    }
}

impl App {
    /// When the decision for a release was made that is about to become current: now, or where it was
    /// made before.
    pub(super) fn decided_at_ms(&self, number: u64) -> u64 {
        let missed = self.behind.as_ref().map(|behind| &behind.release);
        match missed {
            Some(Some(decision)) if decision.number == number => decision.at_ms,
            Some(_) if self.state.current == number => self.state.decided_at_ms,
            _ => now_ms().max(self.state.decided_at_ms + 1),
        }
    }

    /// Whether its calls had better go to another worker.
    pub(super) fn refuses(&self) -> Option<&Behind> {
        self.behind.as_ref().filter(|behind| behind.refuses)
    }
}
