//! PHP values to bytes and back, straight from zvals: one walk out, one pass in, no tree between.

mod arguments;
mod decode;
mod encode;
mod engine;
mod error;
mod limits;
mod path;
mod policy;
mod tag;

pub use arguments::{Arguments, decode_arguments, decode_value, encode_arguments, encode_value};
pub use error::{Argument, DecodeError, EncodeError};
pub use limits::Limits;
pub use policy::{AllowedClasses, ClassPolicy};
