//! The way to another worker, for what was missed there.

use super::super::behind::{Decision, Generation};
use super::super::event::{Event, Events, Retry};
use crate::admin::{Reply, Settings};
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

    async fn bring(self) -> Result<(), String> {
        if let Some(Generation { client, .. }) = &self.settings {
            self.bring_settings(client).await?;
        }
        let archive = match &self.release {
            Some(decision) if !self.is_here => Some(self.fetch(decision).await?),
            _ if !self.is_here => return Ok(()),
            _ => None,
        };
        let (reply, answer) = oneshot::channel();
        let (app, number) = (self.app.clone(), self.number);
        self.hand_over(Event::Retry(Retry::TakeOver { app, number, archive, reply }), answer).await
    }

    async fn bring_settings(&self, client: &Client) -> Result<(), String> {
        let path = format!("/v1/apps/{}/settings", self.app);
        let settings: Settings =
            client.get(path).await.map_err(|f| format!("{}: {f}", client.worker()))?;
        let (reply, answer) = oneshot::channel();
        let app = self.app.clone();
        self.hand_over(Event::Retry(Retry::Adopt { app, settings, reply }), answer).await
    }

    async fn fetch(&self, decision: &Decision) -> Result<PathBuf, String> {
        let unkept = |error: std::io::Error| format!("{}: {error}", self.folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(unkept)?;
        let file = self.folder.join(format!("{}-{}", self.app, decision.number));
        // Of an earlier attempt.
        let _ = std::fs::remove_file(&file);
        let path = format!("/v1/apps/{}/releases/{}/archive", self.app, decision.number);
        let client = &decision.client;
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
