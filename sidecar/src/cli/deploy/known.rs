//! Whether an application is new to the workers, which is worth a word: its name may be mistyped.

use super::progress::Progress;
use crate::admin::App;
use crate::cli::Stop;
use crate::cli::control::{Client, Failure, Fleet, Outcome, finish};
use protocol::AppName;
use std::collections::BTreeSet;

/// What there is on workers that do not have the application.
#[derive(Debug)]
pub(super) struct Known {
    app: AppName,
    /// Whether no worker has it.
    is_new: bool,
    others: BTreeSet<String>,
    /// Highest number of it that was accepted before it was removed; 0 = it never was there.
    pub(super) removed_at: u64,
}

/// Asks those workers that do not have it what else they have.
pub(super) fn of(
    fleet: &Fleet,
    app: &AppName,
    before: &[Outcome<Option<App>>],
) -> Result<Known, Stop> {
    let lacks = |outcome: &&Outcome<Option<App>>| matches!(outcome.result, Ok(None));
    let lacking: Vec<Client> =
        before.iter().filter(lacks).map(|outcome| outcome.client.clone()).collect();
    let is_new = lacking.len() == before.len();
    let told = fleet.ask_some(&lacking, |client| async move {
        client.get::<Vec<App>>("/v1/apps".to_owned()).await
    });
    told.iter().for_each(tell_failure);
    finish(&told)?;
    let apps = || told.iter().filter_map(|outcome| outcome.result.as_ref().ok()).flatten();
    let others = apps().filter(|other| !other.removed).map(|other| other.app.clone()).collect();
    let removed = apps().filter(|other| other.removed && other.app == app.as_str());
    let removed_at = removed.map(|other| other.highest).max().unwrap_or(0);
    Ok(Known { app: app.clone(), is_new, others, removed_at })
}

fn tell_failure(outcome: &Outcome<Vec<App>>) {
    if let Some(failure) = outcome.result.as_ref().err() {
        let failure: &Failure = failure;
        eprintln!("appserver: {}: {failure}", outcome.worker());
    }
}

impl Known {
    pub(super) fn tell(&self, progress: &Progress) {
        if !self.is_new {
            return;
        }
        let others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        let known = match others.is_empty() {
            true => "the workers have no other".to_owned(),
            false => format!("known: {}", others.join(", ")),
        };
        progress.say(&format!(
            "new application {app} ({known}); `appserver remove {app}` removes it again",
            app = self.app
        ));
    }
}
