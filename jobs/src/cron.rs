//! When a schedule ticks.
//!
//! Where clocks change the rules are those of Vixie's cron: a tick at a fixed time of the day comes once,
//! at the end of the gap if its local time does not exist, at the first of two if it comes twice. Ticks
//! of an interval (`*`, `*/5`, several minutes or hours) come whenever the local clock shows them.

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use protocol::Schedule;

/// Longest expression, in bytes: the ledger knows a schedule by it, with its function and time zone.
const TEXT_BYTES_MAX: usize = 255;

/// A schedule that can tell its ticks, in milliseconds since 1970, whole seconds.
#[derive(Debug)]
pub(crate) struct Cron {
    cron: croner::Cron,
    zone: TimeZone,
}

/// Says what is wrong with a schedule, for whoever wrote it.
pub fn check_schedule(schedule: &Schedule) -> Result<(), String> {
    Cron::read(schedule).map(|_| ())
}

impl Cron {
    pub(crate) fn read(schedule: &Schedule) -> Result<Self, String> {
        let text = &schedule.cron;
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("a cron expression has at most {TEXT_BYTES_MAX} bytes"));
        }
        let parser =
            CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| {
            format!(
                "\"{text}\" is no cron expression ({error}): give minute, hour, day of the month, month \
                 and day of the week, as in \"30 4 * * 1-5\", or @hourly, @daily, @weekly, @monthly"
            )
        })?;
        let zone = match schedule.timezone.as_deref() {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| {
                format!("\"{name}\" is no time zone: give a name like Europe/Berlin, or UTC")
            })?,
        };
        let cron = Self { cron, zone };
        // Every day that is in the calendar comes within eight years.
        if cron.next_after(0).is_none() {
            return Err(format!("\"{text}\" never comes: no month has such a day"));
        }
        Ok(cron)
    }

    /// The first tick after that moment.
    pub(crate) fn next_after(&self, ms: u64) -> Option<u64> {
        let next = self.cron.find_next_occurrence(&self.local(ms)?, false);
        next.ok().and_then(|next| as_ms(&next))
    }

    /// The last tick until that moment, itself included.
    pub(crate) fn last_until(&self, ms: u64) -> Option<u64> {
        let last = self.cron.find_previous_occurrence(&self.local(ms)?, true);
        last.ok().and_then(|last| as_ms(&last))
    }

    /// The second in which that moment lies.
    fn local(&self, ms: u64) -> Option<Zoned> {
        let second = Timestamp::from_second(i64::try_from(ms / 1000).ok()?).ok()?;
        Some(second.to_zoned(self.zone.clone()))
    }
}

fn as_ms(at: &Zoned) -> Option<u64> {
    u64::try_from(at.timestamp().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cron(text: &str, zone: &str) -> Cron {
        let schedule = Schedule {
            cron: text.to_owned(),
            timezone: Some(zone.to_owned()),
            missed: protocol::Missed::Once,
        };
        Cron::read(&schedule).unwrap()
    }

    fn ms(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    fn ticks(cron: &Cron, from: &str, count: usize) -> Vec<String> {
        let next = |at: &u64| cron.next_after(*at);
        let ticks = std::iter::successors(cron.next_after(ms(from)), next).take(count);
        let as_text =
            |at: u64| Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap().to_string();
        ticks.map(as_text).collect()
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |text: &str, zone: Option<&str>| {
            let (cron, timezone) = (text.to_owned(), zone.map(str::to_owned));
            check_schedule(&Schedule { cron, timezone, missed: protocol::Missed::Once })
        };
        for good in ["*/5 * * * *", "@hourly", "0 30 4 * * MON-FRI", "0 0 29 2 *", "0 0 L * *"] {
            assert_eq!(check(good, Some("Europe/Berlin")), Ok(()), "{good}");
        }
        for bad in ["", "* * * *", "61 * * * *", "@reboot", "* * * * * * 2030", "every day"] {
            assert!(check(bad, None).unwrap_err().contains("no cron expression"), "{bad}");
        }
        let long = format!("{} * * * *", ["1"; 200].join(","));
        assert!(check(&long, None).unwrap_err().contains("at most 255 bytes"));
        assert!(check("0 0 30 2 *", None).unwrap_err().contains("never comes"));
        assert!(check("@daily", Some("Mars/Olympus")).unwrap_err().contains("no time zone"));
    }

    #[test]
    fn a_fixed_time_that_does_not_exist_comes_at_the_end_of_the_gap() {
        let daily = cron("30 2 * * *", "Europe/Berlin");
        let around = ticks(&daily, "2026-03-28T00:00:00Z", 3);
        assert_eq!(
            around,
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
    }

    #[test]
    fn a_fixed_time_that_comes_twice_ticks_once() {
        let daily = cron("30 2 * * *", "Europe/Berlin");
        let around = ticks(&daily, "2026-10-24T12:00:00Z", 2);
        assert_eq!(around, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn intervals_follow_the_local_clock() {
        let half_hours = cron("*/30 * * * *", "Europe/Berlin");
        let spring = ticks(&half_hours, "2026-03-29T00:15:00Z", 3);
        assert_eq!(
            spring,
            ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]
        );
        let autumn = ticks(&half_hours, "2026-10-25T00:15:00Z", 4);
        let expected = [
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:00:00Z",
        ];
        assert_eq!(autumn, expected);
    }

    #[test]
    fn a_day_of_the_month_or_of_the_week() {
        let either = cron("0 0 13 * 5", "UTC");
        let first = ticks(&either, "2026-11-06T12:00:00Z", 3);
        assert_eq!(first, ["2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z"]);
    }

    proptest! {
        /// Looking back finds what looking forward found, also where clocks change.
        #[test]
        fn back_is_the_reverse_of_forth(
            text in prop::sample::select(vec![
                "30 2 * * *", "0 3 * * *", "*/7 * * * *", "15 */2 * * *", "0 0 1 * *", "5,35 1-3 * * 0",
            ]),
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
                "Asia/Kathmandu",
            ]),
            from in 1_700_000_000_000u64..1_900_000_000_000,
        ) {
            let cron = cron(text, zone);
            let tick = cron.next_after(from).unwrap();
            prop_assert!(tick > from);
            prop_assert_eq!(cron.last_until(tick), Some(tick));
            prop_assert!(cron.last_until(tick - 1000).unwrap() <= from);
            let next = cron.next_after(tick).unwrap();
            prop_assert!(next > tick);
            prop_assert_eq!(cron.last_until(next - 1), Some(tick));
        }
    }
}
