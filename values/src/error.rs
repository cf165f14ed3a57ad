//! What encoding and decoding can fail with.

use crate::engine::Outcome;
use crate::path::{Path, Step};
use thiserror::Error;

/// Which of the values handed in an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Position of a positional argument, from 0.
    Position(usize),
    /// Name of a named argument.
    Name(String),
    /// The only value, of `encode_value` or `decode_value`; or the message as a whole.
    Value,
}

/// Why values could not be encoded. Nothing has been appended to the output.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A value that no other process could use. Send something else.
    #[error("{path}{}{reason}", separator(path))]
    Unsendable {
        argument: Argument,
        /// Like `[3]["cb"]->handler`; empty for the argument itself.
        path: String,
        /// Like `Closure cannot be sent`.
        reason: String,
    },
    /// More arrays and objects inside each other than `depth_max`.
    #[error("nested deeper than {depth_max} levels")]
    TooDeep { argument: Argument, path: String, depth_max: u32 },
    /// More than `bytes_max` bytes or `elements_max` elements.
    #[error("larger than the limit of {limit} {unit}")]
    TooLarge { argument: Argument, path: String, limit: usize, unit: &'static str },
    /// `EG(exception)` is set: let it go on. It may be what the engine unwinds with after `exit()`.
    #[error("a PHP exception was thrown")]
    Thrown,
    /// The engine bailed out in user code. Touch no PHP value, and raise the bailout again
    /// (`_zend_bailout`) once no Rust frame with a destructor is left.
    #[error("the PHP engine bailed out")]
    Bailout,
}

/// Why bytes could not be decoded. Everything decoded so far has been freed, without destructors.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes are not what an encoder writes.
    #[error("malformed value at byte {offset}: {reason}")]
    Malformed { offset: usize, reason: &'static str },
    /// A class that does not exist here, that may not be made from bytes, or that refused them.
    #[error("{path}{}{reason}", separator(path))]
    Refused {
        argument: Argument,
        path: String,
        /// Like `class Shop\Order is not known here`.
        reason: String,
    },
    /// More arrays and objects inside each other than `depth_max`.
    #[error("nested deeper than {depth_max} levels")]
    TooDeep { argument: Argument, path: String, depth_max: u32 },
    /// More than `bytes_max` or `memory_max` bytes, or `elements_max` elements.
    #[error("larger than the limit of {limit} {unit}")]
    TooLarge { argument: Argument, path: String, limit: usize, unit: &'static str },
    /// As [`EncodeError::Thrown`].
    #[error("a PHP exception was thrown")]
    Thrown,
    /// As [`EncodeError::Bailout`]; the values decoded so far are left to the end of the request.
    #[error("the PHP engine bailed out")]
    Bailout,
}

fn separator(path: &str) -> &'static str {
    if path.is_empty() { "" } else { ": " }
}

/// What went wrong inside one value, before it is known which argument that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Unsendable(String),
    Refused(String),
    Malformed(usize, &'static str),
    TooDeep(u32),
    TooLarge(usize, &'static str),
    Thrown,
    Bailout,
}

/// A cause and the path to it. Boxed, so that the good case of a result is one null pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault(Box<(Cause, Path)>);

pub(crate) type Done = Result<(), Fault>;

impl Fault {
    #[cold]
    pub(crate) fn new(cause: Cause) -> Self {
        Self(Box::new((cause, Path::default())))
    }

    /// A call into the engine failed; `reason` says what it means if a thing was missing.
    #[cold]
    pub(crate) fn from_outcome(outcome: Outcome, missing: impl FnOnce() -> Cause) -> Self {
        Self::new(match outcome {
            Outcome::Thrown => Cause::Thrown,
            Outcome::Bailout => Cause::Bailout,
            Outcome::Missing => missing(),
        })
    }

    /// The fault as seen from one level further out.
    #[cold]
    pub(crate) fn inside(mut self, step: impl FnOnce() -> Step) -> Self {
        self.0.1.push_outer(step());
        self
    }

    pub(crate) fn is_bailout(&self) -> bool {
        self.0.0 == Cause::Bailout
    }

    pub(crate) fn into_encode(self, argument: Argument) -> EncodeError {
        let (cause, path) = *self.0;
        let path = path.to_string();
        match cause {
            Cause::Unsendable(reason) | Cause::Refused(reason) => {
                EncodeError::Unsendable { argument, path, reason }
            }
            Cause::Malformed(_, reason) => {
                EncodeError::Unsendable { argument, path, reason: reason.to_owned() }
            }
            Cause::TooDeep(depth_max) => EncodeError::TooDeep { argument, path, depth_max },
            Cause::TooLarge(limit, unit) => EncodeError::TooLarge { argument, path, limit, unit },
            Cause::Thrown => EncodeError::Thrown,
            Cause::Bailout => EncodeError::Bailout,
        }
    }

    pub(crate) fn into_decode(self, argument: Argument) -> DecodeError {
        let (cause, path) = *self.0;
        let path = path.to_string();
        match cause {
            Cause::Unsendable(reason) | Cause::Refused(reason) => {
                DecodeError::Refused { argument, path, reason }
            }
            Cause::Malformed(offset, reason) => DecodeError::Malformed { offset, reason },
            Cause::TooDeep(depth_max) => DecodeError::TooDeep { argument, path, depth_max },
            Cause::TooLarge(limit, unit) => DecodeError::TooLarge { argument, path, limit, unit },
            Cause::Thrown => DecodeError::Thrown,
            Cause::Bailout => DecodeError::Bailout,
        }
    }
}
