//! Invalidating what callers of this host keep of results: the counters of the board that stand for it
//! are moved on, and nobody is asked. So it is done when it is answered, however many callers there are.

use super::supervisor::Supervisor;
use protocol::{AppName, ControlReply, ControlRequest, FUNCTION_NAME_BYTES_MAX};
use shm::{Scope, slot};

impl Supervisor {
    /// Asked by a caller, or on its behalf.
    pub(super) fn invalidate_for_caller(
        &self,
        app: &AppName,
        function: Option<&str>,
        tags: &[String],
    ) -> ControlReply {
        let app = match self.find_app(app) {
            Ok(app) => app,
            Err(refused) => {
                return ControlReply::Refused { message: refused.message, near: refused.near };
            }
        };
        match check(function, tags) {
            Ok(()) => ControlReply::Invalidated { known: self.invalidate(app, function, tags) },
            Err(message) => ControlReply::Refused { message, near: Vec::new() },
        }
    }

    /// Whether a release here has the function. It is invalidated in any case: callers of this host may
    /// have called it on another worker, which already has a release with it, or still has.
    pub(super) fn invalidate(
        &self,
        app: &AppName,
        function: Option<&str>,
        tags: &[String],
    ) -> bool {
        if let Some(name) = function {
            self.board.invalidate(slot(app.as_str(), Scope::Function(name)));
        }
        for tag in tags {
            self.board.invalidate(slot(app.as_str(), Scope::Tag(tag)));
        }
        if function.is_none() && tags.is_empty() {
            self.board.invalidate(slot(app.as_str(), Scope::App));
        }
        function.is_none_or(|name| self.has_function(app, name))
    }

    fn has_function(&self, app: &AppName, name: &str) -> bool {
        let releases = self.releases.values().filter(|deployed| deployed.key.app == *app);
        let mut catalogs = releases.filter_map(|deployed| deployed.published.as_ref());
        catalogs.any(|published| published.catalog.find(name).is_some())
    }
}

/// Whether it may be asked for; the reason if not.
pub(super) fn check(function: Option<&str>, tags: &[String]) -> Result<(), String> {
    let (most, longest) = (ControlRequest::TAGS_MAX, ControlRequest::TAG_BYTES_MAX);
    if function.is_some_and(|name| name.is_empty() || name.len() > FUNCTION_NAME_BYTES_MAX) {
        return Err(format!("a function's name has 1 to {FUNCTION_NAME_BYTES_MAX} bytes"));
    }
    if tags.len() > most {
        let count = tags.len();
        return Err(format!(
            "{count} tags are too many: at most {most} are invalidated at once; ask several times"
        ));
    }
    match tags.iter().find(|tag| tag.is_empty() || tag.len() > longest) {
        Some(tag) => Err(format!("a tag has 1 to {longest} bytes, not {}", tag.len())),
        None => Ok(()),
    }
}
