//! `__unserialize()` and `__wakeup()`, called when the whole graph is there, innermost first, as
//! PHP's own unserialize() does.

use super::known::Known;
use crate::engine::{Instance, Outcome, Temporary, guard};
use crate::error::{Cause, Done, Fault};

/// A call to make on an object, which is held: an earlier call may drop it from the graph.
pub(super) struct Delayed {
    object: Instance,
    /// Argument of `__unserialize()`; none for `__wakeup()`.
    state: Option<Temporary>,
}

impl Delayed {
    pub(super) fn unserialize(object: Instance, state: Temporary) -> Self {
        object.hold();
        Self { object, state: Some(state) }
    }

    pub(super) fn wakeup(object: Instance) -> Self {
        object.hold();
        Self { object, state: None }
    }

    fn call(mut self) -> Result<(), Outcome> {
        let called = match &mut self.state {
            Some(state) => guard::call_unserialize(self.object, state.slot()),
            None => guard::call_wakeup(self.object),
        };
        match called {
            Ok(()) => self.release(),
            Err(Outcome::Bailout) => Err(Outcome::Bailout),
            Err(outcome) => Outcome::both(Err(outcome), self.cancel()),
        }
    }

    /// The call is not to be made: the object never became complete.
    pub(super) fn cancel(self) -> Result<(), Outcome> {
        self.object.forbid_destructor();
        self.release()
    }

    fn release(mut self) -> Result<(), Outcome> {
        let dropped = self.state.as_mut().map_or(Ok(()), |state| guard::drop_value(state.slot()));
        if dropped == Err(Outcome::Bailout) {
            return dropped;
        }
        Outcome::both(dropped, guard::drop_object(self.object))
    }
}

impl Known {
    /// Makes the calls. After one that fails, the rest are cancelled.
    pub(super) fn wake(&mut self) -> Done {
        if self.delayed.is_empty() {
            return Ok(());
        }
        let mut outcome = Ok(());
        // Every object that is cancelled must be marked before any of them can be dropped.
        let mut waiting = std::mem::take(&mut self.delayed).into_iter();
        for delayed in waiting.by_ref() {
            outcome = delayed.call();
            if outcome.is_err() {
                break;
            }
        }
        self.delayed = waiting.collect();
        for delayed in &self.delayed {
            delayed.object.forbid_destructor();
        }
        outcome.map_err(|outcome| Fault::from_outcome(outcome, || Cause::Thrown))
    }
}
