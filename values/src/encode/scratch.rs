//! What an encoding remembers, kept from one to the next so that its memory is warm.
//!
//! User code may start an encoding inside another one (a `__serialize()` that calls a remote
//! function): the inner one finds the place empty and makes its own.

use super::columns::KnownColumns;
use super::plan::Plan;
use super::pointers::Pointers;
use super::shapes::Shapes;
use super::strings::Strings;
use crate::engine::{Instance, Link, Table, guard};
use crate::error::{Cause, Done, Fault};
use std::cell::Cell;

/// Entries or keys beyond which memory is given back instead of kept.
const KEPT_MAX: usize = 1 << 16;

thread_local! {
    static IDLE: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Something whose address was recorded, and which therefore must stay alive.
pub(super) enum Held {
    Object(Instance),
    Link(Link),
    Table(Table),
}

/// Empty whenever it is idle, but for what serves later encodings too.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) strings: Strings,
    pub(super) shapes: Shapes,
    pub(super) columns: KnownColumns,
    pub(super) identity: Pointers,
    pub(super) classes: Pointers,
    pub(super) plans: Vec<Plan>,
    /// Classes named so far.
    pub(super) classes_named: u32,
    pub(super) held: Vec<Held>,
    /// Objects with a single reference, and their numbers, that `identity` does not have.
    pub(super) single: Vec<(Instance, u32)>,
    /// From then on every object is in `identity`.
    pub(super) user_code_ran: bool,
}

impl Scratch {
    pub(super) fn take() -> Box<Self> {
        IDLE.take().unwrap_or_default()
    }

    /// Keeps the scratch, of which everything held was released or forgotten.
    pub(super) fn put_back(mut self: Box<Self>) {
        let kept = self.strings.capacity().max(self.identity.capacity());
        let held = self.held.capacity().max(self.single.capacity());
        if kept.max(self.shapes.capacity()).max(held) > KEPT_MAX {
            return;
        }
        self.strings.clear();
        self.identity.clear();
        self.classes.clear();
        self.plans.clear();
        self.single.clear();
        self.user_code_ran = false;
        self.classes_named = 0;
        IDLE.set(Some(self));
    }

    /// Lets go of everything held. Destructors may run: user code may have dropped the rest.
    #[inline]
    pub(super) fn release(&mut self) -> Done {
        self.shapes.clear();
        if self.held.is_empty() { Ok(()) } else { self.release_held() }
    }

    fn release_held(&mut self) -> Done {
        let mut done = Ok(());
        for held in self.held.drain(..) {
            let dropped = match held {
                Held::Object(object) => guard::drop_object(object),
                Held::Link(link) => guard::drop_link(link),
                Held::Table(table) => guard::drop_table(table),
            };
            if let Err(outcome) = dropped {
                done = Err(Fault::from_outcome(outcome, || Cause::Thrown));
                if outcome == guard::Outcome::Bailout {
                    break;
                }
            }
        }
        done
    }

    /// After a bailout nothing of PHP may be touched: the end of the request frees it.
    pub(super) fn forget(&mut self) -> Done {
        self.held.clear();
        self.shapes = Shapes::default();
        Ok(())
    }
}
