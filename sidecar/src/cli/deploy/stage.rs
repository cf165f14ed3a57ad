//! The release on its way to all workers, and back from them.

use super::interrupt::Interrupt;
use super::progress::Progress;
use crate::admin::{Number, Staged};
use crate::cli::control::{Client, Failure, Fleet, Outcome};
use crate::cli::{Exit, Stop};
use protocol::AppName;
use serde_json::{Value, json};
use std::path::Path;

/// Sends it to all of them at the same time; each answers when it could take over.
pub(super) fn everywhere(
    fleet: &Fleet,
    app: &AppName,
    number: u64,
    file: &Path,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Vec<Outcome<Staged>>, Stop> {
    let bytes =
        file.metadata().map_err(|error| Stop::new(Exit::Internal, error.to_string()))?.len();
    let names: Vec<String> = fleet.clients().iter().map(|client| client.worker()).collect();
    let uploads = progress.uploads(&names, bytes);
    let outcomes = fleet.ask(|client| {
        let path = format!("/v1/apps/{app}/releases/{number}");
        let (file, upload) = (file.to_owned(), uploads.of(&client.worker()));
        let given_up = interrupt.given_up();
        async move {
            let answer = tokio::select! {
                answer = client.put::<Staged>(path, &file, upload.sent()) => answer,
                () = given_up.cancelled() => Err(Failure::Interrupted),
            };
            upload.end(answer.is_ok());
            answer
        }
    });
    uploads.end();
    Ok(outcomes)
}

/// Those that staged it need it no more. Best effort: what stays is removed by `appserver prune`.
pub(super) fn withdraw(fleet: &Fleet, app: &AppName, number: u64, staged: &[Outcome<Staged>]) {
    let clients = staged.iter().filter(|outcome| outcome.result.is_ok());
    let clients: Vec<_> = clients.map(|outcome| outcome.client.clone()).collect();
    withdraw_from(fleet, &clients, app, number);
}

/// Also where the answer was not awaited: a worker that is still at it gives it up.
pub(super) fn withdraw_everywhere(fleet: &Fleet, app: &AppName, number: u64) {
    withdraw_from(fleet, fleet.clients(), app, number);
}

fn withdraw_from(fleet: &Fleet, clients: &[Client], app: &AppName, number: u64) {
    fleet.ask_some(clients, |client| {
        let path = format!("/v1/apps/{app}/drain");
        async move { client.post::<Value>(path, json!(Number { number })).await }
    });
}
