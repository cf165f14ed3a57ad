//! Queries of the paths about jobs.

use super::route::bad;
use crate::admin::{AdminError, JobFilter, JobQuestion};
use percent_encoding::percent_decode_str;
use protocol::{AppName, JobState};

/// Jobs in an answer, unless the request says how many.
const LIMIT_DEFAULT: usize = 50;
/// Most jobs in one answer.
const LIMIT_MAX: usize = 1000;

/// `app=shop&state=dead&limit=20` and so on.
pub(super) fn list(query: &str) -> Result<JobQuestion, AdminError> {
    let (mut filter, mut before, mut limit) = (JobFilter::default(), None, LIMIT_DEFAULT);
    for (name, value) in pairs(query)? {
        match name {
            "app" => filter.app = Some(app(&value)?),
            "queue" => filter.queue = Some(value),
            "function" => filter.function = Some(value),
            "state" => filter.state = Some(state(&value)?),
            "tag" => filter.tag = Some(value),
            "group" => filter.group = Some(value),
            "older_than_ms" => filter.older_than_ms = Some(number(name, &value)?),
            "before" => before = Some(number(name, &value)?),
            "limit" => {
                let asked = usize::try_from(number(name, &value)?).unwrap_or(usize::MAX);
                let fits = (1..=LIMIT_MAX).contains(&asked);
                limit = fits.then_some(asked).ok_or_else(|| {
                    bad(format!(
                        "limit must be from 1 to {LIMIT_MAX}; before asks for the next ones"
                    ))
                })?;
            }
            other => {
                return Err(bad(format!(
                    "unknown query \"{other}\"; known are app, queue, function, state, tag, group, \
                     older_than_ms, before and limit"
                )));
            }
        }
    }
    Ok(JobQuestion::List { filter, before, limit })
}

/// Nothing, or `after=17`.
pub(super) fn events(query: &str) -> Result<JobQuestion, AdminError> {
    let mut after = None;
    for (name, value) in pairs(query)? {
        match name {
            "after" => after = Some(number(name, &value)?),
            other => return Err(bad(format!("unknown query \"{other}\"; known is after"))),
        }
    }
    Ok(JobQuestion::Events { after })
}

/// Names and decoded values.
fn pairs(query: &str) -> Result<Vec<(&str, String)>, AdminError> {
    let pair = |pair: &'_ str| -> Result<(usize, String), AdminError> {
        let (name, value) = pair.split_once('=').ok_or_else(|| bad("a query is name=value&…"))?;
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8();
        let value = value.map_err(|_| bad(format!("the value of {name} is no UTF-8")))?;
        Ok((name.len(), value.into_owned()))
    };
    let given = query.split('&').filter(|given| !given.is_empty());
    given.map(|given| pair(given).map(|(length, value)| (&given[..length], value))).collect()
}

fn app(text: &str) -> Result<AppName, AdminError> {
    AppName::new(text).map_err(|error| bad(error.to_string()))
}

fn state(text: &str) -> Result<JobState, AdminError> {
    let found = JobState::ALL.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| {
        let known = JobState::ALL.map(JobState::as_str).join(", ");
        bad(format!("\"{text}\" is no state of a job; known are {known}"))
    })
}

fn number(name: &str, text: &str) -> Result<u64, AdminError> {
    text.parse().map_err(|_| bad(format!("{name} must be a number, not \"{text}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_query_is_decoded_and_checked() {
        let query = "app=shop&queue=mails&function=Shop%5CResize::run&state=dead&tag=a+b%26c\
                     &group=g&older_than_ms=5&before=7&limit=9";
        let filter = JobFilter {
            app: AppName::new("shop").ok(),
            queue: Some("mails".to_owned()),
            function: Some("Shop\\Resize::run".to_owned()),
            state: Some(JobState::Dead),
            tag: Some("a b&c".to_owned()),
            group: Some("g".to_owned()),
            older_than_ms: Some(5),
        };
        let asked = JobQuestion::List { filter, before: Some(7), limit: 9 };
        assert_eq!(list(query).unwrap(), asked);
        assert!(matches!(list("").unwrap(), JobQuestion::List { limit: LIMIT_DEFAULT, .. }));
        for wrong in
            ["x=1", "app", "app=A!", "state=lost", "limit=0", "limit=1001", "before=x", "tag=%ff"]
        {
            assert!(list(wrong).is_err(), "{wrong}");
        }
        assert_eq!(events("after=3").unwrap(), JobQuestion::Events { after: Some(3) });
        assert!(events("limit=3").is_err());
    }
}
