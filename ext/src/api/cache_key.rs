//! What a kept result is found by, and what invalidates it: arguments as the function will see them.

use super::codec::Fault;
use crate::client::{self, Call, Ground};
use ext_php_rs::types::{ZendHashTable, Zval};
use protocol::{ControlRequest, Function, Param, TagPart};
use shm::{Scope, slot};
use values::{EncodeError, Limits};

/// Longest encoding of arguments by which a result is kept, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 64 << 10;

/// How the arguments of a key are laid out.
const POSITIONS: u8 = 0;
/// Some that come before others were left out: a byte says which of all.
const WITH_GAPS: u8 = 1;
/// The policy names those that matter.
const CHOSEN: u8 = 2;

/// What a call was made with.
pub(super) struct Arguments<'a> {
    pub(super) positional: &'a [Zval],
    pub(super) named: Option<&'a ZendHashTable>,
    /// Where their encoding begins in the call's frame.
    pub(super) encoded_from: usize,
}

/// Appends the arguments to a key. False when results of this call are not to be kept. May run user code
/// when an argument is an object.
pub(super) fn put(
    ground: &Ground,
    call: &Call,
    arguments: &Arguments<'_>,
    key: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let Some((function, policy)) = ground.function().zip(ground.policy()) else {
        return Ok(false);
    };
    let encoded = &call.frame[arguments.encoded_from..];
    if encoded.len() > ARGUMENTS_BYTES_MAX {
        return Ok(false);
    }
    if policy.vary.is_none() && arguments.are_as_declared(function) {
        key.push(POSITIONS);
        key.extend_from_slice(encoded);
        return Ok(true);
    }
    let Some(bound) = arguments.bound(function) else {
        return Ok(false);
    };
    let given = match &policy.vary {
        None => bound,
        Some(chosen) => chosen_of(bound, chosen, function),
    };
    let has_gaps = given.iter().any(Option::is_none);
    match (&policy.vary, has_gaps) {
        (None, false) => key.push(POSITIONS),
        (None, true) => key.push(WITH_GAPS),
        (Some(_), _) => key.push(CHOSEN),
    }
    if policy.vary.is_some() || has_gaps {
        key.extend_from_slice(&given.len().to_le_bytes());
        key.extend(given.iter().map(|value| u8::from(value.is_some())));
    }
    let values: Vec<Zval> = given.into_iter().flatten().collect();
    let limits = Limits { bytes_max: ARGUMENTS_BYTES_MAX, ..Limits::default() };
    match values::encode_arguments(&values, None, key, limits) {
        Ok(()) => Ok(true),
        Err(EncodeError::Thrown) => Err(Fault::Thrown),
        Err(EncodeError::Bailout) => Err(Fault::Bailout),
        Err(_) => Ok(false),
    }
}

/// The arguments for these parameters; those for a variadic one are all from there on.
fn chosen_of(
    mut bound: Vec<Option<Zval>>,
    chosen: &[u16],
    function: &Function,
) -> Vec<Option<Zval>> {
    let mut given = Vec::new();
    for index in chosen.iter().map(|index| usize::from(*index)) {
        let is_variadic = function.params.get(index).is_some_and(|param| param.variadic);
        let end = if is_variadic { bound.len().max(index) } else { index + 1 };
        given.extend((index..end).map(|index| bound.get_mut(index).and_then(Option::take)));
    }
    given
}

/// As [`put`], of arguments that are nothing but scalars, as declared; false where they are not. Runs no
/// user code.
pub(super) fn put_plain(ground: &Ground, positional: &[Zval], key: &mut Vec<u8>) -> bool {
    let Some((function, policy)) = ground.function().zip(ground.policy()) else {
        return false;
    };
    let arguments = Arguments { positional, named: None, encoded_from: 0 };
    let is_plain = |value: &Zval| !(value.is_object() || value.is_array() || value.is_reference());
    if policy.vary.is_some()
        || !positional.iter().all(is_plain)
        || !arguments.are_as_declared(function)
    {
        return false;
    }
    key.push(POSITIONS);
    let limits = Limits { bytes_max: ARGUMENTS_BYTES_MAX, ..Limits::default() };
    values::encode_arguments(positional, None, key, limits).is_ok()
}

/// The slots of the board that invalidate the result. `None` when a tag cannot be filled in: then nothing
/// could invalidate it.
pub(super) fn slots(ground: &Ground, arguments: &Arguments<'_>) -> Option<Vec<u16>> {
    let (function, policy) = ground.function().zip(ground.policy())?;
    let app = ground.app().as_str();
    let mut slots = vec![slot(app, Scope::App), slot(app, Scope::Function(&function.name))];
    if policy.tags.is_empty() {
        return Some(slots);
    }
    let bound = arguments.bound(function)?;
    for tag in &policy.tags {
        let mut filled = Vec::with_capacity(tag.len() + 16);
        for part in protocol::CachePolicy::tag_parts(tag) {
            match part {
                TagPart::Text(text) => filled.extend_from_slice(text.as_bytes()),
                TagPart::Parameter(name) => {
                    let index = function.params.iter().position(|param| param.name == name)?;
                    let value = bound.get(index)?.as_ref()?;
                    put_text(value, function.params.get(index)?, &mut filled)?;
                }
            }
        }
        let filled = client::tag_text(&filled);
        // None other can be named.
        let can_be_named = (1..=ControlRequest::TAG_BYTES_MAX).contains(&filled.len());
        slots.push(slot(app, Scope::Tag(can_be_named.then_some(&*filled)?)));
    }
    Some(slots)
}

/// An argument in a tag. `None` when the function may see another one than was given: PHP makes the int 7 of
/// the string '07' for an int parameter, and invalidating 7 would miss it.
fn put_text(value: &Zval, param: &Param, out: &mut Vec<u8>) -> Option<()> {
    let value = value.dereference();
    let (kind, text) = match (value.long(), value.bool(), value.zend_str()) {
        (Some(number), ..) => ("int", number.to_string().into_bytes()),
        (_, Some(on), _) => ("bool", vec![b'0' + u8::from(on)]),
        (.., text) => ("string", text?.as_bytes().to_vec()),
    };
    let is_taken_as_it_is = |ty: &str| {
        let mut kinds = ty.trim_start_matches('?').split('|');
        kinds.any(|one| one.eq_ignore_ascii_case(kind) || one.eq_ignore_ascii_case("mixed"))
    };
    param.ty.as_deref().is_none_or(is_taken_as_it_is).then(|| out.extend_from_slice(&text))
}

impl Arguments<'_> {
    /// Whether their encoding is that of [`Self::bound`].
    fn are_as_declared(&self, function: &Function) -> bool {
        let is_as_declared =
            |(value, param): (&Zval, &Param)| coerced(value.dereference(), param).is_none();
        self.named.is_none_or(ZendHashTable::is_empty)
            && self.positional.iter().zip(&function.params).all(is_as_declared)
    }

    /// By position, as the function will see them, without those at the end that were left out. `None` when
    /// a name is no parameter's.
    fn bound(&self, function: &Function) -> Option<Vec<Option<Zval>>> {
        let mut bound: Vec<Option<Zval>> = self.positional.iter().map(|v| Some(taken(v))).collect();
        for (name, value) in self.named.into_iter().flatten() {
            let name = name.to_string();
            let is_it = |param: &Param| param.name == name && !param.variadic;
            let index = function.params.iter().position(is_it)?;
            if bound.len() <= index {
                bound.resize_with(index + 1, || None);
            }
            // PHP calls that an error.
            if bound[index].is_some() {
                return None;
            }
            bound[index] = Some(taken(value));
        }
        for (value, param) in bound.iter_mut().zip(&function.params) {
            if let Some(seen) = value.as_ref().and_then(|value| coerced(value, param)) {
                *value = Some(seen);
            }
        }
        Some(bound)
    }
}

fn taken(value: &Zval) -> Zval {
    value.dereference().shallow_clone()
}

/// What PHP makes of a number for a parameter of the other kind, whatever the caller's file declares.
fn coerced(value: &Zval, param: &Param) -> Option<Zval> {
    let ty = param.ty.as_deref()?;
    let ty = ty.strip_prefix('?').unwrap_or(ty);
    let mut seen = Zval::new();
    if ty.eq_ignore_ascii_case("float") {
        // As PHP does it; beyond 2^53 both lose the same digits.
        #[allow(clippy::cast_precision_loss)]
        seen.set_double(value.long()? as f64);
        return Some(seen);
    }
    let number = value.double().filter(|_| ty.eq_ignore_ascii_case("int"))?;
    let is_whole = number.fract() == 0.0 && number.abs() < 9.0e15;
    // -0.0 is 0 as an int.
    #[allow(clippy::cast_possible_truncation)]
    is_whole.then(|| seen.set_long(number as i64)).map(|()| seen)
}
