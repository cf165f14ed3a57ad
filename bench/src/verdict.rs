//! One figure against what is needed and what is aimed at.

use std::fmt::Write;

#[derive(Debug)]
pub(crate) struct Line {
    figure: String,
    /// `None` when it was not measured.
    value: Option<f64>,
    bound: Bound,
    needed: Option<f64>,
    aim: Option<f64>,
}

/// Which side of a limit is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    AtLeast,
    AtMost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    AimReached,
    /// As good as needed; the aim, if there is one, is not reached.
    Enough,
    BelowNeeded,
    NotMeasured,
}

impl Line {
    /// A figure that should be large.
    pub(crate) fn at_least(figure: impl Into<String>, value: Option<f64>) -> Self {
        Self { figure: figure.into(), value, bound: Bound::AtLeast, needed: None, aim: None }
    }

    /// A figure that should be small.
    pub(crate) fn at_most(figure: impl Into<String>, value: Option<f64>) -> Self {
        Self { figure: figure.into(), value, bound: Bound::AtMost, needed: None, aim: None }
    }

    pub(crate) fn needed(mut self, limit: f64) -> Self {
        self.needed = Some(limit);
        self
    }

    pub(crate) fn aim(mut self, limit: f64) -> Self {
        self.aim = Some(limit);
        self
    }

    #[cfg(test)]
    pub(crate) fn figure(&self) -> &str {
        &self.figure
    }

    /// A needed figure that was not measured proves nothing, so it is not good enough.
    pub(crate) fn is_good_enough(&self) -> bool {
        match self.verdict() {
            Verdict::AimReached | Verdict::Enough => true,
            Verdict::BelowNeeded => false,
            Verdict::NotMeasured => self.needed.is_none(),
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let Some(value) = self.value else { return Verdict::NotMeasured };
        let reaches = |limit: f64| match self.bound {
            Bound::AtLeast => value >= limit,
            Bound::AtMost => value <= limit,
        };
        if !self.needed.is_none_or(reaches) {
            Verdict::BelowNeeded
        } else if self.aim.is_some_and(reaches) {
            Verdict::AimReached
        } else {
            Verdict::Enough
        }
    }

    fn limit(&self, limit: Option<f64>) -> String {
        let sign = if self.bound == Bound::AtLeast { ">=" } else { "<=" };
        limit.map(|limit| format!("{sign} {limit}")).unwrap_or_default()
    }
}

/// All lines as a table.
pub(crate) fn render(lines: &[Line]) -> String {
    let mut text = format!("\n{:58} {:>10} {:>10} {:>10}\n", "", "figure", "needed", "aim");
    for line in lines {
        let value = line.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let verdict = match line.verdict() {
            Verdict::AimReached => "aim reached",
            Verdict::Enough if line.needed.is_none() => "aim not reached",
            Verdict::Enough => "enough",
            Verdict::BelowNeeded => "BELOW NEEDED",
            Verdict::NotMeasured => "NOT MEASURED",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:58} {value:>10} {:>10} {:>10}  {verdict}",
            line.figure,
            line.limit(line.needed),
            line.limit(line.aim),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_itself_is_reached() {
        let line = |value| Line::at_least("x", Some(value)).needed(4.0).aim(8.0);
        assert_eq!(line(3.99).verdict(), Verdict::BelowNeeded);
        assert_eq!(line(4.0).verdict(), Verdict::Enough);
        assert_eq!(line(8.0).verdict(), Verdict::AimReached);
    }

    #[test]
    fn small_is_good_where_the_limit_is_an_upper_one() {
        let line = |value| Line::at_most("x", Some(value)).needed(4.0).aim(1.0);
        assert_eq!(line(4.01).verdict(), Verdict::BelowNeeded);
        assert_eq!(line(4.0).verdict(), Verdict::Enough);
        assert_eq!(line(0.5).verdict(), Verdict::AimReached);
        assert_eq!(line(-7.0).verdict(), Verdict::AimReached);
    }

    #[test]
    fn an_aim_alone_never_fails() {
        assert!(Line::at_most("x", Some(99.0)).aim(8.0).is_good_enough());
        assert!(Line::at_most("x", None).aim(8.0).is_good_enough());
    }

    #[test]
    fn what_is_needed_must_be_measured() {
        let line = Line::at_least("x", None).needed(4.0);
        assert_eq!(line.verdict(), Verdict::NotMeasured);
        assert!(!line.is_good_enough());
    }

    #[test]
    fn not_a_number_is_below_need() {
        let line = Line::at_least("x", Some(f64::NAN)).needed(4.0);
        assert_eq!(line.verdict(), Verdict::BelowNeeded);
    }
}
