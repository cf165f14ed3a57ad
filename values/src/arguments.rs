//! The public functions: values of a call in and out.

use crate::decode::Decoder;
use crate::encode::Encoder;
use crate::engine::table::Key;
use crate::engine::{Slot, Table, Temporary, View, guard};
use crate::error::{Argument, Cause, DecodeError, Done, EncodeError, Fault};
use crate::limits::Limits;
use crate::plain;
use crate::policy::ClassPolicy;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendHashTable, Zval};

/// Arguments of a call, as `zend_fcall_info` wants them.
#[derive(Debug, Default)]
pub struct Arguments {
    pub positional: Vec<Zval>,
    /// Named arguments by name; `None` if there are none.
    pub named: Option<ZBox<ZendHashTable>>,
}

/// Appends the arguments of a call to `out`. Objects and references shared between arguments stay
/// shared.
///
/// May run PHP code (`__serialize()`, `__sleep()`): hold no lock and no `RefCell` borrow. On an error
/// `out` is as it was.
pub fn encode_arguments(
    positional: &[Zval],
    named: Option<&ZendHashTable>,
    out: &mut Vec<u8>,
    limits: Limits,
) -> Result<(), EncodeError> {
    if let ([value], None) = (positional, named) {
        let start = out.len();
        out.push(1);
        if plain::put(Slot::new(value), out, &limits) {
            out.push(0);
            return Ok(());
        }
        out.truncate(start);
    }
    let _memory = guard::Memory::new();
    let mut encoder = Encoder::new(out, limits);
    let mut at = Argument::Value;
    let done =
        put_arguments(&mut encoder, positional, named.map(|table| Table::new(table)), &mut at);
    encoder.finish(done).map_err(|fault| fault.into_encode(at))
}

/// `at` is left at the argument that failed.
fn put_arguments(
    encoder: &mut Encoder<'_>,
    positional: &[Zval],
    named: Option<Table>,
    at: &mut Argument,
) -> Done {
    encoder.count(positional.len());
    for (position, value) in positional.iter().enumerate() {
        encoder.value(Slot::new(value), false).inspect_err(|_| {
            *at = Argument::Position(position);
        })?;
    }
    encoder.count(named.map_or(0, Table::len));
    for (key, value) in named.into_iter().flat_map(Table::entries) {
        let Key::String(name) = key else {
            let reason = "named argument with an integer for a name";
            return Err(Fault::new(Cause::Unsendable(reason.to_owned())));
        };
        encoder.string(name).and_then(|()| encoder.value(value, false)).inspect_err(|_| {
            *at = Argument::Name(String::from_utf8_lossy(name.bytes()).into_owned());
        })?;
    }
    Ok(())
}

/// Appends one value to `out`. As [`encode_arguments`] otherwise.
pub fn encode_value(value: &Zval, out: &mut Vec<u8>, limits: Limits) -> Result<(), EncodeError> {
    if plain::put(Slot::new(value), out, &limits) {
        return Ok(());
    }
    let _memory = guard::Memory::new();
    let mut encoder = Encoder::new(out, limits);
    let done = encoder.value(Slot::new(value), false);
    encoder.finish(done).map_err(|fault| fault.into_encode(Argument::Value))
}

/// Decodes what [`encode_arguments`] wrote; `input` is exactly that.
///
/// May run PHP code (autoloaders, `__unserialize()`, `__wakeup()`): hold no lock and no `RefCell`
/// borrow.
pub fn decode_arguments(
    input: &[u8],
    limits: Limits,
    policy: &dyn ClassPolicy,
) -> Result<Arguments, DecodeError> {
    let mut arguments = Arguments::default();
    if let [1, value @ .., 0] = input {
        let mut argument = Zval::new();
        if plain::take(value, Slot::new(&raw mut argument), &limits) {
            arguments.positional.push(argument);
            return Ok(arguments);
        }
    }
    let memory = guard::Memory::new();
    let mut at = Argument::Value;
    let mut named = Temporary::null();
    let mut decoder = Decoder::new(input, limits, policy, &memory)
        .map_err(|fault| fault.into_decode(Argument::Value))?;
    let done = take_arguments(&mut decoder, &mut arguments.positional, named.slot(), &mut at);
    let roots = arguments.positional.iter_mut().map(|value| Slot::new(value));
    let done = decoder.finish(done, roots.chain([named.slot()]));
    done.map_err(|fault| fault.into_decode(at))?;
    if let View::Array(table) = named.slot().view() {
        // SAFETY: the table was made here, and this passes on the only reference to it.
        arguments.named = Some(unsafe { ZBox::from_raw(table.as_ptr()) });
    }
    Ok(arguments)
}

fn take_arguments(
    decoder: &mut Decoder<'_>,
    positional: &mut Vec<Zval>,
    named: Slot,
    at: &mut Argument,
) -> Done {
    let count = decoder.count()?;
    positional.reserve_exact(count);
    for position in 0..count {
        *at = Argument::Position(position);
        positional.push(Zval::new());
        decoder.value(Slot::new(&raw mut positional[position]))?;
    }
    *at = Argument::Value;
    let count = decoder.count()?;
    if count > 0 {
        let table = Table::new_mixed(u32::try_from(count).unwrap_or(u32::MAX));
        named.put_array(table);
        for _ in 0..count {
            let name = decoder.name()?;
            *at = Argument::Name(String::from_utf8_lossy(name.bytes()).into_owned());
            let slot = decoder.distinct(table.add(name))?;
            decoder.value(slot)?;
        }
    }
    *at = Argument::Value;
    decoder.expect_end()
}

/// Decodes what [`encode_value`] wrote; `input` is exactly that. As [`decode_arguments`] otherwise.
pub fn decode_value(
    input: &[u8],
    limits: Limits,
    policy: &dyn ClassPolicy,
) -> Result<Zval, DecodeError> {
    let mut value = Zval::new();
    let root = Slot::new(&raw mut value);
    if plain::take(input, root, &limits) {
        return Ok(value);
    }
    let memory = guard::Memory::new();
    let mut decoder = Decoder::new(input, limits, policy, &memory)
        .map_err(|fault| fault.into_decode(Argument::Value))?;
    let done = decoder.value(root).and_then(|()| decoder.expect_end());
    decoder.finish(done, [root].into_iter()).map_err(|fault| fault.into_decode(Argument::Value))?;
    Ok(value)
}
