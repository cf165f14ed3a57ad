//! How objects of a class are sent. Decided once per class and encoding.

use crate::engine::{Class, Instance, Text};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Enum,
    /// `__serialize()`
    State,
    /// `__sleep()`
    Sleep,
    /// `Serializable` alone
    Opaque,
    /// Declared properties straight from the slots.
    Properties,
    /// Like `Properties`, but the trace loses its arguments: they may be anything.
    Throwable,
    /// Properties through a handler of the class.
    Handler,
}

pub(super) struct Plan {
    pub(super) class: Class,
    pub(super) way: Way,
    /// Number of the class on the wire, once it was named there.
    pub(super) named: Option<u32>,
    /// Names of all slots, if every slot has one.
    pub(super) names: Option<Vec<Text>>,
    /// The shape of an object whose slots are all set, once it was written.
    pub(super) full_shape: Option<u32>,
}

impl Plan {
    /// The plan for the class of `object`, or why its objects cannot be sent.
    pub(super) fn make(object: Instance) -> Result<Self, String> {
        let class = object.class();
        let way = way(object, class)?;
        let names = match way {
            Way::Properties => (0..class.slot_count())
                .map(|slot| class.property(slot).map(|property| property.name()))
                .collect(),
            _ => None,
        };
        Ok(Self { class, way, named: None, names, full_shape: None })
    }
}

fn way(object: Instance, class: Class) -> Result<Way, String> {
    if class.is_enum() {
        return Ok(Way::Enum);
    }
    if class.is_anonymous() {
        return Err("object of an anonymous class cannot be sent".to_owned());
    }
    let name = || String::from_utf8_lossy(class.name().bytes()).into_owned();
    if class.is_unserializable() {
        return Err(format!("{} cannot be sent", name()));
    }
    if class.serializes() {
        return Ok(Way::State);
    }
    if class.encodes_opaquely() {
        return Ok(Way::Opaque);
    }
    if class.has_method("__sleep") {
        return Ok(Way::Sleep);
    }
    if class.has_trace() {
        return Ok(Way::Throwable);
    }
    if class.has_hidden_state() {
        return Err(format!("{} cannot be sent: it has no __serialize()", name()));
    }
    if object.has_standard_properties() { Ok(Way::Properties) } else { Ok(Way::Handler) }
}
