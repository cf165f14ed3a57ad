//! Invalidating what callers of this host keep of results: the counters of the board that stand for it
//! are moved on, and nobody is asked. So it is done when it is answered, however many callers there are.

use super::answers::unknown_function;
use super::app::unknown_app;
use super::asked::Asked;
use super::commit::Waiting;
use super::supervisor::Supervisor;
use crate::admin::{AdminError, Answer, Code, Invalidate};
use protocol::{AppName, ControlReply, ControlRequest, FUNCTION_NAME_BYTES_MAX, Lacking, nearest};
use shm::{Scope, slot};

impl Supervisor {
    /// Asked by a caller.
    pub(super) fn invalidate_for_caller(&self, app: AppName, body: &Invalidate) -> ControlReply {
        // A name is as good as any other, see `invalidate`; none has to be somebody's.
        let app = match app.is_any() {
            true => self.find_app(&app).cloned(),
            false => Ok(app),
        };
        let app = match app {
            Ok(app) => app,
            Err(refused) => {
                return ControlReply::Refused { message: refused.message, near: refused.near };
            }
        };
        if let Err(message) = check(body) {
            return ControlReply::Refused { message, near: Vec::new() };
        }
        let (lacking, near) = self.invalidate(&app, body);
        ControlReply::Invalidated { lacking, near, epoch: self.membership.epoch }
    }

    /// Asked by the control API. No other change of the application is waited for.
    pub(super) fn invalidate_on_record(&self, app: AppName, body: &Invalidate, waiting: Waiting) {
        let Waiting { by, since, reply, .. } = waiting;
        let answer = match check(body) {
            Err(message) => Err(AdminError::new(Code::BadRequest, message)),
            Ok(()) => match self.invalidate(&app, body) {
                (Lacking::Nothing, _) => Ok(Answer::Done {}),
                (Lacking::App, _) => Err(unknown_app(&app)),
                (Lacking::Function, near) => {
                    let name = body.function.as_deref().unwrap_or_default();
                    Err(unknown_function(&app, name, &near))
                }
            },
        };
        let (action, release, detail) = ("cache-invalidate", None, described(body));
        let (on_record, reply) = (true, Some(reply));
        let asked = Asked { by, app, action, release, detail, since, on_record, reply };
        asked.answer(self, answer);
    }

    /// Also where the application or the function is not known: callers of this host may have called it
    /// on another worker, which already has a release with it, or still has.
    fn invalidate(&self, app: &AppName, body: &Invalidate) -> (Lacking, Vec<String>) {
        let invalidate = |scope| self.board.invalidate(slot(app.as_str(), scope));
        if let Some(name) = &body.function {
            invalidate(Scope::Function(name));
        }
        for tag in &body.tags {
            invalidate(Scope::Tag(tag));
        }
        if body.function.is_none() && body.tags.is_empty() {
            invalidate(Scope::App);
        }
        if let Err(refused) = self.find_app(app) {
            return (Lacking::App, refused.near);
        }
        let missing = body.function.as_ref().and_then(|name| self.functions_near(app, name));
        missing.map_or((Lacking::Nothing, Vec::new()), |near| (Lacking::Function, near))
    }

    /// Names like that of a function which no release has that runs; `None` if one has it.
    fn functions_near(&self, app: &AppName, name: &str) -> Option<Vec<String>> {
        let releases = self.releases.values().filter(|deployed| deployed.key.app == *app);
        let published = releases.filter_map(|deployed| deployed.published.as_ref());
        let catalogs: Vec<_> = published.map(|published| &published.catalog).collect();
        if catalogs.iter().any(|catalog| catalog.find(name).is_some()) {
            return None;
        }
        let names = catalogs.iter().flat_map(|catalog| &catalog.functions);
        let mut near = nearest(name, names.map(|function| function.name.as_str()));
        near.dedup();
        Some(near)
    }
}

/// Whether it may be asked for; the reason if not.
fn check(body: &Invalidate) -> Result<(), String> {
    let (most, longest) = (ControlRequest::TAGS_MAX, ControlRequest::TAG_BYTES_MAX);
    let is_name = |name: &String| (1..=FUNCTION_NAME_BYTES_MAX).contains(&name.len());
    if !body.function.as_ref().is_none_or(is_name) {
        return Err(format!("a function's name has 1 to {FUNCTION_NAME_BYTES_MAX} bytes"));
    }
    if body.tags.len() > most {
        let count = body.tags.len();
        return Err(format!(
            "{count} tags are too many: at most {most} are invalidated at once; ask several times"
        ));
    }
    match body.tags.iter().find(|tag| !(1..=longest).contains(&tag.len())) {
        Some(tag) => Err(format!("a tag has 1 to {longest} bytes, not {}", tag.len())),
        None => Ok(()),
    }
}

/// For the audit log, which need not repeat what may be tens of kilobytes.
fn described(body: &Invalidate) -> String {
    let function = body.function.as_ref().map(|name| format!("{name}()"));
    let tags = match body.tags.as_slice() {
        [] => None,
        [tag] => Some(format!("tag {tag}")),
        [first, rest @ ..] => Some(format!("tag {first} and {} more", rest.len())),
    };
    let parts: Vec<String> = function.into_iter().chain(tags).collect();
    if parts.is_empty() { "everything".to_owned() } else { parts.join(", ") }
}
