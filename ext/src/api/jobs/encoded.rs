//! `AppServer\encode()` and `AppServer\Encoded`: the arguments of a job as bytes, for what stores them on
//! the way to a worker. Whoever passes them on makes no value of them.

use super::arguments::{self, JobArgs};
use super::queue;
use super::records::{ENCODED, ENCODED_NAME};
use crate::api::throw;
use crate::client::{self, Call, CallError, ErrorKind, Options};
use crate::php::{End, guard, properties, typed};
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use std::rc::Rc;

/// The first byte: the protocol's version, which stands for the format of values. So bytes that were stored
/// before an upgrade are refused by name instead of read wrongly.
const FORMAT: u8 = protocol::PREFACE[4];

/// What PHP is told about the function.
pub(super) fn builder() -> FunctionBuilder<'static> {
    arguments::with_leading(FunctionBuilder::new("AppServer\\encode", encode)).returns(
        DataType::object("AppServer\\Encoded"),
        false,
        false,
    )
}

extern "C" fn encode(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match arguments::leading(frame, 2) {
        Some((job, arguments)) => match queue::options() {
            Ok(options) => arguments::spread_and(&options, job, arguments, result, make),
            Err(end) => end,
        },
        None => End::Done,
    });
}

fn make(options: &Rc<Options>, args: &JobArgs<'_>, result: &mut Zval) -> End {
    let id = match queue::begin(options, args) {
        Ok(id) => id,
        Err(end) => return end,
    };
    let bytes = client::lend(id, |call| {
        call.frame.insert(0, FORMAT);
        throw::text(&call.frame)
    });
    client::release(id);
    if let Some(bytes) = bytes {
        *result = typed::object(&ENCODED, [("bytes", bytes)]);
    }
    End::Done
}

/// Appends what `of`, an `Encoded`, carries to the frame of a call.
pub(super) fn append(call: &mut Call, of: &Zval) -> Result<(), CallError> {
    let mut object = of.shallow_clone();
    let bytes = object
        .object_mut()
        .map_or_else(Zval::null, |object| properties::get(object, (ENCODED_NAME.entry)(), "bytes"));
    let refused = |reason: String| {
        let path = "arguments".to_owned();
        let message = format!("{}(): {path}: {reason}", call.function);
        CallError::new(ErrorKind::Encode { path }, message).of(&call.function)
    };
    let limit = call.options().map_or(u32::MAX, |options| options.frame_bytes_max);
    match bytes.zend_str().and_then(|bytes| bytes.as_bytes().split_first()) {
        Some((&FORMAT, rest)) if rest.len() <= limit as usize => {
            call.frame.extend_from_slice(rest);
            Ok(())
        }
        Some((&FORMAT, _)) => Err(refused(format!(
            "larger than the limit of {limit} bytes (appserver.frame_bytes_max)"
        ))),
        _ => Err(refused("not as AppServer\\encode() of this version makes it".to_owned())),
    }
}
