//! Properties: what PHP's own unserialize() would accept, and nothing more.

use super::Decoder;
use super::class::{not_made, refusal};
use crate::engine::{Class, Instance, Property, Slot, Text, View, guard};
use crate::error::{Done, Fault};
use crate::path::Step;

/// A name of a shape, resolved in its class.
#[derive(Clone, Copy)]
pub(super) struct PropertyPlan {
    pub(super) name: Text,
    /// `None`: a dynamic property.
    declared: Option<Declared>,
}

#[derive(Clone, Copy)]
struct Declared {
    property: Property,
    slot: usize,
    /// Kinds of zval it takes without a closer look.
    kinds: u32,
}

impl PropertyPlan {
    /// Where the declared property that it means is. Two names may mean the same one.
    pub(super) fn declared_slot(&self) -> Option<usize> {
        self.declared.map(|declared| declared.slot)
    }
}

impl Decoder<'_> {
    /// Finds out what `name` means in `class`.
    pub(super) fn property_plan(&self, class: Class, name: Text) -> Result<PropertyPlan, Fault> {
        let found = guard::find_property(class, name)
            .map_err(|_| self.input.malformed("no name of a property"))?;
        let declared = found.map(|property| Declared {
            property,
            slot: property.slot(),
            kinds: property.kinds(),
        });
        if declared.is_none() && class.forbids_dynamic_properties() {
            let reason = format!("has no property ${}", String::from_utf8_lossy(name.bytes()));
            return Err(Fault::new(refusal(class.name(), &reason)));
        }
        Ok(PropertyPlan { name, declared })
    }

    /// Reads the value of a property of a new object.
    #[inline]
    pub(super) fn property(&mut self, object: Instance, plan: &PropertyPlan) -> Done {
        let slot = match &plan.declared {
            Some(declared) => object.slots().step(declared.slot),
            None => self.dynamic(object, plan)?,
        };
        if slot.is_counted() {
            self.known.discard(slot);
        } else {
            slot.put_null();
        }
        self.value(slot)
            .and_then(|()| self.check(object, plan, slot))
            .map_err(|fault| fault.inside(|| Step::property(plan.name.bytes())))
    }

    /// Moves a value that was read already into a property of a new object.
    pub(super) fn move_property(
        &mut self,
        object: Instance,
        plan: &PropertyPlan,
        from: Slot,
    ) -> Done {
        let slot = match &plan.declared {
            Some(declared) => object.slots().step(declared.slot),
            None => self.dynamic(object, plan)?,
        };
        self.known.discard(slot);
        slot.take(from);
        self.check(object, plan, slot)
    }

    fn dynamic(&mut self, object: Instance, plan: &PropertyPlan) -> Result<Slot, Fault> {
        self.charge_mixed(1)?;
        object
            .make_table()
            .add(plan.name)
            .ok_or_else(|| self.input.malformed("property given twice"))
    }

    #[inline]
    fn check(&mut self, object: Instance, plan: &PropertyPlan, slot: Slot) -> Done {
        let Some(declared) = &plan.declared else {
            return Ok(());
        };
        slot.clear_property_flags();
        if declared.kinds == u32::MAX || declared.kinds & 1 << slot.kind() != 0 {
            return Ok(());
        }
        self.check_type(object, declared, slot)
    }

    /// The type names classes, asks for a conversion, or does not fit.
    fn check_type(&mut self, object: Instance, declared: &Declared, slot: Slot) -> Done {
        let View::Reference(link) = slot.view() else {
            return guard::check_property(declared.property, slot)
                .map_err(|outcome| not_made(object.class(), outcome));
        };
        if declared.property.is_readonly() {
            return Err(self.input.malformed("reference to a readonly property"));
        }
        guard::check_property(declared.property, slot)
            .map_err(|outcome| not_made(object.class(), outcome))?;
        guard::bind_reference(link, declared.property);
        Ok(())
    }
}
