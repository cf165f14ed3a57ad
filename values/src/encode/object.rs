//! Objects.

use super::output::put_count;
use super::plan::{Plan, Way};
use super::scratch::Held;
use super::shapes::Found;
use super::{Encoder, tag, trace, unsendable};
use crate::engine::table::Key;
use crate::engine::{Instance, Outcome, Slot, Table, Temporary, Text, View, guard};
use crate::error::{Cause, Done, Fault};
use crate::path::Step;

impl Encoder<'_> {
    pub(super) fn object(&mut self, object: Instance, shared: bool) -> Done {
        if shared || object.references() > 1 {
            let number = self.next_identity;
            let address = object.as_ptr().addr();
            if let Some(known) = self.scratch.identity.find_or_add(address, number) {
                self.out.push(tag::OBJECT_REF);
                put_count(self.out, known as usize);
                return Ok(());
            }
            object.hold();
            self.scratch.held.push(Held::Object(object));
            self.next_identity += 1;
            return self.new_object(object, shared);
        }
        self.next_identity += 1;
        object.hold();
        let done = self.new_object(object, shared);
        if done.as_ref().is_err_and(Fault::is_bailout) {
            return done;
        }
        done.and(guard::drop_object(object).map_err(thrown))
    }

    fn new_object(&mut self, object: Instance, shared: bool) -> Done {
        self.enter(1)?;
        let plan = self.plan(object)?;
        let done = match self.scratch.plans[plan].way {
            Way::Properties => self.plain(plan, object, shared),
            Way::Enum => self.enum_case(plan, object),
            Way::State => self.state(plan, object),
            Way::Sleep => self.slept(plan, object),
            Way::Opaque => self.opaque(plan, object),
            Way::Throwable => self.own(plan, object, shared),
            Way::Handler => self.handled(plan, object, shared),
        };
        self.leave();
        done
    }

    /// Position of the plan for the object's class.
    #[inline]
    fn plan(&mut self, object: Instance) -> Result<usize, Fault> {
        let next = self.scratch.plans.len();
        let number = u32::try_from(next).unwrap_or(u32::MAX);
        let address = object.class().as_ptr().addr();
        if let Some(known) = self.scratch.classes.find_or_add(address, number) {
            return Ok(known as usize);
        }
        let plan = Plan::make(object).map_err(|reason| Fault::new(Cause::Unsendable(reason)))?;
        self.scratch.plans.push(plan);
        Ok(next)
    }

    fn class(&mut self, plan: usize) -> Done {
        let known = &mut self.scratch.plans[plan];
        if let Some(number) = known.named {
            put_count(self.out, number as usize + 1);
            return Ok(());
        }
        known.named = Some(self.scratch.classes_named);
        self.scratch.classes_named += 1;
        let name = known.class.name();
        put_count(self.out, 0);
        self.string(name)
    }

    /// An object whose slots are all set and that has no more than them goes out without a look at
    /// names; any other is listed.
    #[inline]
    fn plain(&mut self, plan: usize, object: Instance, shared: bool) -> Done {
        let first = object.slots();
        let count = object.class().slot_count();
        let complete = object.table().is_none()
            && self.scratch.plans[plan].names.is_some()
            && (0..count).all(|slot| !first.step(slot).is_undef());
        if !complete {
            return self.own(plan, object, shared);
        }
        match self.scratch.plans[plan].full_shape {
            Some(shape) => {
                self.out.push(tag::OBJECT);
                put_count(self.out, shape as usize);
            }
            None => self.full_shape(plan)?,
        }
        self.charge(count)?;
        for slot in 0..count {
            self.value(first.step(slot), shared).map_err(|fault| {
                let name = object.class().property(slot).map(|property| property.name());
                fault.inside(|| Step::property(name.map_or(b"", Text::bytes)))
            })?;
        }
        Ok(())
    }

    fn full_shape(&mut self, plan: usize) -> Done {
        // Taken out while it is written: writing names needs all of the encoder.
        let names = self.scratch.plans[plan].names.take().unwrap_or_default();
        let done = self.shape(plan, names.iter().copied());
        let known = &mut self.scratch.plans[plan];
        known.names = Some(names);
        known.full_shape = Some(done?);
        Ok(())
    }

    /// Writes the shape, or a reference to it, and returns its number.
    fn shape(
        &mut self,
        plan: usize,
        names: impl ExactSizeIterator<Item = Text> + Clone,
    ) -> Result<u32, Fault> {
        let class = u32::try_from(plan).unwrap_or(u32::MAX);
        match self.scratch.shapes.find_or_add_object(class, names.clone()) {
            Found::Old(number) => {
                self.out.push(tag::OBJECT);
                put_count(self.out, number as usize);
                Ok(number)
            }
            Found::New(number) => {
                self.out.push(tag::OBJECT_SHAPE);
                self.class(plan)?;
                put_count(self.out, names.len());
                for name in names {
                    self.string(name)?;
                }
                Ok(number)
            }
        }
    }

    /// An object with standard handlers. Its table, if there is one, has all properties and their
    /// order; entries lead to the slots.
    fn own(&mut self, plan: usize, object: Instance, shared: bool) -> Done {
        let Some(table) = object.table() else {
            return self.listed(plan, &set_slots(object), shared);
        };
        let held = table.hold();
        let done = self.listed(plan, &named_entries(table)?, shared);
        if !held || done.as_ref().is_err_and(Fault::is_bailout) {
            return done;
        }
        done.and(guard::drop_table(table).map_err(thrown))
    }

    fn listed(&mut self, plan: usize, properties: &[(Text, Slot)], shared: bool) -> Done {
        self.shape(plan, properties.iter().map(|(name, _)| *name))?;
        let traced = self.scratch.plans[plan].way == Way::Throwable;
        self.charge(properties.len())?;
        for (name, slot) in properties {
            let done = if traced && trace::is_trace(name) {
                self.trace(*slot)
            } else {
                self.value(*slot, shared)
            };
            done.map_err(|fault| fault.inside(|| Step::property(name.bytes())))?;
        }
        Ok(())
    }

    fn enum_case(&mut self, plan: usize, object: Instance) -> Done {
        let View::String(case) = object.slots().view() else {
            return Err(unsendable("enum without a case cannot be sent"));
        };
        self.out.push(tag::ENUM_CASE);
        self.class(plan)?;
        self.string(case)
    }

    fn state(&mut self, plan: usize, object: Instance) -> Done {
        let mut result = Temporary::null();
        let called = guard::call_serialize(object, result.slot());
        let table = self.result(called, &mut result, "__serialize() returned no array")?;
        self.out.push(tag::OBJECT_STATE);
        self.class(plan)?;
        // Not shared by itself: `held` has our only count of it.
        self.array(table, false)
    }

    fn slept(&mut self, plan: usize, object: Instance) -> Done {
        let mut result = Temporary::null();
        let called = guard::call_sleep(object, result.slot());
        let table = self.result(called, &mut result, "__sleep() returned no array")?;
        self.listed(plan, &named_entries(table)?, true)
    }

    /// The array that user code gave, held to the end: addresses of what is in it get recorded.
    fn result(
        &mut self,
        called: Result<(), Outcome>,
        result: &mut Temporary,
        missing: &str,
    ) -> Result<Table, Fault> {
        called.map_err(|outcome| {
            Fault::from_outcome(outcome, || Cause::Unsendable(missing.to_owned()))
        })?;
        match result.slot().view() {
            View::Array(table) => {
                self.scratch.held.push(Held::Table(table));
                Ok(table)
            }
            _ => Err(unsendable(missing)),
        }
    }

    fn opaque(&mut self, plan: usize, object: Instance) -> Done {
        let mut result = Temporary::null();
        guard::opaque_encode(object, result.slot()).map_err(|outcome| {
            let reason = "Serializable::serialize() returned null";
            Fault::from_outcome(outcome, || Cause::Unsendable(reason.to_owned()))
        })?;
        let View::String(text) = result.slot().view() else {
            return Err(unsendable("Serializable::serialize() returned no string"));
        };
        self.out.push(tag::OBJECT_OPAQUE);
        self.class(plan)?;
        let done = self.string(text);
        text.release();
        done
    }

    fn handled(&mut self, plan: usize, object: Instance, shared: bool) -> Done {
        let table = guard::properties(object).map_err(|outcome| {
            let reason = "object shows no properties";
            Fault::from_outcome(outcome, || Cause::Unsendable(reason.to_owned()))
        })?;
        let done = self.listed(plan, &named_entries(table)?, shared);
        if done.as_ref().is_err_and(Fault::is_bailout) {
            return done;
        }
        done.and(guard::release_properties(table).map_err(thrown))
    }
}

#[cold]
fn thrown(outcome: Outcome) -> Fault {
    Fault::from_outcome(outcome, || Cause::Thrown)
}

/// Names and places of the declared properties that are set.
fn set_slots(object: Instance) -> Vec<(Text, Slot)> {
    let first = object.slots();
    let class = object.class();
    (0..class.slot_count())
        .filter_map(|slot| Some((class.property(slot)?.name(), first.step(slot))))
        .filter(|(_, slot)| !slot.is_undef())
        .collect()
}

fn named_entries(table: Table) -> Result<Vec<(Text, Slot)>, Fault> {
    let named = |(key, slot)| match key {
        Key::String(name) => Ok((name, slot)),
        Key::Int(index) => {
            let reason = format!("property with the integer name {index} cannot be sent");
            Err(Fault::new(Cause::Unsendable(reason)))
        }
    };
    table.entries().map(named).collect()
}
