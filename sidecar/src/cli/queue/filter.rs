//! Which jobs a command means.

use super::age::age;
use crate::admin::JobFilter;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::{AppName, JobState};
use std::time::Duration;

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct FilterArgs {
    /// Jobs of this application.
    #[arg(long, value_name = "APP", value_parser = AppName::new, help_heading = "Which jobs")]
    app: Option<AppName>,
    /// Jobs in this queue.
    #[arg(long, value_name = "QUEUE", help_heading = "Which jobs")]
    queue: Option<String>,
    /// Jobs of this function; of a job's class, Class::run.
    #[arg(long, value_name = "FUNCTION", help_heading = "Which jobs")]
    function: Option<String>,
    /// Jobs with this tag.
    #[arg(long, value_name = "TAG", help_heading = "Which jobs")]
    tag: Option<String>,
    /// Jobs of this group.
    #[arg(long, value_name = "GROUP", help_heading = "Which jobs")]
    group: Option<String>,
    /// Jobs that were made at least so long ago, e.g. 15min, 2h or 7d.
    #[arg(long, value_name = "AGE", value_parser = age, help_heading = "Which jobs")]
    older_than: Option<Duration>,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct StateArgs {
    /// Jobs in this state: waiting, running, done, dead or cancelled.
    #[arg(long, value_name = "STATE", value_parser = state, help_heading = "Which jobs")]
    pub(super) state: Option<JobState>,
}

impl FilterArgs {
    pub(super) fn with(self, state: Option<JobState>) -> JobFilter {
        let ms = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        JobFilter {
            app: self.app,
            queue: self.queue,
            function: self.function,
            state,
            tag: self.tag,
            group: self.group,
            older_than_ms: self.older_than.map(ms),
        }
    }
}

fn state(text: &str) -> Result<JobState, String> {
    let found = JobState::ALL.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| format!("write one of {}", JobState::ALL.map(JobState::as_str).join(", ")))
}

/// The filter as a query of the control API.
pub(super) fn query(filter: &JobFilter) -> String {
    let JobFilter { app, queue, function, state, tag, group, older_than_ms } = filter.clone();
    let given = [
        ("app", app.map(|app| app.to_string())),
        ("queue", queue),
        ("function", function),
        ("state", state.map(|state| state.as_str().to_owned())),
        ("tag", tag),
        ("group", group),
        ("older_than_ms", older_than_ms.map(|ms| ms.to_string())),
    ];
    let pair = |(name, value): (&str, Option<String>)| {
        Some(format!("{name}={}&", utf8_percent_encode(&value?, NON_ALPHANUMERIC)))
    };
    given.into_iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_what_is_given_encoded() {
        let filter = JobFilter {
            function: Some("Shop\\Resize::run".to_owned()),
            state: Some(JobState::Dead),
            ..JobFilter::default()
        };
        assert_eq!(query(&filter), "function=Shop%5CResize%3A%3Arun&state=dead&");
    }
}
