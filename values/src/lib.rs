//! PHP values to bytes and back, straight from zvals: one walk out, one pass in, no tree between.
//!
//! [`encode_arguments`] and [`decode_arguments`] carry the arguments of a call, [`encode_value`] and
//! [`decode_value`] a single value. Decoding takes hostile bytes: [`Limits`] bounds what it may use
//! and a [`ClassPolicy`] says which classes it may instantiate.
//!
//! Both directions can run PHP code (`__serialize()`, autoloaders, …) and come back with
//! [`EncodeError::Thrown`] or [`EncodeError::Bailout`]: never by longjmp. A caller with `Bailout` in
//! its hands touches no PHP value any more and raises the bailout again when no Rust frame with a
//! destructor is left. The crate links no libphp: symbols come from the process that loads it.
//!
//! # Format
//!
//! Numbers are little-endian; `varint` is LEB128, `zigzag` a varint of a signed number. The
//! protocol's version stands for the version of this table.
//!
//! | tag | value | what follows |
//! |---|---|---|
//! | `00`–`7f` | int 0 to 127 | |
//! | `80`–`af` | string of 0 to 47 bytes | the bytes |
//! | `b0`–`bf` | list of 0 to 15 elements | the elements |
//! | `c0`–`cf` | string number 0 to 15 | |
//! | `d0` `d1` `d2` | null, false, true | |
//! | `d3` | float | 8 bytes |
//! | `d4` | int 128 to 383 | the int less 128 in a byte |
//! | `d5` `d6` | int without sign | 2, 4 bytes |
//! | `d7` `d8` `d9` `da` | int with sign | 1, 2, 4, 8 bytes |
//! | `db` | string | varint length, bytes |
//! | `dc` `dd` `de` | string by number | 1, 2, 4 bytes |
//! | `df` | list | varint count, elements |
//! | `e0` `e1` `e2` | run of ints | varint count, zigzag least, each less the least in 1, 2, 4 bytes |
//! | `e3` | run of ints | varint count, 8 bytes each |
//! | `e4` | run of floats | varint count, 8 bytes each |
//! | `e5` | map | varint count, then key (an int or a string) and value in turn |
//! | `e6` | array with a next index of its own | that int, then the array |
//! | `e7` | row of a new shape | varint count, keys, values |
//! | `e8` | row | varint shape, values |
//! | `e9` | object of a new shape | class, varint count, property names (mangled), values |
//! | `ea` | object | varint shape, values |
//! | `eb` | object with the state that `__serialize()` gave | class, an array |
//! | `ec` | object of a class with `Serializable` alone | class, string |
//! | `ed` | case of an enum | class, name of the case |
//! | `ee` | object again | varint identity |
//! | `ef` | PHP reference | its value |
//! | `f0` | PHP reference again | varint identity |
//!
//! *Arguments* are a varint count and the positional values, then a varint count and name and value
//! of each named one. A *class* is a varint: 0 and its name, or one more than the number of a class
//! named before. Things are numbered from 0 in the order they come: *strings* of three bytes and more
//! that are written out, wherever that is; *classes*; *row shapes*; *object shapes*; and *identities*,
//! which objects, cases and references share, each numbered before what is inside it. The numbers go
//! through all the arguments of a call. The next index of an array follows from its keys unless `e6`
//! says otherwise: one more than the greatest integer key, and at least 0.
//!
//! # Rules
//!
//! Objects are sent by `__serialize()`; else, if their class implements only it, by `Serializable`;
//! else by `__sleep()`; else by their properties, without uninitialised ones. `__unserialize()` and
//! `__wakeup()` are called when the whole graph is there, innermost first. Exceptions are sent without
//! the arguments in their traces. Strings, keys and properties come back with the bytes they had;
//! floats with their bits.

mod arguments;
mod classes;
mod decode;
mod encode;
mod engine;
mod error;
mod limits;
mod path;
mod plain;
mod policy;
mod tag;

pub use arguments::{Arguments, decode_arguments, decode_value, encode_arguments, encode_value};
pub use classes::{Stopped, find_class, new_object};
pub use error::{Argument, DecodeError, EncodeError};
pub use limits::Limits;
pub use policy::{AllowedClasses, ClassPolicy};
