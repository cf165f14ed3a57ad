//! The key that chooses a call's worker, from `#[AppServer\Affinity]` or the client's option.

use super::codec::Fault;
use crate::client::Call;
use ext_php_rs::types::{ZendHashTable, Zval};
use protocol::Function;
use values::{EncodeError, Limits};

/// Longest encoding of a value that takes part in choosing a worker; of larger ones, nothing does.
const KEY_BYTES_MAX: usize = 64 * 1024;

/// Sets the call's key. May run user code when the parameter's value is an object.
pub(super) fn set_key(
    call: &mut Call,
    positional: &[Zval],
    named: Option<&ZendHashTable>,
) -> Result<(), Fault> {
    let explicit = call.options().and_then(|options| options.affinity.clone());
    if let Some(key) = explicit {
        call.affinity = key;
        return Ok(());
    }
    let Some(function) = call.known() else {
        return Ok(());
    };
    let Some(parameter) = &function.affinity else {
        return Ok(());
    };
    let value = argument(function, parameter, positional, named);
    let mut key = std::mem::take(&mut call.affinity);
    key.clear();
    if let Some(function) = call.known() {
        key.extend_from_slice(function.name.to_ascii_lowercase().as_bytes());
        key.push(0);
    }
    let appended = value.map_or(Ok(()), |value| append(value, &mut key));
    call.affinity = key;
    appended
}

fn argument<'a>(
    function: &Function,
    parameter: &str,
    positional: &'a [Zval],
    named: Option<&'a ZendHashTable>,
) -> Option<&'a Zval> {
    let position = function.params.iter().position(|param| param.name == parameter)?;
    let value = positional.get(position).or_else(|| named?.get(parameter))?;
    Some(value.dereference())
}

/// Integers and the strings that look like them give the same key, as they do in an array.
fn append(value: &Zval, key: &mut Vec<u8>) -> Result<(), Fault> {
    if let Some(text) = value.zend_str() {
        key.extend_from_slice(text.as_bytes());
    } else if let Some(number) = value.long() {
        key.extend_from_slice(number.to_string().as_bytes());
    } else {
        let limits = Limits { bytes_max: KEY_BYTES_MAX, ..Limits::default() };
        match values::encode_value(value, key, limits) {
            Err(EncodeError::Thrown) => return Err(Fault::Thrown),
            Err(EncodeError::Bailout) => return Err(Fault::Bailout),
            // What cannot be sent fails as an argument, with the path to it; what is too large for a
            // key counts as no key.
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
