//! Classes by name, looked up once each.

use super::Decoder;
use super::known::CLASS_BYTES;
use crate::engine::{Class, Outcome, Text, guard};
use crate::error::{Cause, Fault};

/// Longest class name, in bytes.
const NAME_BYTES_MAX: usize = 1024;

#[derive(Clone, Copy)]
pub(super) struct KnownClass {
    pub(super) class: Class,
    /// Has `__unserialize()`.
    pub(super) unserializes: bool,
    /// Has `__wakeup()`, which counts only if it has no `__unserialize()`.
    pub(super) wakes: bool,
}

impl Decoder<'_> {
    /// Reads a class: the number of one named before, or a name. Returns its position.
    pub(super) fn class(&mut self) -> Result<usize, Fault> {
        let number = self.input.number(self.known.classes.len() + 1)?;
        if let Some(position) = number.checked_sub(1) {
            return Ok(position);
        }
        let name = self.name()?;
        if name.bytes().is_empty() || name.bytes().len() > NAME_BYTES_MAX {
            return Err(self.input.malformed("length of a class name"));
        }
        self.charge_memory(CLASS_BYTES)?;
        let class = self.find_class(name)?;
        self.known.classes.push(KnownClass {
            class,
            unserializes: class.unserializes(),
            wakes: !class.unserializes() && class.has_method("__wakeup"),
        });
        Ok(self.known.classes.len() - 1)
    }

    fn find_class(&self, name: Text) -> Result<Class, Fault> {
        let may_load = self.policy.may_load(name.bytes());
        let class = guard::find_class(name, may_load).map_err(|outcome| {
            Fault::from_outcome(outcome, || {
                refusal(name, if may_load { "is not known here" } else { "is not allowed" })
            })
        })?;
        if !self.policy.allows(class.as_entry()) {
            let reason = match self.policy.advice(class.as_entry()) {
                advice if advice.is_empty() => "is not allowed".to_owned(),
                advice => format!("is not allowed: {advice}"),
            };
            return Err(Fault::new(refusal(name, &reason)));
        }
        if class.is_unserializable() {
            return Err(Fault::new(refusal(name, "cannot be made from bytes")));
        }
        Ok(class)
    }
}

pub(super) fn refusal(name: Text, reason: &str) -> Cause {
    Cause::Refused(format!("class {} {reason}", String::from_utf8_lossy(name.bytes())))
}

/// What an outcome means while an object of the class was made.
pub(super) fn not_made(class: Class, outcome: Outcome) -> Fault {
    Fault::from_outcome(outcome, || refusal(class.name(), "did not take its state"))
}
