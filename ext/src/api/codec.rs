//! Values of a call in and out, with errors in the words of the caller.

use crate::client::{Call, CallError, ErrorKind, Options};
use ext_php_rs::types::{ZendHashTable, Zval};
use protocol::Function;
use values::{AllowedClasses, Argument, DecodeError, EncodeError, Limits};

/// Why there is no value.
#[derive(Debug)]
pub(super) enum Fault {
    Call(CallError),
    /// A PHP exception is pending.
    Thrown,
    Bailout,
}

/// Appends the arguments to the call's frame. Runs user code (`__serialize`).
pub(super) fn encode(
    call: &mut Call,
    positional: &[Zval],
    named: Option<&ZendHashTable>,
) -> Result<(), Fault> {
    let limits = limits(call, call.frame.len());
    values::encode_arguments(positional, named, &mut call.frame, limits)
        .map_err(|error| encode_fault(call, error))
}

/// The value a call returned. Runs user code (autoload, `__unserialize`).
pub(super) fn decode(call: &Call) -> Result<Zval, Fault> {
    let limits = limits(call, 0);
    let result = match call.options().map(|options| options.classes.as_slice()) {
        Some([]) | None => values::decode_value(call.answer(), limits, &AllowedClasses::default()),
        Some(patterns) => {
            values::decode_value(call.answer(), limits, &AllowedClasses::new(patterns))
        }
    };
    result.map_err(|error| decode_fault(&call.function, error))
}

/// As [`decode`], of a result that a job left.
pub(super) fn decode_result(
    encoded: &[u8],
    options: &Options,
    function: &str,
) -> Result<Zval, Fault> {
    let limits = Limits {
        bytes_max: usize::try_from(options.frame_bytes_max).unwrap_or(usize::MAX),
        depth_max: options.depth_max,
        ..Limits::default()
    };
    let policy = AllowedClasses::new(options.classes.iter());
    values::decode_value(encoded, limits, &policy).map_err(|error| decode_fault(function, error))
}

fn limits(call: &Call, used: usize) -> Limits {
    let Some(options) = call.options() else {
        return Limits::default();
    };
    let bytes_max = usize::try_from(options.frame_bytes_max).unwrap_or(usize::MAX);
    Limits {
        bytes_max: bytes_max.saturating_sub(used),
        depth_max: options.depth_max,
        ..Limits::default()
    }
}

fn encode_fault(call: &Call, error: EncodeError) -> Fault {
    let (argument, path, reason) = match error {
        EncodeError::Unsendable { argument, path, reason } => (argument, path, reason),
        EncodeError::TooDeep { argument, path, depth_max } => {
            let reason =
                format!("nested deeper than {depth_max} levels (appserver.value_depth_max)");
            (argument, path, reason)
        }
        EncodeError::TooLarge { argument, path, limit, unit } => {
            let reason = format!("larger than the limit of {limit} {unit}{}", setting_for(unit));
            (argument, path, reason)
        }
        EncodeError::Thrown => return Fault::Thrown,
        EncodeError::Bailout => return Fault::Bailout,
    };
    let path = format!("{}{path}", argument_text(&argument, call.known()));
    let message = format!("{}(): {path}: {reason}", call.function);
    Fault::Call(CallError::new(ErrorKind::Encode { path }, message).of(&call.function))
}

fn decode_fault(function: &str, error: DecodeError) -> Fault {
    let (path, reason) = match error {
        DecodeError::Malformed { offset, reason } => {
            let detail = format!("malformed value at byte {offset}: {reason}");
            return Fault::Call(CallError::protocol(detail).of(function));
        }
        DecodeError::Refused { path, reason, .. } => (path, reason),
        DecodeError::TooDeep { path, depth_max, .. } => {
            let reason =
                format!("nested deeper than {depth_max} levels (appserver.value_depth_max)");
            (path, reason)
        }
        DecodeError::TooLarge { path, limit, unit, .. } => {
            (path, format!("larger than the limit of {limit} {unit}{}", setting_for(unit)))
        }
        DecodeError::Thrown => return Fault::Thrown,
        DecodeError::Bailout => return Fault::Bailout,
    };
    let path = format!("result{path}");
    let message = format!("{function}(): {path}: {reason}");
    Fault::Call(CallError::new(ErrorKind::Decode { path }, message).of(function))
}

fn setting_for(unit: &str) -> &'static str {
    if unit == "bytes" { " (appserver.frame_bytes_max)" } else { "" }
}

/// E.g. `argument 2 ($rows)`, as PHP's own errors name them.
fn argument_text(argument: &Argument, function: Option<&Function>) -> String {
    match argument {
        Argument::Position(position) => {
            let params = function.map(|function| function.params.as_slice()).unwrap_or_default();
            let variadic = params.last().filter(|param| param.variadic);
            match params.get(*position).or(variadic) {
                Some(param) => format!("argument {} (${})", position + 1, param.name),
                None => format!("argument {}", position + 1),
            }
        }
        Argument::Name(name) => format!("argument ${name}"),
        Argument::Value => "arguments".to_owned(),
    }
}
