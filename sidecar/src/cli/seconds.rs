//! Times on the command line: seconds, with a fraction if need be.

use std::time::Duration;

/// Longest time taken: what fits the wire's milliseconds.
const SECONDS_MAX: f64 = 4_000_000.0;

/// Reads e.g. `2` or `0.5`; 0 is allowed.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err(format!("write seconds from 0 to {SECONDS_MAX}, e.g. 2 or 0.5")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_taken_and_nonsense_is_not() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["", "-1", "NaN", "inf", "1s", "1e9"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
