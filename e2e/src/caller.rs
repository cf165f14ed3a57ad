//! A PHP process that does the same each time that it is told to.

use crate::{RunningPhp, Sidecar};

/// See the module. What it does is a PHP expression, of which it prints the value, one line.
#[derive(Debug)]
pub struct Caller(RunningPhp);

impl Caller {
    pub fn of(worker: &Sidecar, expression: &str) -> Self {
        Self::with(worker, &[], expression)
    }

    /// With further settings, each `name=value`.
    pub fn with(worker: &Sidecar, settings: &[&str], expression: &str) -> Self {
        let script = format!("while (fgets(STDIN)) {{ echo {expression}, \"\\n\"; }}");
        Self(worker.spawn_php_with(settings, &script))
    }

    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    pub fn calls(&mut self) -> String {
        self.begins();
        self.is_answered()
    }

    pub fn begins(&mut self) {
        self.0.enter();
    }

    #[track_caller]
    pub fn is_answered(&mut self) -> String {
        let line = self.0.line();
        assert!(!line.is_empty(), "it has ended or printed nothing");
        line
    }

    /// What it has kept, after a call that may have been the first.
    #[track_caller]
    pub fn keeps(&mut self) -> String {
        let result = self.calls();
        assert_eq!(self.calls(), result, "it is kept");
        result
    }

    /// Nothing has gone wrong in it until its end.
    #[track_caller]
    pub fn ends_well(mut self) {
        self.0.end_input();
        self.0.finish().ok();
    }
}
