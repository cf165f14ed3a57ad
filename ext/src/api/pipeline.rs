//! The calls of a `Map` on their way, from its inputs to its results.

use super::future::{self, Future};
use super::map::{Entry, Map};
use super::outcome;
use crate::client::{self, CallId, Manner, Options, Waited};
use crate::php::cursor::Step;
use crate::php::{End, Handle, exception, wants_interrupt};
use ext_php_rs::types::Zval;

/// In order, a slow call holds back finished ones behind it: this many times the concurrency are
/// started before pulling stops.
const WINDOW: usize = 2;

/// Moves to the next result: waits for it, and keeps calls going meanwhile.
pub(super) fn advance(map: Handle<Map>) -> End {
    let passed = map.with(|map| map.current.take());
    drop(passed);
    loop {
        if let Err(end) = fill(map) {
            return end;
        }
        let done = map.with(Map::poll);
        match done {
            Some(position) => return take(map, position),
            None if map.with(|map| map.window.is_empty()) => {
                if let Some(thrown) = map.with(|map| map.inputs_threw.take()) {
                    exception::throw(thrown);
                }
                return End::Done;
            }
            None => {}
        }
        match wait_for_any(map) {
            Waited::Done | Waited::NotYet => {}
            Waited::Interrupted => {
                if !outcome::handle_signals() {
                    return End::Done;
                }
            }
        }
    }
}

/// Apart from its caller, which may be left by longjmp: the list must be gone by then.
fn wait_for_any(map: Handle<Map>) -> Waited {
    // As they were when `poll` looked: an answer that has come since is still in its socket and ends
    // the wait at once. Looked at again here, the last one could be gone, and nothing left to wait for.
    let ids: Vec<CallId> = map.with(|map| map.calls().collect());
    client::wait_any(&ids, None, &wants_interrupt)
}

impl Map {
    /// Looks at what has arrived. Position of the entry to hand out next, if it is done.
    fn poll(&mut self) -> Option<usize> {
        let mut first = None;
        for (position, entry) in self.window.iter().enumerate() {
            let done = match entry.outcome {
                Future::Running(id) => client::poll(id),
                _ => true,
            };
            if done && first.is_none() && (position == 0 || !self.ordered) {
                first = Some(position);
            }
        }
        first
    }

    /// Those that have been started and not handed out, done or not.
    fn calls(&self) -> impl Iterator<Item = CallId> {
        self.window.iter().filter_map(|entry| match entry.outcome {
            Future::Running(id) => Some(id),
            _ => None,
        })
    }

    fn wants_input(&self) -> bool {
        let concurrency = self.concurrency.max(1);
        let running = self.calls().filter(|id| !client::poll(*id)).count();
        let window = if self.ordered { concurrency * WINDOW } else { concurrency };
        self.cursor.is_some() && running < concurrency && self.window.len() < window
    }
}

/// Pulls inputs and starts calls until enough are on their way.
fn fill(map: Handle<Map>) -> std::result::Result<(), End> {
    while map.with(|map| map.wants_input()) {
        let Some(mut cursor) = map.with(|map| map.cursor.take()) else {
            return Ok(());
        };
        match cursor.next() {
            Step::Item { key, value } => {
                map.with(|map| map.cursor = Some(cursor));
                start_one(map, key, value)?;
            }
            Step::End => {}
            Step::Thrown => match exception::take() {
                Some(thrown) => map.with(|map| map.inputs_threw = Some(thrown)),
                None => return Err(End::Done),
            },
        }
    }
    Ok(())
}

/// Starts the call of one input. What prevents it is that input's outcome.
fn start_one(map: Handle<Map>, key: Zval, value: Zval) -> std::result::Result<(), End> {
    let (options, target) = map.with(|map| (map.options.clone(), map.target.clone()));
    let Some(options) = options else {
        return Ok(());
    };
    let input = std::slice::from_ref(&value);
    let started = outcome::start(&options, &target, input, None, Manner::Beside);
    let outcome = match started {
        Ok(id) => {
            client::give_to_object(id);
            choose_concurrency(map, id, &options);
            Future::Running(id)
        }
        Err(End::Bailout) => return Err(End::Bailout),
        Err(End::Done) => match exception::take() {
            Some(thrown) => Future::Thrown(thrown),
            None => return Err(End::Done),
        },
    };
    map.with(|map| map.window.push_back(Entry { key, outcome }));
    Ok(())
}

fn choose_concurrency(map: Handle<Map>, id: CallId, options: &Options) {
    let most = usize::try_from(options.connections_max).unwrap_or(usize::MAX);
    map.with(|map| {
        if map.concurrency == 0 {
            map.concurrency = client::useful_concurrency(id).clamp(1, most);
        }
    });
}

/// Hands an entry out: decodes its outcome.
fn take(map: Handle<Map>, position: usize) -> End {
    let Some(mut entry) = map.with(|map| map.window.remove(position)) else {
        return End::Done;
    };
    if let Future::Running(id) = entry.outcome {
        let (settled, end) = future::outcome_of(outcome::settle(id));
        // Released by `settle`.
        std::mem::forget(std::mem::replace(&mut entry.outcome, settled));
        if end == End::Bailout || matches!(entry.outcome, Future::Empty) {
            return end;
        }
    }
    map.with(|map| map.current = Some(entry));
    End::Done
}
