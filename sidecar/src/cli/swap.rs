//! Another release takes over, on all workers or on none: in two phases where there are several.

use super::control::{Client, Failure, Fleet, Outcome, finish, print};
use super::{Exit, Stop, text};
use crate::admin::{Abort, Activate, Activated, App, Promote, Rollback};
use protocol::AppName;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a worker that was lost after others had changed is asked again.
const RETRY_FOR: Duration = Duration::from_secs(30);
/// Pause between two attempts.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What is to be done.
pub(crate) struct Swap<'a> {
    fleet: &'a Fleet,
    app: &'a AppName,
    number: u64,
    by: By,
    allow_breaking: bool,
    /// What each worker's release must be by then, where that is known.
    expect_current: Vec<Option<u64>>,
}

/// By which question the release takes over.
#[derive(Clone, Copy)]
enum By {
    Activate,
    Promote,
    Rollback,
}

impl<'a> Swap<'a> {
    /// To a release that is staged everywhere.
    pub(crate) fn to_release(fleet: &'a Fleet, app: &'a AppName, number: u64) -> Self {
        let expect_current = vec![None; fleet.clients().len()];
        Self { fleet, app, number, by: By::Activate, allow_breaking: false, expect_current }
    }

    /// To the canary, which must be the same one everywhere.
    pub(crate) fn to_canary(fleet: &'a Fleet, app: &'a AppName) -> Result<Self, Stop> {
        let number = agreed(fleet, app, "canary", |app| app.canary.map(|canary| canary.release))?;
        Ok(Self { by: By::Promote, ..Self::to_release(fleet, app, number) })
    }

    /// To an earlier release, or the one before.
    pub(crate) fn back(fleet: &'a Fleet, app: &'a AppName, to: Option<u64>) -> Result<Self, Stop> {
        let number = match to {
            Some(number) => number,
            None => agreed(fleet, app, "release before the current one", |app| app.previous)?,
        };
        Ok(Self { by: By::Rollback, ..Self::to_release(fleet, app, number) })
    }

    pub(crate) fn allowing_breaking(self, allow_breaking: bool) -> Self {
        Self { allow_breaking, ..self }
    }

    /// `current` has each worker's release as it was when the swap was decided.
    pub(crate) fn expecting(self, current: Vec<Option<u64>>) -> Self {
        Self { expect_current: current, ..self }
    }

    /// Does it, and tells how it went.
    pub(crate) fn run(&self, as_json: bool) -> Result<(), Stop> {
        let outcomes = self.carry_out();
        print(&outcomes, as_json, describe)
    }

    /// Does it.
    fn carry_out(&self) -> Vec<Outcome<Activated>> {
        self.carry_out_if(|| true)
    }

    /// Does it unless, when all have prepared it, `goes_on` says that nobody wants it any more.
    pub(crate) fn carry_out_if(&self, goes_on: impl FnOnce() -> bool) -> Vec<Outcome<Activated>> {
        if self.fleet.clients().len() > 1 {
            let prepared = self.prepare();
            if finish(&prepared).is_err() {
                self.abort();
                return prepared.into_iter().map(spared).collect();
            }
        }
        if !goes_on() {
            self.abort();
            let clients = self.fleet.clients().iter().cloned();
            let given_up = |client| Outcome { client, result: Err(Failure::Interrupted) };
            return clients.map(given_up).collect();
        }
        self.commit()
    }

    fn prepare(&self) -> Vec<Outcome<Value>> {
        self.fleet.ask(|client| {
            let (path, body) = (self.path("prepare"), json!(self.activate(&client)));
            async move { client.post(path, body).await }
        })
    }

    /// Also where the answer to a preparation was lost. What cannot be reached forgets it by itself.
    fn abort(&self) {
        self.fleet.ask(|client| {
            let (path, body) = (self.path("abort"), json!(Abort { prepared: Some(self.number) }));
            async move { client.post::<Value>(path, body).await }
        });
    }

    fn commit(&self) -> Vec<Outcome<Activated>> {
        let deadline = Instant::now() + RETRY_FOR;
        let mut done = self.fleet.ask(|client| {
            let (path, body) = self.question(&client);
            async move { client.post(path, body).await }
        });
        if done.iter().all(|outcome| matches!(outcome.result, Err(Failure::Refused(_)))) {
            self.abort();
            return done;
        }
        while Instant::now() < deadline && done.iter().any(is_pending) {
            self.fleet.pause(RETRY_AFTER);
            let pending = done.iter().filter(|outcome| is_pending(outcome));
            let pending: Vec<Client> = pending.map(|outcome| outcome.client.clone()).collect();
            let mut again =
                self.fleet.ask_some(&pending, |client| self.ask_again(client)).into_iter();
            done.iter_mut().filter(|outcome| is_pending(outcome)).for_each(|outcome| {
                if let Some(answer) = again.next() {
                    *outcome = answer;
                }
            });
        }
        done.into_iter().map(|outcome| self.behind(outcome)).collect()
    }

    /// A worker whose answer was lost may have done it.
    fn ask_again(
        &self,
        client: Client,
    ) -> impl Future<Output = Result<Activated, Failure>> + Send + 'static {
        let (number, about) = (self.number, format!("/v1/apps/{}", self.app));
        let (path, body) = self.question(&client);
        async move {
            let app: App = client.get(about).await?;
            if app.current == number {
                let (changes, ended_canary) = (Vec::new(), None);
                let previous = app.previous;
                return Ok(Activated { number, previous, took_us: 0, changes, ended_canary });
            }
            client.post(path, body).await
        }
    }

    fn behind(&self, outcome: Outcome<Activated>) -> Outcome<Activated> {
        let Outcome { client, result } = outcome;
        let result = result.map_err(|failure| match failure.may_pass() {
            true => Failure::Behind { number: self.number, cause: Box::new(failure) },
            false => failure,
        });
        Outcome { client, result }
    }

    fn question(&self, client: &Client) -> (String, Value) {
        let allow_breaking = self.allow_breaking;
        match self.by {
            By::Activate => (self.path("activate"), json!(self.activate(client))),
            By::Promote => (self.path("promote"), json!(Promote { allow_breaking })),
            By::Rollback => {
                let to = Some(self.number);
                (self.path("rollback"), json!(Rollback { to, allow_breaking }))
            }
        }
    }

    fn activate(&self, client: &Client) -> Activate {
        let clients = self.fleet.clients().iter();
        let mut known = clients.zip(&self.expect_current);
        let expected = known.find(|(known, _)| known.address() == client.address());
        Activate {
            number: self.number,
            allow_breaking: self.allow_breaking,
            expect_current: expected.and_then(|(_, current)| *current),
        }
    }

    fn path(&self, action: &str) -> String {
        format!("/v1/apps/{}/{action}", self.app)
    }
}

fn is_pending(outcome: &Outcome<Activated>) -> bool {
    outcome.result.as_ref().is_err_and(Failure::may_pass)
}

/// A worker that was only prepared.
fn spared(prepared: Outcome<Value>) -> Outcome<Activated> {
    let Outcome { client, result } = prepared;
    Outcome { client, result: result.and(Err(Failure::Spared)) }
}

/// What all workers say alike of an application.
fn agreed(
    fleet: &Fleet,
    app: &AppName,
    what: &str,
    number_of: impl Fn(&App) -> Option<u64>,
) -> Result<u64, Stop> {
    let outcomes = fleet.ask(|client| {
        let path = format!("/v1/apps/{app}");
        async move { client.get::<App>(path).await }
    });
    let mut found: Vec<(String, Option<u64>)> = Vec::new();
    for outcome in &outcomes {
        match &outcome.result {
            Ok(app) => found.push((outcome.worker(), number_of(app))),
            Err(failure) => eprintln!("appserver: {}: {failure}", outcome.worker()),
        }
    }
    finish(&outcomes)?;
    let first = found.first().and_then(|(_, number)| *number);
    if let Some(number) = first.filter(|_| found.iter().all(|(_, number)| *number == first)) {
        return Ok(number);
    }
    let said = found.iter().map(|(worker, number)| match number {
        Some(number) => format!("{worker}: {number}"),
        None => format!("{worker}: none"),
    });
    let said = said.collect::<Vec<_>>().join(", ");
    let message = format!("the workers do not have one {what}: {said}; name the release");
    Err(Stop::new(Exit::Conflict, message))
}

pub(crate) fn describe(activated: &Activated) -> String {
    let before = activated.previous.map(|number| format!(", before it {number}"));
    let before = before.unwrap_or_default();
    let took = match activated.took_us {
        0 => String::new(),
        took => format!("; it took {}", text::micros(took)),
    };
    let remarks = activated.remarks().into_iter().map(|remark| format!("{remark}\n"));
    let remarks = remarks.collect::<String>();
    format!("release {} is current{before}{took}\n{}", activated.number, text::printable(&remarks))
}
