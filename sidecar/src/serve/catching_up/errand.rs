//! The way to another worker, for what was missed there.

use super::super::behind::{Decision, Generation};
use super::super::event::{Event, Events, Retry};
use super::super::staging::Then;
use crate::admin::{Activate, CanaryShare, Reply, Settings};
use crate::control_client::Client;
use protocol::AppName;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use tokio::sync::oneshot;

/// What is to be fetched, and handed to the supervisor.
pub(super) struct Errand {
    pub(super) app: AppName,
    /// The release that is to be current in the end.
    pub(super) number: u64,
    pub(super) is_here: bool,
    /// Whether the release that others have on trial is.
    pub(super) has_canary: bool,
    pub(super) release: Option<Decision>,
    pub(super) settings: Option<Generation>,
    pub(super) folder: PathBuf,
    pub(super) archive_bytes_max: u64,
    pub(super) events: Events,
}

impl Errand {
    pub(super) async fn run(self) {
        let (app, events) = (self.app.clone(), self.events.clone());
        let result = self.bring().await;
        // The supervisor is gone only when the worker ends.
        let _ = events.send(Event::CaughtUp { app, result }).await;
    }

    /// Settings come first, so that a release that takes over begins with them; those with which a
    /// release is on trial come together with it, so that a worker that dies in between asks again.
    async fn bring(self) -> Result<(), String> {
        let on_trial = self.settings.as_ref().and_then(|later| Some((later, later.canary?)));
        if let (Some(later), None) = (&self.settings, on_trial) {
            self.adopt(self.settings_of(&later.client).await?).await?;
        }
        self.bring_release().await?;
        match on_trial {
            Some((later, canary)) => self.bring_canary(&later.client, canary).await,
            None => Ok(()),
        }
    }

    async fn bring_release(&self) -> Result<(), String> {
        let archive = match &self.release {
            Some(decision) if !self.is_here => {
                Some(self.fetch(&decision.client, decision.number).await?)
            }
            _ if !self.is_here => return Ok(()),
            _ => None,
        };
        let number = self.number;
        let activate = Activate { number, allow_breaking: true, expect_current: None };
        self.take_over(number, archive, Then::Activate(activate)).await
    }

    /// A release on trial that does not run here is tried elsewhere: no reason to refuse the others.
    async fn bring_canary(&self, client: &Client, canary: CanaryShare) -> Result<(), String> {
        let settings = self.settings_of(client).await?;
        let archive = match self.has_canary {
            true => None,
            false => Some(self.fetch(client, canary.release).await?),
        };
        let then = Then::Try { settings: settings.clone(), share: canary.into() };
        if let Err(reason) = self.take_over(canary.release, archive, then).await {
            tracing::error!(app = %self.app, release = canary.release,
                "is on trial on other workers, and not here: {reason}");
            self.adopt(settings).await?;
        }
        Ok(())
    }

    async fn settings_of(&self, client: &Client) -> Result<Settings, String> {
        let settings = client.get(format!("/v1/apps/{}/settings", self.app)).await;
        settings.map_err(|failure| format!("{}: {failure}", client.worker()))
    }

    async fn adopt(&self, settings: Settings) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let app = self.app.clone();
        self.hand_over(Event::Retry(Retry::Adopt { app, settings, reply }), answer).await
    }

    async fn take_over(
        &self,
        number: u64,
        archive: Option<PathBuf>,
        then: Then,
    ) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let app = self.app.clone();
        let retry = Retry::TakeOver { app, number, archive, then, reply };
        self.hand_over(Event::Retry(retry), answer).await
    }

    async fn fetch(&self, client: &Client, number: u64) -> Result<PathBuf, String> {
        let unkept = |error: std::io::Error| format!("{}: {error}", self.folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(unkept)?;
        let file = self.folder.join(format!("{}-{number}", self.app));
        // Of an earlier attempt.
        let _ = std::fs::remove_file(&file);
        let path = format!("/v1/apps/{}/releases/{number}/archive", self.app);
        match client.download(path, &file, self.archive_bytes_max).await {
            Ok(()) => Ok(file),
            Err(failure) => {
                let _ = std::fs::remove_file(&file);
                Err(format!("{}: {failure}", client.worker()))
            }
        }
    }

    async fn hand_over(
        &self,
        event: Event,
        answer: oneshot::Receiver<Reply>,
    ) -> Result<(), String> {
        let ends = || "the worker ends".to_owned();
        self.events.send(event).await.map_err(|_| ends())?;
        answer.await.map_err(|_| ends())?.map(drop).map_err(|error| error.message)
    }
}
