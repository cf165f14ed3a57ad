//! Where inside an argument something is, as PHP code would write it: `[3]["cb"]->name`.

use std::fmt::{self, Write};

/// Bytes shown of a key; the rest is cut.
const SHOWN_BYTES_MAX: usize = 64;
/// Steps shown of a path; those in the middle are cut.
const SHOWN_STEPS_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Index(i64),
    Key(String),
    Property(String),
}

impl Step {
    pub(crate) fn key(bytes: &[u8]) -> Self {
        Self::Key(shown(bytes))
    }

    /// A property by its mangled name: `"\0Class\0name"` is shown as `name`.
    pub(crate) fn property(mangled: &[u8]) -> Self {
        let plain = mangled.rsplit(|byte| *byte == 0).next().unwrap_or(mangled);
        Self::Property(shown(plain))
    }
}

fn shown(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if cut.len() < bytes.len() {
        text.push('…');
    }
    text
}

/// Steps from the innermost outwards: the order in which an error finds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    pub(crate) fn push_outer(&mut self, step: Step) {
        self.0.push(step);
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.0.len().saturating_sub(SHOWN_STEPS_MAX);
        for (position, step) in self.0.iter().rev().enumerate() {
            match step {
                _ if cut > 0 && position == SHOWN_STEPS_MAX / 2 => out.write_char('…')?,
                _ if cut > 0
                    && (SHOWN_STEPS_MAX / 2..=SHOWN_STEPS_MAX / 2 + cut).contains(&position) => {}
                Step::Index(index) => write!(out, "[{index}]")?,
                Step::Key(key) => write!(out, "[\"{key}\"]")?,
                Step::Property(name) => write!(out, "->{name}")?,
            }
        }
        Ok(())
    }
}
