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
        if shared || object.references() > 1 || self.scratch.user_code_ran {
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
        self.scratch.single.push((object, self.next_identity));
        self.next_identity += 1;
        object.hold();
        let done = self.new_object(object, shared);
        released(done, || guard::drop_object(object))
    }

    /// To be called before user code is: that may find, by weak references and from inside, objects
    /// that nothing else in the values refers to, and return them. Until it first runs nothing can
    /// be freed, so what was not recorded can be recorded now; later objects are at once.
    fn expect_user_code(&mut self) {
        self.scratch.user_code_ran = true;
        for (object, number) in self.scratch.single.drain(..) {
            let address = object.as_ptr().addr();
            if self.scratch.identity.find_or_add(address, number).is_none() {
                object.hold();
                self.scratch.held.push(Held::Object(object));
            }
        }
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
            Way::Handler => self.handled(plan, object),
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
        // The array that a cast gave may be this very table.
        let shared = shared || table.references() > 1;
        let held = table.hold();
        let entries = named_entries(table);
        let done = entries.and_then(|entries| self.listed(plan, &entries, shared));
        if !held {
            return done;
        }
        released(done, || guard::drop_table(table))
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
        self.expect_user_code();
        let called = guard::call_serialize(object, result.slot());
        let table = self.result(called, &mut result, "__serialize() returned no array")?;
        self.out.push(tag::OBJECT_STATE);
        self.class(plan)?;
        // Not shared by itself: `held` has our only count of it.
        self.array(table, false)
    }

    fn slept(&mut self, plan: usize, object: Instance) -> Done {
        let mut result = Temporary::null();
        self.expect_user_code();
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
        if let Err(outcome) = called {
            let fault = Fault::from_outcome(outcome, || Cause::Unsendable(missing.to_owned()));
            released(Err(fault), || guard::drop_value(result.slot()))?;
        }
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
        self.expect_user_code();
        guard::opaque_encode(object, result.slot()).map_err(|outcome| {
            let reason = "Serializable::serialize() returned null";
            Fault::from_outcome(outcome, || Cause::Unsendable(reason.to_owned()))
        })?;
        let View::String(text) = result.slot().view() else {
            return Err(unsendable("Serializable::serialize() returned no string"));
        };
        self.out.push(tag::OBJECT_OPAQUE);
        let done = self.class(plan).and_then(|()| self.string(text));
        text.release();
        done
    }

    fn handled(&mut self, plan: usize, object: Instance) -> Done {
        self.expect_user_code();
        let table = guard::properties(object).map_err(|outcome| {
            let reason = "object shows no properties";
            Fault::from_outcome(outcome, || Cause::Unsendable(reason.to_owned()))
        })?;
        // Shared: the object may have handed out the same table before.
        let entries = named_entries(table);
        let done = entries.and_then(|entries| self.listed(plan, &entries, true));
        released(done, || guard::release_properties(table))
    }
}

/// Lets go of something after `done`. After a bailout nothing is let go of; one on the way counts more
/// than any error before it.
#[inline]
pub(super) fn released(done: Done, release: impl FnOnce() -> Result<(), Outcome>) -> Done {
    if done.as_ref().is_err_and(Fault::is_bailout) {
        return done;
    }
    match release() {
        Ok(()) => done,
        Err(Outcome::Bailout) => Err(Fault::new(Cause::Bailout)),
        Err(outcome) => done.and(Err(Fault::from_outcome(outcome, || Cause::Thrown))),
    }
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
