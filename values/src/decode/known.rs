//! What a decoding remembers, kept from one to the next so that its memory is warm. Decodings may
//! be nested (user code makes a remote call): an inner one makes its own.

use super::class::KnownClass;
use super::delayed::Delayed;
use super::property::PropertyPlan;
use crate::engine::{Instance, Link, Outcome, Slot, Table, Temporary, Text, guard};
use crate::error::{Cause, Done, Fault};
use std::cell::Cell;

/// Entries of any kind beyond which memory is given back instead of kept.
const KEPT_MAX: usize = 1 << 16;

thread_local! {
    static IDLE: Cell<Option<Box<Known>>> = const { Cell::new(None) };
}

/// Bytes that remembering one of each takes. A vector that grows has up to twice the room it needs.
pub(super) const IDENTITY_BYTES: usize = 2 * size_of::<Identity>();
pub(super) const NAME_BYTES: usize = 2 * size_of::<Text>();
pub(super) const CLASS_BYTES: usize = 2 * size_of::<KnownClass>();
pub(super) const DELAYED_BYTES: usize = 2 * size_of::<Delayed>();
/// A property of a shape, with its place in the set that finds duplicates.
pub(super) const PROPERTY_PLAN_BYTES: usize = 2 * (size_of::<PropertyPlan>() + size_of::<&[u8]>());

/// An object or reference by its number.
#[derive(Clone, Copy)]
pub(super) enum Identity {
    Object(Instance),
    /// A case of an enum: not ours to change.
    Case(Instance),
    Link(Link),
    /// The place of an object that is not made yet.
    Pending,
}

pub(super) struct ObjectShape {
    pub(super) class: usize,
    pub(super) properties: Vec<PropertyPlan>,
}

#[derive(Default)]
pub(super) struct Known {
    /// Not counted: each is part of a value or in `names`, and neither goes away before the end.
    pub(super) strings: Vec<Text>,
    /// Strings that we hold ourselves.
    pub(super) names: Vec<Text>,
    pub(super) identity: Vec<Identity>,
    /// For each row shape an array that has it: a permanent one, or one of `held_rows`.
    pub(super) rows: Vec<Table>,
    pub(super) held_rows: Vec<Table>,
    pub(super) shapes: Vec<ObjectShape>,
    pub(super) classes: Vec<KnownClass>,
    pub(super) delayed: Vec<Delayed>,
    discarded: Vec<Temporary>,
}

impl Known {
    pub(super) fn take() -> Box<Self> {
        IDLE.take().unwrap_or_default()
    }

    pub(super) fn put_back(mut self: Box<Self>) {
        let counted = self.strings.capacity().max(self.identity.capacity());
        let held =
            self.names.capacity().max(self.delayed.capacity()).max(self.discarded.capacity());
        let shaped =
            self.rows.capacity().max(self.held_rows.capacity()).max(self.shapes.capacity());
        if counted.max(held).max(shaped).max(self.classes.capacity()) > KEPT_MAX {
            return;
        }
        self.strings.clear();
        self.identity.clear();
        self.rows.clear();
        self.shapes.clear();
        self.classes.clear();
        IDLE.set(Some(self));
    }

    /// Takes a value that is no longer wanted, leaving null. It is dropped at the end, because
    /// strings and identities of it may still be referred to.
    pub(super) fn discard(&mut self, slot: Slot) {
        if slot.is_counted() {
            let mut discarded = Temporary::null();
            discarded.slot().take(slot);
            self.discarded.push(discarded);
        } else {
            slot.put_null();
        }
    }

    /// Lets go of what was held. Destructors may run.
    #[inline]
    pub(super) fn release(&mut self) -> Done {
        let held =
            self.names.len() | self.held_rows.len() | self.discarded.len() | self.delayed.len();
        if held == 0 { Ok(()) } else { self.release_held() }
    }

    fn release_held(&mut self) -> Done {
        for name in self.names.drain(..) {
            name.release();
        }
        let mut outcome = Ok(());
        drop_all(&mut outcome, &mut self.held_rows, guard::drop_table);
        drop_all(&mut outcome, &mut self.discarded, |mut value| guard::drop_value(value.slot()));
        drop_all(&mut outcome, &mut self.delayed, Delayed::cancel);
        outcome.map_err(|outcome| Fault::from_outcome(outcome, || Cause::Thrown))
    }

    /// After a bailout nothing of PHP may be touched: the end of the request frees it.
    pub(super) fn forget(&mut self) {
        self.names.clear();
        self.held_rows.clear();
        self.discarded.clear();
        self.delayed.clear();
    }

    /// Before the objects are complete their destructors must not see them.
    pub(super) fn forbid_destructors(&self) {
        for identity in &self.identity {
            if let Identity::Object(object) = identity {
                object.forbid_destructor();
            }
        }
    }
}

/// Drops all of `held`, whatever one of them throws; only a bailout ends it.
fn drop_all<T>(
    outcome: &mut Result<(), Outcome>,
    held: &mut Vec<T>,
    drop: impl Fn(T) -> Result<(), Outcome>,
) {
    for one in held.drain(..) {
        if *outcome == Err(Outcome::Bailout) {
            return;
        }
        *outcome = Outcome::both(*outcome, drop(one));
    }
}
