//! `AppServer\Map`: one call per input, several at a time, results lazily.
//!
//! Memory is bounded by the window: inputs are pulled only while fewer calls than that are started
//! and not yet handed out.

use super::functions::map_args;
use super::future::Future;
use super::pipeline::advance;
use super::{settings, throw};
use crate::client::Options;
use crate::php::args;
use crate::php::cursor::Cursor;
use crate::php::{
    Carried, Class, Collector, End, Handle, Handler, Handlers, exception, guard, is_throwing,
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

/// What a `Map` carries.
#[derive(Default)]
pub(super) struct Map {
    pub(super) options: Option<Rc<Options>>,
    pub(super) target: String,
    /// Out of its place while it runs user code.
    pub(super) cursor: Option<Cursor>,
    /// 0 = not known before the first call.
    pub(super) concurrency: usize,
    pub(super) ordered: bool,
    pub(super) window: VecDeque<Entry>,
    /// What pulling inputs threw; comes to light after the results before it.
    pub(super) inputs_threw: Option<Zval>,
    pub(super) current: Option<Entry>,
    started: bool,
    advanced: bool,
    busy: bool,
}

/// One input on its way.
pub(super) struct Entry {
    pub(super) key: Zval,
    pub(super) outcome: Future,
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
    let options = match options.map_or_else(settings::checked, Ok) {
        Ok(options) => options,
        Err(error) => {
            throw::raise(error);
            return End::Done;
        }
    };
    // An IteratorAggregate runs user code here.
    let Some(cursor) = Cursor::new(args.inputs) else {
        return End::Done;
    };
    if let Some(map) = Handle::create(Map::default(), result) {
        map.with(|map| {
            map.options = Some(options);
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
            throw::misuse(
                "a Map is gone over once, it keeps no results: call appserver_map() again, or keep \
                 them with iterator_to_array()",
            );
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
            throw::misuse("a Map cannot be used by the code that its inputs run");
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
