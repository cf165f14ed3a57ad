//! `[queues.NAME]`: how many jobs of a queue run at a time, and how many in a time. Queues are there
//! without being written; one without limits has those of its functions and of the pool alone.

use jobs::{Limits, QueueLimits};
use protocol::{JobOptions, Rate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// Most queues with limits of an application.
const QUEUES_MAX: usize = 256;
/// As an `app.toml` or an administrator says it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Queue {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) concurrency: Option<u32>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "read_rate",
        serialize_with = "write_rate"
    )]
    pub(crate) rate: Option<Rate>,
}

/// Queues with limits, by name.
pub(crate) type Queues = BTreeMap<String, Queue>;

/// What holds: what the administrator says goes before what the application says, each limit for itself.
pub(crate) fn merged(given: &Queues, allowed: &Queues) -> Queues {
    let mut queues = given.clone();
    for (name, allowed) in allowed {
        let queue = queues.entry(name.clone()).or_default();
        queue.concurrency = allowed.concurrency.or(queue.concurrency);
        queue.rate = allowed.rate.or(queue.rate);
    }
    queues
}

/// As the engine takes them.
pub(crate) fn limits(queues: &Queues) -> QueueLimits {
    let limits = |queue: &Queue| Limits { concurrency: queue.concurrency, rate: queue.rate };
    queues.iter().map(|(name, queue)| (name.clone(), limits(queue))).collect()
}

/// The key that is wrong, and why.
pub(super) fn check(queues: &Queues) -> Result<(), (String, String)> {
    if queues.len() > QUEUES_MAX {
        let message = format!("an application has at most {QUEUES_MAX} queues with limits");
        return Err(("queues".to_owned(), message));
    }
    queues.keys().try_for_each(|name| {
        check_name(name).map_err(|message| (format!("queues.{name}"), message))
    })
}

pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let most = JobOptions::QUEUE_BYTES_MAX;
    match JobOptions::can_name_queue(name) {
        true => Ok(()),
        false => Err(format!(
            "\"{name}\" cannot name a queue: use letters, digits, _, -, . and :, at most {most}"
        )),
    }
}

fn read_rate<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Rate>, D::Error> {
    let text = String::deserialize(source)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn write_rate<S: Serializer>(rate: &Option<Rate>, serializer: S) -> Result<S::Ok, S::Error> {
    rate.map(|rate| rate.to_string()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_administrator_goes_before_the_application_limit_by_limit() {
        let given = "a = { concurrency = 1 }\nmails = { concurrency = 8, rate = \"100/60s\" }";
        let allowed = "b = { rate = \"1/s\" }\nmails = { concurrency = 2 }";
        let [given, allowed] = [given, allowed].map(|text| toml::from_str(text).unwrap());
        let rate = |count, period_ms| Some(Rate { count, period_ms });
        let expected = [
            ("a", Limits { concurrency: Some(1), rate: None }),
            ("b", Limits { concurrency: None, rate: rate(1, 1000) }),
            ("mails", Limits { concurrency: Some(2), rate: rate(100, 60_000) }),
        ];
        let expected = expected.map(|(name, limits)| (name.to_owned(), limits));
        assert_eq!(limits(&merged(&given, &allowed)), expected.into());
    }

    #[test]
    fn names_are_those_that_jobs_can_give() {
        let queues = |name: &str| Queues::from([(name.to_owned(), Queue::default())]);
        assert_eq!(check(&queues("mails.eu:1_a-B")), Ok(()));
        let long = "q".repeat(JobOptions::QUEUE_BYTES_MAX + 1);
        for name in ["", "ä", "a b", &long] {
            let (key, message) = check(&queues(name)).unwrap_err();
            assert!(
                key == format!("queues.{name}") && message.contains("cannot name"),
                "{message}"
            );
        }
    }
}
