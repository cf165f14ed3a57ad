//! `log.level`: a level, or targets with levels as in `RUST_LOG`.

use tracing_subscriber::EnvFilter;

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// A bare word must be a level: as a target it would silence everything else.
pub(super) fn check(filter: &str) -> Result<(), String> {
    for part in filter.split(',').map(str::trim) {
        let is_level = LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level));
        if !is_level && !part.contains('=') {
            return Err(format!(
                "\"{part}\" is no level: write {}, or targets with levels, e.g. info,appserver=debug",
                LEVELS.join(", ")
            ));
        }
    }
    EnvFilter::try_new(filter).map(drop).map_err(|error| format!("\"{filter}\": {error}"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn levels_and_targets_with_levels_are_taken() {
        for filter in ["info", "WARN", "info,appserver=debug", "appserver::serve=trace, error"] {
            assert_eq!(check(filter), Ok(()), "{filter}");
        }
    }

    #[test]
    fn a_bare_word_that_is_no_level_is_refused_with_the_levels_there_are() {
        for filter in ["loud", "", "info,appserver", "appserver=loud"] {
            assert!(check(filter).is_err(), "{filter}");
        }
        assert!(check("loud").unwrap_err().contains("error, warn, info, debug, trace"));
    }
}
