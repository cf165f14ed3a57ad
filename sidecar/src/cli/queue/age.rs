//! An age on the command line: a number and a unit.

use std::time::Duration;

/// Reads e.g. `90s`, `15min`, `2h` or `7d`.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => 0,
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds));
    let wrong = || "write a number of s, min, h or d, e.g. 90s, 15min, 2h or 7d".to_owned();
    number.filter(|_| seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_a_unit() {
        assert_eq!(age("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(age("2d"), Ok(Duration::from_secs(2 * 86_400)));
        for text in
            ["", "90", "s", "-1s", "1.5h", "2 h", "99999999999999999999d", "99999999999999999d"]
        {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
