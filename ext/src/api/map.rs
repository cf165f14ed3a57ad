//! `AppServer\Map`: one call per input, several at a time, results lazily.
//!
//! Memory is bounded by the window: inputs are pulled only while fewer calls than that are started
//! and not yet handed out.

use super::functions::map_args;
use super::future::{self, Future};
use super::{outcome, settings, throw};
use crate::client::{self, CallError, CallId, Options, Waited};
use crate::php::args;
use crate::php::cursor::{Cursor, Step};
use crate::php::{
    Carried, Class, Collector, End, Handle, Handler, Handlers, exception, guard, is_throwing,
    wants_interrupt,
};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::{ExecuteData, ce};
use std::collections::VecDeque;
use std::rc::Rc;

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();

/// In order, a slow call holds back finished ones behind it: this many times the concurrency are
/// started before pulling stops.
const WINDOW: usize = 2;

/// What a `Map` carries.
#[derive(Default)]
pub(super) struct Map {
    options: Option<Rc<Options>>,
    target: String,
    /// Out of its place while it runs user code.
    cursor: Option<Cursor>,
    /// 0 = not known before the first call.
    concurrency: usize,
    ordered: bool,
    window: VecDeque<Entry>,
    /// What pulling inputs threw; comes to light after the results before it.
    inputs_threw: Option<Zval>,
    current: Option<Entry>,
    started: bool,
    advanced: bool,
    busy: bool,
}

/// One input on its way.
struct Entry {
    key: Zval,
    outcome: Future,
}

impl Carried for Map {
    fn class() -> &'static Class {
        &CLASS
    }

    fn handlers() -> &'static Handlers {
        &HANDLERS
    }

    fn trace(&self, collector: &mut Collector) {
        for entry in self.window.iter().chain(&self.current) {
            collector.show(&entry.key);
            if let Some(value) = entry.outcome.held() {
                collector.show(value);
            }
        }
        if let Some(thrown) = &self.inputs_threw {
            collector.show(thrown);
        }
        if let Some(cursor) = &self.cursor {
            cursor.trace(collector);
        }
    }
}

/// Registers the class.
pub(super) fn register() -> Result<()> {
    let mixed = |name: &'static str, handler: Handler| {
        FunctionBuilder::new(name, handler).returns(DataType::Mixed, false, false)
    };
    let void = |name: &'static str, handler: Handler| {
        FunctionBuilder::new(name, handler).returns(DataType::Void, false, false)
    };
    let builder = ClassBuilder::new("AppServer\\Map")
        .flags(ClassFlags::Final)
        .implements((ce::iterator, "\\Iterator"))
        .method(
            FunctionBuilder::constructor(construct),
            MethodFlags::Private | MethodFlags::IsConstructor,
        )
        .method(mixed("current", current), MethodFlags::Public)
        .method(mixed("key", key), MethodFlags::Public)
        .method(void("next", next), MethodFlags::Public)
        .method(void("rewind", rewind), MethodFlags::Public)
        .method(
            FunctionBuilder::new("valid", valid).returns(DataType::Bool, false, false),
            MethodFlags::Public,
        );
    CLASS.register(builder)?;
    Map::install();
    Ok(())
}

/// Makes a map; nothing is called before it is iterated.
pub(super) fn start(options: Option<Rc<Options>>, frame: &ExecuteData, result: &mut Zval) -> End {
    let Some(args) = map_args(frame) else {
        return End::Done;
    };
    // An IteratorAggregate runs user code here.
    let Some(cursor) = Cursor::new(args.inputs) else {
        return End::Done;
    };
    if let Some(map) = Handle::create(Map::default(), result) {
        map.with(|map| {
            map.options = Some(options.unwrap_or_else(settings::current));
            args.target.clone_into(&mut map.target);
            map.cursor = Some(cursor);
            map.concurrency = args.concurrency;
            map.ordered = args.ordered;
        });
    }
    End::Done
}

extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        args::none(frame);
        End::Done
    });
}

extern "C" fn rewind(frame: &mut ExecuteData, _: &mut Zval) {
    on(frame, |map| {
        if map.with(|map| map.advanced) {
            throw::raise(CallError::config(
                "a Map goes over its inputs once and cannot be rewound",
            ));
            return End::Done;
        }
        begin(map)
    });
}

extern "C" fn valid(frame: &mut ExecuteData, result: &mut Zval) {
    on(frame, |map| {
        let end = begin(map);
        result.set_bool(map.with(|map| map.current.is_some()));
        end
    });
}

extern "C" fn key(frame: &mut ExecuteData, result: &mut Zval) {
    on(frame, |map| {
        let end = begin(map);
        if let Some(key) = map.with(|map| map.current.as_ref().map(|e| e.key.shallow_clone())) {
            *result = key;
        }
        end
    });
}

extern "C" fn current(frame: &mut ExecuteData, result: &mut Zval) {
    on(frame, |map| {
        let end = begin(map);
        if is_throwing() {
            return end;
        }
        let outcome = map.with(|map| match map.current.as_ref().map(|entry| &entry.outcome) {
            Some(Future::Value(value)) => Some(Ok(value.shallow_clone())),
            Some(Future::Thrown(thrown)) => Some(Err(thrown.shallow_clone())),
            _ => None,
        });
        match outcome {
            Some(Ok(value)) => *result = value,
            Some(Err(thrown)) => exception::throw(thrown),
            None => {}
        }
        end
    });
}

extern "C" fn next(frame: &mut ExecuteData, _: &mut Zval) {
    on(frame, |map| {
        let end = begin(map);
        if is_throwing() || end == End::Bailout {
            return end;
        }
        map.with(|map| map.advanced = true);
        advance(map)
    });
}

/// Runs `work` on the map a method was called on, unless the map is at work already: its inputs may
/// come from a generator that reaches for the map itself.
fn on(frame: &mut ExecuteData, work: impl FnOnce(Handle<Map>) -> End) {
    guard(|| {
        if args::none(frame).is_none() {
            return End::Done;
        }
        let Some(map) = Handle::<Map>::of_value(&frame.This) else {
            return End::Done;
        };
        if map.with(|map| std::mem::replace(&mut map.busy, true)) {
            throw::raise(CallError::config("a Map cannot be used by the code that its inputs run"));
            return End::Done;
        }
        let end = work(map);
        map.with(|map| map.busy = false);
        end
    });
}

/// Moves to the first result, once.
fn begin(map: Handle<Map>) -> End {
    if map.with(|map| std::mem::replace(&mut map.started, true)) {
        return End::Done;
    }
    advance(map)
}

/// Moves to the next result: waits for it, and keeps calls going meanwhile.
fn advance(map: Handle<Map>) -> End {
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
        let ids = map.with(|map| map.calls());
        match client::wait_any(&ids, None, &wants_interrupt) {
            Waited::Done | Waited::NotYet => {}
            Waited::Interrupted => {
                if !outcome::handle_signals() {
                    return End::Done;
                }
            }
        }
    }
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

    fn calls(&self) -> Vec<CallId> {
        let running = self.window.iter().filter_map(|entry| match entry.outcome {
            Future::Running(id) => Some(id),
            _ => None,
        });
        running.filter(|id| !client::poll(*id)).collect()
    }

    fn wants_input(&self) -> bool {
        let concurrency = self.concurrency.max(1);
        let running = self.calls().len();
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
    let started = outcome::start(&options, &target, std::slice::from_ref(&value), None);
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
