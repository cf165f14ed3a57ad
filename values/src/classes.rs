//! Looking classes up and making objects of them for callers outside the codec, guarded as decoding
//! does it: user code may run, and no longjmp gets out.

use crate::engine::guard::{self, Memory};
use crate::engine::{Class, Outcome, Slot, Text};
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::ClassEntry;
use std::ptr;

/// Why user code did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// An exception is pending.
    Thrown,
    /// The engine bailed out; see the crate's documentation for what that asks of the caller.
    Bailout,
}

/// The class called `name`; with `load`, autoloaders run. `None` = there is none.
pub fn find_class(name: &ZendStr, load: bool) -> Result<Option<&'static ClassEntry>, Stopped> {
    let _memory = Memory::new();
    let name = Text::new(ptr::from_ref(name).cast_mut());
    found(guard::find_class(name, load)).map(|class| class.map(Class::as_entry))
}

/// A new object of `class`, whose constructor is not called. `None` = it cannot have any. Constants
/// in the defaults of its properties may run autoloaders.
pub fn new_object(class: &ClassEntry) -> Result<Option<Zval>, Stopped> {
    let _memory = Memory::new();
    let mut object = Zval::new();
    let class = Class::new(ptr::from_ref(class).cast_mut());
    let made = found(guard::new_object(class, Slot::new(&raw const object)))?;
    Ok(made.map(|()| std::mem::take(&mut object)))
}

fn found<T>(outcome: Result<T, Outcome>) -> Result<Option<T>, Stopped> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(Outcome::Missing) => Ok(None),
        Err(Outcome::Thrown) => Err(Stopped::Thrown),
        Err(Outcome::Bailout) => Err(Stopped::Bailout),
    }
}
