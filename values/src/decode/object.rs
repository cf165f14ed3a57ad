//! Objects.

use super::Decoder;
use super::class::{KnownClass, not_made, refusal};
use super::delayed::Delayed;
use super::known::{DELAYED_BYTES, IDENTITY_BYTES, Identity, ObjectShape, PROPERTY_PLAN_BYTES};
use super::property::PropertyPlan;
use crate::engine::table::Key;
use crate::engine::{Class, Instance, Slot, Table, Temporary, View, guard};
use crate::error::{Done, Fault};
use crate::path::Step;
use std::collections::HashSet;

/// Bytes of an object without its properties, with its number, and of one property.
const OBJECT_BYTES: usize = 56 + IDENTITY_BYTES;
const PROPERTY_BYTES: usize = 16;

impl Decoder<'_> {
    pub(super) fn object_shape(&mut self, slot: Slot) -> Done {
        let class = self.class()?;
        let count = self.input.count(2)?;
        // Before any name is read: a few bytes of input may stand for each.
        self.charge_elements(1 + count)?;
        self.charge_memory(count * PROPERTY_PLAN_BYTES)?;
        let properties = self.shape_properties(class, count)?;
        self.known.shapes.push(ObjectShape { class, properties });
        self.shaped(slot, self.known.shapes.len() - 1)
    }

    fn shape_properties(&mut self, class: usize, count: usize) -> Result<Vec<PropertyPlan>, Fault> {
        let class = self.known.classes[class].class;
        let mut properties: Vec<PropertyPlan> =
            Vec::with_capacity(count.min(class.slot_count() + 8));
        let mut dynamic = HashSet::new();
        for _ in 0..count {
            let name = self.name()?;
            let plan = self.property_plan(class, name)?;
            let is_new = match plan.declared_slot() {
                // There are no more of these than the class declares.
                Some(slot) => !properties.iter().any(|known| known.declared_slot() == Some(slot)),
                None => dynamic.insert(name.bytes()),
            };
            if !is_new {
                return Err(self.input.malformed("property given twice"));
            }
            properties.push(plan);
        }
        Ok(properties)
    }

    pub(super) fn object(&mut self, slot: Slot) -> Done {
        let shape = self.input.number(self.known.shapes.len())?;
        self.charge_elements(1 + self.known.shapes[shape].properties.len())?;
        self.shaped(slot, shape)
    }

    /// An object of a shape, whose elements are accounted for: the values of its properties follow.
    fn shaped(&mut self, slot: Slot, shape: usize) -> Done {
        let ObjectShape { class, properties } = &self.known.shapes[shape];
        let (class, count) = (*class, properties.len());
        if count > self.input.remaining() {
            return Err(self.input.malformed("count beyond the end"));
        }
        self.enter()?;
        let object = self.new_object(slot, class)?;
        if self.known.classes[class].unserializes {
            self.shaped_state(object, shape, count)?;
        } else {
            for position in 0..count {
                let plan = self.known.shapes[shape].properties[position];
                self.property(object, &plan)?;
            }
            if self.known.classes[class].wakes {
                self.known.delayed.push(Delayed::wakeup(object));
            }
        }
        self.leave();
        Ok(())
    }

    /// The sender had no `__serialize()`, but the class here has `__unserialize()`: it gets the
    /// properties as an array.
    fn shaped_state(&mut self, object: Instance, shape: usize, count: usize) -> Done {
        self.charge_mixed(count)?;
        let table = Table::with_room(u32::try_from(count).unwrap_or(u32::MAX));
        let mut state = Temporary::null();
        state.slot().put_array(table);
        let mut done = Ok(());
        for position in 0..count {
            let name = self.known.shapes[shape].properties[position].name;
            let read = match table.add(name) {
                Some(element) => self.value(element),
                None => Err(self.input.malformed("property given twice")),
            };
            done = read.map_err(|fault| fault.inside(|| Step::property(name.bytes())));
            if done.is_err() {
                break;
            }
        }
        self.known.delayed.push(Delayed::unserialize(object, state));
        done
    }

    /// Makes an object in `slot` and gives it the next number.
    #[inline]
    fn new_object(&mut self, slot: Slot, class: usize) -> Result<Instance, Fault> {
        let KnownClass { class, unserializes, wakes } = self.known.classes[class];
        let delayed = if unserializes || wakes { DELAYED_BYTES } else { 0 };
        self.charge_memory(OBJECT_BYTES + class.slot_count() * PROPERTY_BYTES + delayed)?;
        let object = if class.is_plain() {
            let object = class.create_plain();
            slot.put_object(object);
            object
        } else {
            self.new_special(slot, class)?
        };
        self.known.identity.push(Identity::Object(object));
        Ok(object)
    }

    fn new_special(&mut self, slot: Slot, class: Class) -> Result<Instance, Fault> {
        if class.is_enum() {
            return Err(self.input.malformed("object of an enum"));
        }
        if class.has_hidden_state() && !class.unserializes() {
            return Err(Fault::new(refusal(class.name(), "cannot be made from bytes")));
        }
        guard::new_object(class, slot).map_err(|outcome| not_made(class, outcome))?;
        match slot.view() {
            View::Object(object) => Ok(object),
            _ => Err(Fault::new(refusal(class.name(), "cannot be instantiated"))),
        }
    }

    /// What `__serialize()` returned.
    pub(super) fn object_state(&mut self, slot: Slot) -> Done {
        let class = self.class()?;
        self.enter()?;
        self.charge_elements(1)?;
        let object = self.new_object(slot, class)?;
        let mut state = Temporary::null();
        let mut done = self.value(state.slot());
        if done.is_ok() && !matches!(state.slot().view(), View::Array(_)) {
            done = Err(self.input.malformed("state of an object that is no array"));
        }
        if done.is_err() {
            self.known.discard(state.slot());
            return done;
        }
        let known = self.known.classes[class];
        if known.unserializes {
            self.known.delayed.push(Delayed::unserialize(object, state));
        } else {
            let moved = self.move_properties(object, known.class, state.slot());
            self.known.discard(state.slot());
            moved?;
            if known.wakes {
                self.known.delayed.push(Delayed::wakeup(object));
            }
        }
        self.leave();
        Ok(())
    }

    /// The class has no `__unserialize()`: the state's elements are its properties.
    fn move_properties(&mut self, object: Instance, class: Class, state: Slot) -> Done {
        let View::Array(table) = state.view() else {
            return Ok(());
        };
        for (key, element) in table.entries() {
            let Key::String(name) = key else {
                return Err(Fault::new(refusal(class.name(), "has no __unserialize()")));
            };
            let plan = self.property_plan(class, name)?;
            // Copied: the array may be shared with another place in the graph.
            let mut value = Temporary::null();
            value.slot().copy(element);
            let moved = self.move_property(object, &plan, value.slot());
            // Still there if it was not moved.
            self.known.discard(value.slot());
            moved.map_err(|fault| fault.inside(|| Step::property(name.bytes())))?;
        }
        Ok(())
    }

    /// A string form, for classes with `Serializable` alone.
    pub(super) fn object_opaque(&mut self, slot: Slot) -> Done {
        let class = self.class()?;
        let class = self.known.classes[class].class;
        let bytes = self.name()?;
        if !class.decodes_opaquely() || class.unserializes() || class.is_enum() {
            return Err(Fault::new(refusal(class.name(), "has no string form")));
        }
        self.charge_elements(1)?;
        self.charge_memory(OBJECT_BYTES + class.slot_count() * PROPERTY_BYTES)?;
        let number = self.known.identity.len();
        self.known.identity.push(Identity::Pending);
        let made = guard::opaque_decode(class, bytes.bytes(), slot);
        if let (View::Object(object), true) = (slot.view(), made != Err(guard::Outcome::Bailout)) {
            self.known.identity[number] = Identity::Object(object);
        }
        made.map_err(|outcome| not_made(class, outcome))
    }

    pub(super) fn enum_case(&mut self, slot: Slot) -> Done {
        let class = self.class()?;
        let class = self.known.classes[class].class;
        let case = self.name()?;
        if !class.is_enum() {
            return Err(Fault::new(refusal(class.name(), "is no enum here")));
        }
        guard::enum_case(class, case, slot).map_err(|outcome| {
            Fault::from_outcome(outcome, || {
                let case = String::from_utf8_lossy(case.bytes()).into_owned();
                refusal(class.name(), &format!("has no case {case}"))
            })
        })?;
        if let View::Object(object) = slot.view() {
            self.charge_memory(IDENTITY_BYTES)?;
            self.known.identity.push(Identity::Case(object));
        }
        Ok(())
    }

    pub(super) fn object_ref(&mut self, slot: Slot) -> Done {
        let number = self.input.number(self.known.identity.len())?;
        match self.known.identity[number] {
            Identity::Object(object) | Identity::Case(object) => {
                object.hold();
                slot.put_object(object);
                Ok(())
            }
            Identity::Link(_) | Identity::Pending => {
                Err(self.input.malformed("reference where an object is expected"))
            }
        }
    }
}
