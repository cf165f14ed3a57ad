//! Several workers that are asked the same at the same time.

use super::{Client, Failure};
use crate::admin::Code;
use crate::cli::{Exit, Stop, text};
use serde::Serialize;
use serde_json::{Value, json};
use std::future::Future;
use std::io::{self, Write};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// The workers of a command.
#[derive(Debug)]
pub(crate) struct Fleet {
    clients: Vec<Client>,
    runtime: Runtime,
}

/// What one of them made of a question.
#[derive(Debug)]
pub(crate) struct Outcome<T> {
    pub(crate) client: Client,
    pub(crate) result: Result<T, Failure>,
}

impl<T> Outcome<T> {
    pub(crate) fn worker(&self) -> String {
        self.client.worker()
    }
}

impl Fleet {
    pub(super) fn new(clients: Vec<Client>) -> Result<Self, Stop> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Stop::new(Exit::Internal, error.to_string()))?;
        Ok(Self { clients, runtime })
    }

    pub(crate) fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Asks every worker at the same time; the answers in the order in which they were named.
    pub(crate) fn ask<T, F>(&self, question: impl Fn(Client) -> F) -> Vec<Outcome<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.ask_some(&self.clients, question)
    }

    /// The same of some of them.
    pub(crate) fn ask_some<T, F>(
        &self,
        clients: &[Client],
        question: impl Fn(Client) -> F,
    ) -> Vec<Outcome<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.runtime.block_on(async {
            let mut asked = JoinSet::new();
            for (index, client) in clients.iter().enumerate() {
                let answer = question(client.clone());
                asked.spawn(async move { (index, answer.await) });
            }
            let mut results: Vec<_> = asked.join_all().await;
            results.sort_by_key(|(index, _)| *index);
            let results = results.into_iter().zip(clients);
            results
                .map(|((_, result), client)| Outcome { client: client.clone(), result })
                .collect()
        })
    }

    /// Waits before asking again.
    pub(crate) fn pause(&self, duration: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(duration).await });
    }
}

/// Prints each worker's answer, as JSON or in words, and gives the exit code of all of them.
pub(crate) fn print<T: Serialize>(
    outcomes: &[Outcome<T>],
    as_json: bool,
    describe: impl Fn(&T) -> String,
) -> Result<(), Stop> {
    if as_json {
        let all: Vec<Value> = outcomes.iter().map(in_json).collect();
        writeln!(io::stdout(), "{}", json!(all))?;
    } else {
        for outcome in outcomes {
            match &outcome.result {
                Ok(answer) if outcomes.len() == 1 => {
                    io::stdout().write_all(describe(answer).as_bytes())?;
                }
                Ok(answer) => {
                    let text: String =
                        describe(answer).lines().map(|line| format!("  {line}\n")).collect();
                    write!(io::stdout(), "{}\n{text}", outcome.worker())?;
                }
                Err(failure) => eprintln!(
                    "appserver: {}: {}",
                    outcome.worker(),
                    text::printable(&failure.to_string())
                ),
            }
        }
    }
    finish(outcomes)
}

/// Without the answers of workers that do not know what was named, unless none does: it is enough that
/// one has it.
pub(crate) fn unless_unknown_to_all<T>(
    outcomes: Vec<Outcome<T>>,
    is_unknown: impl Fn(Code) -> bool,
) -> Vec<Outcome<T>> {
    let knows = |outcome: &Outcome<T>| match &outcome.result {
        Ok(_) => true,
        Err(failure) => !failure.code().is_some_and(&is_unknown),
    };
    match outcomes.iter().any(|outcome| outcome.result.is_ok()) {
        true => outcomes.into_iter().filter(knows).collect(),
        false => outcomes,
    }
}

fn in_json<T: Serialize>(outcome: &Outcome<T>) -> Value {
    match &outcome.result {
        Ok(answer) => json!({"worker": outcome.worker(), "ok": true, "result": answer}),
        Err(failure) => {
            json!({"worker": outcome.worker(), "ok": false, "error": failure.as_json()})
        }
    }
}

/// How a command ends whose workers answered so: the failures have been told.
pub(crate) fn finish<T>(outcomes: &[Outcome<T>]) -> Result<(), Stop> {
    let failures: Vec<&Failure> =
        outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()).collect();
    // A worker that was spared is not the cause.
    let cause = failures.iter().find(|failure| !matches!(failure, Failure::Spared));
    match cause.or(failures.first()) {
        None => Ok(()),
        Some(first) if failures.len() == outcomes.len() => Err(Stop::silent(first.exit())),
        Some(_) => Err(Stop::silent(Exit::Partial)),
    }
}
