//! Functions that are to be queued again and again.

use crate::cron::check_schedule;
use crate::rules::FUNCTION_BYTES_MAX;
use protocol::{Catalog, Schedule};

/// A function and when it is to be queued, without arguments: by an attribute of a release, or by the
/// administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub function: String,
    pub schedule: Schedule,
}

impl Planned {
    /// Those of a release.
    pub fn of(catalog: &Catalog) -> Vec<Self> {
        let each = catalog.functions.iter().flat_map(|function| {
            let plan = |schedule: &Schedule| Self {
                function: function.name.clone(),
                schedule: schedule.clone(),
            };
            function.schedules.iter().map(plan)
        });
        each.collect()
    }

    /// Names it within its application across releases and workers. Another time is another schedule.
    pub fn name(&self) -> String {
        let zone = self.schedule.timezone.as_deref().unwrap_or("UTC");
        [&self.function.to_ascii_lowercase(), self.schedule.cron.trim(), zone].join(" ")
    }

    /// Says why it could never run in that release, for whoever wrote it.
    pub fn check(&self, catalog: &Catalog) -> Result<(), String> {
        let name = &self.function;
        let is_it = |function: &&protocol::Function| function.name.eq_ignore_ascii_case(name);
        let Some(function) = catalog.functions.iter().find(is_it) else {
            return Err(format!("there is no function {name}() that a schedule could queue"));
        };
        if name.len() > FUNCTION_BYTES_MAX {
            return Err(format!(
                "{name}() has a schedule, but a job's function has a name of at most {FUNCTION_BYTES_MAX} bytes"
            ));
        }
        let needs = |param: &&protocol::Param| !param.optional && !param.variadic;
        if let Some(param) = function.params.iter().find(needs) {
            let param = &param.name;
            return Err(format!(
                "{name}() has a schedule, which gives no arguments, but requires ${param}: give it a default"
            ));
        }
        check_schedule(&self.schedule).map_err(|why| format!("the schedule of {name}(): {why}"))
    }
}
