//! The engine as the codec sees it: small `Copy` handles on zvals, strings, arrays, objects and
//! references, and the calls that can run PHP code.
//!
//! Contract of every handle: it is made from a live value, and whoever uses it *holds* that value,
//! by being its owner or by a counted reference ([`Table::hold`], [`Instance::hold`]), for as long as
//! user code may run. Under that contract the methods are safe, so they are not marked otherwise;
//! the handles never leave the crate. Nothing here longjmps: what could is behind [`guard`].

pub(crate) mod class;
pub(crate) mod guard;
pub(crate) mod object;
pub(crate) mod string;
pub(crate) mod table;
pub(crate) mod value;

pub(crate) use class::{Class, Property};
pub(crate) use guard::Outcome;
pub(crate) use object::{Instance, Link};
pub(crate) use string::Text;
pub(crate) use table::Table;
pub(crate) use value::{Slot, Temporary, View};
