//! The functions `appserver_*`, and the list of all.

use super::outcome::{self, Wait};
use super::{future, jobs, map, pin, status};
use crate::client::Options;
use crate::php::args::{self, CallArgs, Param};
use crate::php::{End, guard};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use std::rc::Rc;

/// What PHP is told about them.
pub(crate) fn builders() -> impl Iterator<Item = FunctionBuilder<'static>> {
    let calls = [
        with_call_args(FunctionBuilder::new("appserver_call", call)).returns(
            DataType::Mixed,
            false,
            false,
        ),
        with_call_args(FunctionBuilder::new("appserver_async", async_call)).returns(
            DataType::object("AppServer\\Future"),
            false,
            false,
        ),
        with_map_args(FunctionBuilder::new("appserver_map", map_call)).returns(
            DataType::object("AppServer\\Map"),
            false,
            false,
        ),
        FunctionBuilder::new("appserver_status", status).returns(DataType::Array, false, false),
    ];
    calls.into_iter().chain(pin::builders()).chain(jobs::builders())
}

/// `(string $function, mixed ...$args)`.
pub(crate) fn with_call_args(builder: FunctionBuilder<'static>) -> FunctionBuilder<'static> {
    builder
        .arg(Arg::new("function", DataType::String))
        .arg(Arg::new("args", DataType::Mixed).is_variadic())
}

/// `(string $function, iterable $inputs, int $concurrency = 0, bool $ordered = true)`.
pub(crate) fn with_map_args(builder: FunctionBuilder<'static>) -> FunctionBuilder<'static> {
    builder
        .arg(Arg::new("function", DataType::String))
        .arg(Arg::new("inputs", DataType::Iterable))
        .not_required()
        .arg(Arg::new("concurrency", DataType::Long).default("0"))
        .arg(Arg::new("ordered", DataType::Bool).default("true"))
}

extern "C" fn call(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match args::call_args(frame) {
        Some(args) => run(None, args, result),
        None => End::Done,
    });
}

/// A call from beginning to end.
pub(crate) fn run(options: Option<&Rc<Options>>, args: CallArgs<'_>, result: &mut Zval) -> End {
    match outcome::start_unless_kept(options, args, result) {
        Ok(Some(sent)) => {
            // Whatever ended the wait, the end of it finds the state of the call and says it.
            let _: Wait = outcome::wait(sent.id, None);
            outcome::finish_and_keep(sent, result)
        }
        Ok(None) => End::Done,
        Err(end) => end,
    }
}

extern "C" fn async_call(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match args::call_args(frame) {
        Some(args) => future::start(None, args, result),
        None => End::Done,
    });
}

extern "C" fn map_call(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| map::start(None, frame, result));
}

extern "C" fn status(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_some() {
            *result = status::array();
        }
        End::Done
    });
}

/// The arguments of a map.
pub(crate) struct MapArgs<'frame> {
    pub target: &'frame str,
    pub inputs: &'frame Zval,
    pub concurrency: usize,
    pub ordered: bool,
}

/// Reads `(string $function, iterable $inputs, int $concurrency = 0, bool $ordered = true)`. `None` =
/// an exception is pending.
pub(crate) fn map_args(frame: &ExecuteData) -> Option<MapArgs<'_>> {
    let (mut target, mut inputs) = (std::ptr::null(), std::ptr::null_mut());
    let (mut concurrency, mut ordered) = (0, 1);
    let mut params = [
        Param::Text(&mut target),
        Param::Any(&mut inputs),
        Param::Int(&mut concurrency),
        Param::Bool(&mut ordered),
    ];
    args::parse(frame, c"Sz|lb", &mut params)?;
    let target = args::utf8(frame, 1, target).ok()?.unwrap_or_default();
    let inputs = args::value(frame, inputs)?;
    if !args::is_iterable(inputs) {
        args::type_error(2, c"Traversable|array", inputs);
        return None;
    }
    let Ok(concurrency) = usize::try_from(concurrency) else {
        args::value_error(3, c"must be 0 (as many as there are executors) or more");
        return None;
    };
    Some(MapArgs { target, inputs, concurrency, ordered: ordered != 0 })
}
