//! From named arguments to how a job is to be treated, with what is wrong in the words of the option.

use super::enums::unique_mode;
use super::records::{BACKOFF_NAME, BACKOFF_PARAM, LIMIT_NAME, UNIQUE_NAME};
use crate::client::JobTerms;
use crate::php::typed::{Given, Named, Typed, number};
use crate::php::{date_time_interface, instance, is_throwing, properties, ty};
use ext_php_rs::types::{ZendHashTable, Zval};
use protocol::{Backoff, BadOption, JobOptions, KeyLimit, Rate, Unique, UniqueMode};

/// Most that a time may be, as PHP has it.
const SECONDS_MAX: f64 = JobOptions::TIME_MS_MAX as f64 / 1000.0;
/// What fits the 32 bits of milliseconds that an attempt has.
const TIMEOUT_MAX: f64 = 4_294_967.0;

static DATE_TIME_NAME: Named = Named { name: "DateTimeInterface", entry: date_time_interface };

/// The options of `AppServer\queue()` and `Client::withJob()`.
pub(super) static PARAMS: [Typed; 16] = [
    Typed::nullable("queue", ty::STRING),
    Typed::nullable("delay", ty::FLOAT),
    Typed::nullable("runAt", 0).or(&DATE_TIME_NAME),
    Typed::nullable("priority", ty::INT),
    Typed::nullable("attempts", ty::INT),
    Typed::nullable("crashAttempts", ty::INT),
    BACKOFF_PARAM,
    Typed::nullable("timeout", ty::FLOAT),
    Typed::nullable("expires", ty::FLOAT),
    Typed::nullable("unique", ty::STRING).or(&UNIQUE_NAME),
    Typed::nullable("group", ty::STRING),
    Typed::nullable("limit", 0).or(&LIMIT_NAME),
    Typed::nullable("tags", ty::ARRAY),
    Typed::nullable("idempotencyKey", ty::STRING),
    Typed::nullable("keep", ty::FLOAT),
    Typed::nullable("batch", ty::STRING),
];

/// Reads [`PARAMS`]; `None` = an exception is pending.
pub(super) fn read(given: &Given<'_>) -> Option<JobTerms> {
    // It runs code of the date's class, which may leave by longjmp: nothing is owned yet.
    let run_at_ms = run_at(given)?;
    let batch = match given.text("batch")?.map(str::parse) {
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => {
            given.refuse(
                "batch",
                "must be the id of a batch, as AppServer\\Batch::queue() returns it",
            );
            return None;
        }
        None => None,
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let options = JobOptions {
        delay_ms: seconds(given, "delay")?,
        run_at_ms,
        unique: unique(given)?,
        group: owned(given.text("group")?),
        limit: limit(given).map(Box::new),
        tags: tags(given)?,
        idempotency_key: owned(given.text("idempotencyKey")?),
        ..common(given)?
    };
    check(given, &options)?;
    Some(JobTerms { options, batch })
}

/// Checks what is the protocol's to say. `None` = an exception is pending.
pub(super) fn check(given: &Given<'_>, options: &JobOptions) -> Option<()> {
    match options.check() {
        Ok(()) => Some(()),
        Err(BadOption { option, reason }) => {
            given.refuse(option, &reason);
            None
        }
    }
}

/// What callers and the attribute can say. `None` = an exception is pending.
pub(super) fn common(given: &Given<'_>) -> Option<JobOptions> {
    Some(JobOptions {
        queue: given.text("queue")?.map(str::to_owned),
        priority: whole(given, "priority", i64::from(i8::MIN), i64::from(i8::MAX))?
            .and_then(|priority| priority.try_into().ok()),
        attempts: count(given, "attempts")?,
        crash_attempts: count(given, "crashAttempts")?,
        backoff: backoff(given)?,
        timeout_ms: timeout(given)?,
        expires_ms: seconds(given, "expires")?,
        keep_ms: seconds(given, "keep")?,
        concurrency: concurrency(given)?,
        rate: rate(given)?,
        ..JobOptions::default()
    })
}

/// A time, in milliseconds.
pub(super) fn seconds(given: &Given<'_>, name: &str) -> Option<Option<u64>> {
    match given.float(name) {
        None => Some(None),
        Some(seconds) => match milliseconds(seconds) {
            Some(ms) => Some(Some(ms)),
            None => {
                given.refuse(name, &format!("must be {}", JobOptions::times()));
                None
            }
        },
    }
}

fn milliseconds(seconds: f64) -> Option<u64> {
    // In range, and a float has no checked conversion.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (0.0..=SECONDS_MAX).contains(&seconds).then(|| (seconds * 1000.0).ceil() as u64)
}

fn timeout(given: &Given<'_>) -> Option<Option<u32>> {
    let wrong = |seconds: f64| !(seconds > 0.0 && seconds <= TIMEOUT_MAX);
    if given.float("timeout").is_some_and(wrong) {
        given.refuse("timeout", "must be more than 0 and at most 4294967 seconds");
        return None;
    }
    Some(seconds(given, "timeout")?.and_then(|ms| u32::try_from(ms).ok()))
}

fn whole(given: &Given<'_>, name: &str, min: i64, max: i64) -> Option<Option<i64>> {
    match given.int(name) {
        Some(number) if !(min..=max).contains(&number) => {
            given.refuse(name, &format!("must be from {min} to {max}"));
            None
        }
        number => Some(number),
    }
}

fn count(given: &Given<'_>, name: &str) -> Option<Option<u16>> {
    let number = whole(given, name, 1, i64::from(u16::MAX))?;
    Some(number.and_then(|number| number.try_into().ok()))
}

/// Most at a time.
pub(super) fn concurrency(given: &Given<'_>) -> Option<Option<u32>> {
    let number = whole(given, "concurrency", 1, i64::from(u32::MAX))?;
    Some(number.and_then(|number| number.try_into().ok()))
}

/// Most in a time, as in `100/60s`.
pub(super) fn rate(given: &Given<'_>) -> Option<Option<Rate>> {
    match given.text("rate")?.map(str::parse) {
        None => Some(None),
        Some(Ok(rate)) => match Rate::check(rate) {
            Ok(()) => Some(Some(rate)),
            Err(reason) => {
                given.refuse("rate", &reason);
                None
            }
        },
        Some(Err(_)) => {
            given.refuse("rate", "must be a count and a time, as in '100/60s' or '5000/h'");
            None
        }
    }
}

/// Checks a key that an object has.
pub(super) fn check_key(given: &Given<'_>) -> Option<()> {
    match JobOptions::check_key(given.text("key")?.unwrap_or_default()) {
        Ok(()) => Some(()),
        Err(reason) => {
            given.refuse("key", &reason);
            None
        }
    }
}

/// Checks the arguments of `Unique`.
pub(super) fn check_unique(given: &Given<'_>) -> Option<()> {
    check_key(given)?;
    let window_ms = seconds(given, "window")?.unwrap_or(0);
    let mode = given.get("mode").map_or(UniqueMode::Reject, unique_mode);
    if mode.has_window() != (window_ms > 0) {
        given
            .refuse("window", "must be given with UniqueMode::Debounce and Throttle, and no other");
        return None;
    }
    Some(())
}

fn unique(given: &Given<'_>) -> Option<Option<Unique>> {
    let Some(value) = given.get("unique").filter(|value| value.is_object()) else {
        let key = given.text("unique")?;
        let unique =
            |key: &str| Unique { key: key.to_owned(), mode: UniqueMode::Reject, window_ms: 0 };
        return Some(key.map(unique));
    };
    let of = Properties::of(value, &UNIQUE_NAME);
    Some(Some(Unique {
        key: of.text("key").unwrap_or_default(),
        mode: unique_mode(&of.get("mode")),
        window_ms: number(&of.get("window")).and_then(milliseconds).unwrap_or(0),
    }))
}

fn limit(given: &Given<'_>) -> Option<KeyLimit> {
    let of = Properties::of(given.get("limit")?, &LIMIT_NAME);
    Some(KeyLimit {
        key: of.text("key").unwrap_or_default(),
        concurrency: of.get("concurrency").long().and_then(|number| number.try_into().ok()),
        rate: of.text("rate").and_then(|rate| rate.parse().ok()),
    })
}

fn backoff(given: &Given<'_>) -> Option<Option<Backoff>> {
    let Some(value) = given.get("backoff") else {
        return Some(None);
    };
    if value.is_object() {
        let of = Properties::of(value, &BACKOFF_NAME);
        let ms = |name| number(&of.get(name)).and_then(milliseconds).unwrap_or(0);
        let percent = (number(&of.get("jitter")).unwrap_or(0.0) * 100.0).round();
        // From 0 to 1, as the constructor has seen to.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let jitter_percent = percent as u8;
        let backoff =
            Backoff::Exponential { base_ms: ms("base"), max_ms: ms("max"), jitter_percent };
        return Some(Some(backoff));
    }
    let backoff = match value.array() {
        Some(pauses) => list(pauses).map(Backoff::List),
        None => number(value).and_then(milliseconds).map(Backoff::Fixed),
    };
    if backoff.is_none() {
        let what = format!("must be {}, or an AppServer\\Backoff", Backoff::pauses());
        given.refuse("backoff", &what);
        return None;
    }
    Some(backoff)
}

fn list(pauses: &ZendHashTable) -> Option<Vec<u64>> {
    // Before anything is made of it: it may be of any length.
    if !(1..=JobOptions::PAUSES_MAX).contains(&pauses.len()) {
        return None;
    }
    pauses.values().map(|pause| number(pause.dereference()).and_then(milliseconds)).collect()
}

fn tags(given: &Given<'_>) -> Option<Vec<String>> {
    let Some(tags) = given.get("tags").and_then(Zval::array) else {
        return Some(Vec::new());
    };
    let text = |tag: &Zval| tag.dereference().str().map(str::to_owned);
    // One more than there may be is enough to tell.
    let list: Option<Vec<String>> =
        tags.values().take(JobOptions::TAGS_MAX + 1).map(text).collect();
    if list.is_none() {
        given.refuse("tags", "must be texts");
    }
    list
}

/// The date's milliseconds since 1970. Runs code of its class.
fn run_at(given: &Given<'_>) -> Option<Option<u64>> {
    let Some(date) = given.get("runAt") else {
        return Some(None);
    };
    let text = instance::method(date, "format", "Uv");
    if is_throwing() {
        return None;
    }
    match text.as_ref().and_then(Zval::str).and_then(|text| text.parse().ok()) {
        Some(ms) => Some(Some(ms)),
        None => {
            given.refuse("runAt", "must be a time after 1970");
            None
        }
    }
}

/// Readonly properties of an object of ours, which its constructor has checked.
struct Properties {
    object: Zval,
    class: &'static Named,
}

impl Properties {
    fn of(object: &Zval, class: &'static Named) -> Self {
        Self { object: object.shallow_clone(), class }
    }

    fn get(&self, name: &str) -> Zval {
        let mut object = self.object.shallow_clone();
        let read = object.object_mut().map(|of| properties::get(of, (self.class.entry)(), name));
        read.unwrap_or_else(Zval::null)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).str().map(str::to_owned)
    }
}
