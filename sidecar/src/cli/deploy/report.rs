//! What a deploy found and did, for people and for programs.

use super::build::Package;
use crate::admin::{Activated, App, Change, Staged};
use crate::cli::control::{Failure, Outcome, finish};
use crate::cli::{Exit, Stop, swap, text};
use protocol::AppName;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write as _};

pub(super) struct Report<'a> {
    app: &'a AppName,
    number: u64,
    package: &'a Package,
    before: &'a [Outcome<Option<App>>],
    pub(super) staged: Vec<Outcome<Staged>>,
    pub(super) activated: Vec<Outcome<Activated>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        app: &'a AppName,
        number: u64,
        package: &'a Package,
        before: &'a [Outcome<Option<App>>],
    ) -> Self {
        Self { app, number, package, before, staged: Vec::new(), activated: Vec::new() }
    }

    /// Whether callers of a release that runs now could break.
    pub(super) fn is_breaking(&self) -> bool {
        self.changes().iter().any(|change| change.breaking)
    }

    /// Of all workers, each once: they may have different releases now.
    fn changes(&self) -> Vec<&Change> {
        let mut changes: Vec<&Change> = Vec::new();
        for change in self.staged().flat_map(|staged| &staged.changes) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        changes
    }

    fn staged(&self) -> impl Iterator<Item = &Staged> {
        self.staged.iter().filter_map(|outcome| outcome.result.as_ref().ok())
    }

    /// Tells it; `stage` is how far the deploy came. Gives the exit code that goes with it.
    pub(super) fn print(&self, stage: &str, as_json: bool) -> Result<(), Stop> {
        let text = match as_json {
            true => format!("{}\n", self.as_json(stage)),
            false => self.in_words(),
        };
        io::stdout().write_all(text.as_bytes())?;
        self.tell_failures();
        match stage {
            "breaking" => Err(self.breaking()),
            "not staged" => Err(self.not_staged()),
            "interrupted" => Err(Stop::new(
                Exit::Interrupted,
                "nothing was deployed; what had been staged is withdrawn",
            )),
            _ => finish(&self.activated),
        }
    }

    fn breaking(&self) -> Stop {
        let message = "callers could break, so nothing was deployed; --allow-breaking does it all \
                       the same";
        Stop::new(Exit::Breaking, message)
    }

    fn not_staged(&self) -> Stop {
        let mut failures = self.staged.iter().filter_map(|outcome| outcome.result.as_ref().err());
        let exit = failures.next().map_or(Exit::Unavailable, Failure::exit);
        Stop::new(exit, "not every worker could stage it, so nothing was deployed")
    }

    fn tell_failures(&self) {
        let staged =
            self.staged.iter().map(|outcome| (outcome.worker(), outcome.result.as_ref().err()));
        let activated =
            self.activated.iter().map(|outcome| (outcome.worker(), outcome.result.as_ref().err()));
        for (worker, failure) in staged.chain(activated) {
            if let Some(failure) = failure.filter(|f| !matches!(f, Failure::Interrupted)) {
                eprintln!("appserver: {worker}: {}", text::printable(&failure.to_string()));
            }
        }
    }

    fn as_json(&self, stage: &str) -> Value {
        let totals = self.package.built.totals();
        let workers = self.before.iter().enumerate().map(|(index, before)| {
            let staged = self.staged.get(index).map(|outcome| &outcome.result);
            let activated = self.activated.get(index).map(|outcome| &outcome.result);
            let failure = staged.and_then(|result| result.as_ref().err());
            let failure = failure.or(activated.and_then(|result| result.as_ref().err()));
            json!({
                "worker": before.worker(),
                "before": before.result.as_ref().ok().and_then(|app| Some(app.as_ref()?.current)),
                "staged": staged.and_then(|result| result.as_ref().ok()),
                "activated": activated.and_then(|result| result.as_ref().ok()),
                "error": failure.map(Failure::as_json),
            })
        });
        json!({
            "app": self.app,
            "release": self.number,
            "id": self.package.built.release().to_string(),
            "entries": totals.entries,
            "bytes": totals.bytes,
            "archive_bytes": self.package.built.payload_bytes(),
            "stage": stage,
            "workers": workers.collect::<Vec<_>>(),
        })
    }

    fn in_words(&self) -> String {
        let totals = self.package.built.totals();
        let mut out = format!(
            "{}, release {} ({}): {}, {}, archive {}\n",
            self.app,
            self.number,
            self.package.built.release(),
            count(totals.entries, "file or folder", "files and folders"),
            text::bytes(totals.bytes),
            text::bytes(self.package.built.payload_bytes()),
        );
        if let Some(staged) = self.staged().next() {
            let functions = count(staged.functions.len() as u64, "function", "functions");
            let preloaded = count(staged.preloaded_files.into(), "file", "files");
            let _ = writeln!(out, "{functions}, {preloaded} preloaded");
            staged.functions.iter().for_each(|function| list(&mut out, function));
        }
        self.provisioned(&mut out);
        let changes = self.changes();
        if !changes.is_empty() {
            let _ = writeln!(out, "against the current release:");
            for change in changes {
                let breaking = if change.breaking { "breaking: " } else { "" };
                list(&mut out, &format!("{breaking}{}", change.text));
            }
        }
        self.workers(&mut out);
        out
    }

    fn provisioned(&self, out: &mut String) {
        let several = self.staged.len() > 1;
        for outcome in &self.staged {
            let Ok(staged) = &outcome.result else { continue };
            let at = if several { format!("{}: ", outcome.worker()) } else { String::new() };
            for line in &staged.provisioned {
                list(out, &format!("{at}provisioned: {line}"));
            }
            for line in &staged.warnings {
                list(out, &format!("{at}warning: {line}"));
            }
        }
    }

    /// A line for each: where it stands.
    fn workers(&self, out: &mut String) {
        for (index, before) in self.before.iter().enumerate() {
            let current = before.result.as_ref().ok().and_then(|app| Some(app.as_ref()?.current));
            let staged = self.staged.get(index).and_then(|outcome| outcome.result.as_ref().ok());
            let activated = self.activated.get(index).map(|outcome| &outcome.result);
            let state = match (staged, activated) {
                (_, Some(Ok(activated))) => swap::describe(activated).trim_end().to_owned(),
                (Some(staged), None) => {
                    format!("staged in {}", text::micros(staged.took_ms.saturating_mul(1_000)))
                }
                _ => current.map_or_else(
                    || "has none of it yet".to_owned(),
                    |number| format!("release {number} is current"),
                ),
            };
            let _ = writeln!(out, "{}: {state}", before.worker());
        }
    }
}

fn count(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

fn list(out: &mut String, line: &str) {
    let _ = writeln!(out, "  {}", text::printable(line));
}
