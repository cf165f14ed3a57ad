//! That a release took over, and what whoever asked for it should know.

use super::{CanaryShare, Change};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Activated {
    pub(crate) number: u64,
    pub(crate) previous: Option<u64>,
    /// How long it took from the question until new calls went there; also a start, where it did not run.
    pub(crate) took_us: u64,
    /// What callers of the release before can break on, and was let pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<Change>,
    /// The release that was on trial, and is no more because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_canary: Option<CanaryShare>,
}

impl Activated {
    /// What it did beyond what was asked for, a line each.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let canary = self.ended_canary.map(|canary| {
            format!("release {} is on trial no more (it had {} %)", canary.release, canary.percent)
        });
        let breaks = (!self.changes.is_empty()).then(|| {
            format!("it breaks callers of the one before in {}", in_places(&self.changes))
        });
        canary.into_iter().chain(breaks).collect()
    }
}

/// Changes in a few words: how many there are, and the first of them.
pub(crate) fn in_places(changes: &[Change]) -> String {
    /// More are left to lists.
    const NAMED_MAX: usize = 3;
    let places = if changes.len() == 1 { "place" } else { "places" };
    let named: Vec<&str> = changes.iter().take(NAMED_MAX).map(|c| c.text.as_str()).collect();
    let more = if changes.len() > NAMED_MAX { "; …" } else { "" };
    format!("{} {places} ({}{more})", changes.len(), named.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> Change {
        Change { function: String::new(), breaking: true, text: text.to_owned() }
    }

    #[test]
    fn places_are_counted_and_the_first_ones_named() {
        assert_eq!(in_places(&[change("f(): removed")]), "1 place (f(): removed)");
        let four = ["a", "b", "c", "d"].map(change);
        assert_eq!(in_places(&four), "4 places (a; b; c; …)");
    }
}
