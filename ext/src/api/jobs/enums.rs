//! `AppServer\UniqueMode` and `AppServer\JobState`.

use crate::php::typed::{self, Named};
use crate::php::{Class, properties};
use ext_php_rs::builders::EnumBuilder;
use ext_php_rs::enum_::{Discriminant, EnumCase};
use ext_php_rs::error::Result;
use ext_php_rs::types::Zval;
use protocol::{JobState, UniqueMode};

static UNIQUE_MODE: Class = Class::unregistered();
static JOB_STATE: Class = Class::unregistered();

pub(super) static JOB_STATE_NAME: Named =
    Named { name: "AppServer\\JobState", entry: || JOB_STATE.entry() };
pub(super) static UNIQUE_MODE_NAME: Named =
    Named { name: "AppServer\\UniqueMode", entry: || UNIQUE_MODE.entry() };

macro_rules! cases {
    ($name:ident: $($case:literal = $value:literal),*) => {
        static $name: &[EnumCase] = &[
            $(EnumCase { name: $case, discriminant: Some(Discriminant::String($value)), docs: &[] }),*
        ];
    };
}

cases!(UNIQUE_MODES: "Reject" = "reject", "Existing" = "existing", "Replace" = "replace",
    "Debounce" = "debounce", "Throttle" = "throttle", "OnceMore" = "once-more");
cases!(JOB_STATES: "Waiting" = "waiting", "Running" = "running", "Done" = "done", "Dead" = "dead",
    "Cancelled" = "cancelled");

/// Registers both.
pub(super) fn register() -> Result<()> {
    let builder = EnumBuilder::new("AppServer\\UniqueMode");
    UNIQUE_MODE.register_enum(UNIQUE_MODES.iter().fold(builder, EnumBuilder::case))?;
    let builder = EnumBuilder::new("AppServer\\JobState");
    JOB_STATE.register_enum(JOB_STATES.iter().fold(builder, EnumBuilder::case))
}

/// What a case of `AppServer\UniqueMode` stands for.
pub(super) fn unique_mode(case: &Zval) -> UniqueMode {
    let mut case = case.shallow_clone();
    let value = case.object_mut().map(|case| properties::get(case, UNIQUE_MODE.entry(), "value"));
    match value.as_ref().and_then(Zval::str) {
        Some("existing") => UniqueMode::Existing,
        Some("replace") => UniqueMode::Replace,
        Some("debounce") => UniqueMode::Debounce,
        Some("throttle") => UniqueMode::Throttle,
        Some("once-more") => UniqueMode::OnceMore,
        _ => UniqueMode::Reject,
    }
}

/// The case for a state.
pub(super) fn job_state(state: JobState) -> Zval {
    let case = match state {
        JobState::Waiting => "Waiting",
        JobState::Running => "Running",
        JobState::Done => "Done",
        JobState::Dead => "Dead",
        JobState::Cancelled => "Cancelled",
    };
    typed::enum_case(JOB_STATE.entry(), case)
}
