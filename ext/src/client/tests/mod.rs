//! The client against workers whose every byte a test decides.

mod canary;
mod fake;
mod gone;
mod handshakes;
mod hostile;
mod invalidation;
mod jobs;
mod limits;
mod membership;
mod moves;
mod pins;
mod retries;
mod routing;

use super::{CallError, CallId, Fleet, Manner, Options, State};
use crate::client::Credentials;
use fake::Fake;
use net::parse_list;
use std::rc::Rc;
use std::time::Duration;

/// Long enough for any machine; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Options for calling `workers`, in this order of their text.
fn options(workers: &[&Fake]) -> Options {
    let text = workers.iter().map(|worker| worker.address()).collect::<Vec<_>>().join(",");
    options_for(&text)
}

fn options_for(text: &str) -> Options {
    let fleet = Fleet {
        text: text.to_owned(),
        entries: parse_list(text).unwrap(),
        token: None,
        credentials: Credentials::new("", "", ""),
    };
    Options {
        fleet: Rc::new(fleet),
        timeout: Some(PATIENCE),
        connect_timeout: PATIENCE,
        busy_poll: Duration::ZERO,
        ..crate::api::settings::defaults()
    }
}

/// Sends a call without arguments, beside others.
fn send(options: &Options, function: &str) -> Result<CallId, CallError> {
    send_as(options, function, Manner::Beside)
}

fn send_as(options: &Options, function: &str, manner: Manner) -> Result<CallId, CallError> {
    let id = super::begin();
    match super::prepare(id, &Rc::new(options.clone()), function, manner) {
        Ok(()) => {
            super::lend(id, |call| call.affinity = options.affinity.clone().unwrap_or_default());
            super::dispatch(id);
            Ok(id)
        }
        Err(error) => {
            super::release(id);
            Err(error)
        }
    }
}

/// The bytes of the answer to a call.
fn answer(id: CallId) -> Result<Vec<u8>, CallError> {
    super::wait(id, None, &|| false);
    let answer = super::lend(id, |call| match std::mem::take(&mut call.state) {
        State::Value => Ok(call.answer().to_vec()),
        State::Failed(error) => Err(error),
        state => panic!("the wait is over, and the call is {state:?}"),
    });
    super::release(id);
    answer.unwrap()
}

/// A call that is waited for.
fn call(options: &Options, function: &str) -> Result<Vec<u8>, CallError> {
    send_as(options, function, Manner::Alone).and_then(answer)
}
