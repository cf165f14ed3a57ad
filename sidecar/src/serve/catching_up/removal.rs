//! Applications that others removed while this worker was away.

use super::super::app::App;
use super::super::members::{Told, about};
use super::super::supervisor::Supervisor;
use super::takeover::own;
use protocol::AppName;

/// When the others decided that the application is no more, where that is the last decision.
pub(super) fn removed_elsewhere(app: &App, name: &AppName, told: &[Told]) -> Option<u64> {
    let others = about(told, name.as_str()).map(|(_, other)| other);
    let last = others.max_by_key(|other| other.decided_at_ms)?;
    let decides = last.removed && last.decided_at_ms > app.state.decided_at_ms;
    // A folder that this worker was told to serve is no release of anybody else's.
    (decides && app.folder.is_none()).then_some(last.decided_at_ms)
}

impl Supervisor {
    pub(super) fn follow_removal(&mut self, name: &AppName, at_ms: u64) {
        if self.committing.contains(name) {
            // A decision is being made here: they are asked again.
            self.members_answered = false;
            return;
        }
        if !self.apps.contains_key(name) {
            let Some(app) = self.load(name) else {
                return;
            };
            self.apps.insert(name.clone(), app);
        }
        self.remove_as_others(own(name, "remove", None, None), at_ms);
    }
}
