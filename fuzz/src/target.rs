//! What is fuzzed.

use crate::{archives, frames, messages, values};

/// Whether a decoder took an input. What it takes is mutated further, so that a campaign gets past
/// the first checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Taken,
    Refused,
}

impl Verdict {
    pub(crate) fn of<T, E>(result: &Result<T, E>) -> Self {
        if result.is_ok() { Self::Taken } else { Self::Refused }
    }
}

/// One decoder.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Valid inputs to start from.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Decodes one input; panics when the decoder broke a promise.
    pub(crate) run: fn(&[u8]) -> Verdict,
}

impl Target {
    pub(crate) fn run_once(&self, input: &[u8]) -> Verdict {
        (self.run)(input)
    }
}

pub(crate) fn all() -> Vec<Target> {
    vec![
        Target { name: "frames", seeds: frames::seeds, run: frames::run },
        Target { name: "messages", seeds: messages::seeds, run: messages::run },
        Target { name: "archives", seeds: archives::seeds, run: archives::run },
        Target { name: "values", seeds: values::value_seeds, run: values::run_value },
        Target { name: "arguments", seeds: values::argument_seeds, run: values::run_arguments },
    ]
}
