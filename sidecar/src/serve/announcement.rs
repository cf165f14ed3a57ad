//! What people are told when the worker is ready: what is served where, and how to call it.

use super::dev::Dev;
use super::supervisor::Supervisor;
use protocol::Function;
use std::io::Write;

/// Functions of a release that are listed; of more the number is told.
const LISTED_MAX: usize = 20;

impl Supervisor {
    /// Says to people what is served where, and how to call it.
    pub(super) fn announce(&self, remote: Vec<String>) {
        let mut lines = Vec::new();
        for deployed in self.releases.values() {
            let Some(published) = &deployed.published else {
                continue;
            };
            let functions = &published.catalog.functions;
            let count = match functions.len() {
                1 => "1 function".to_owned(),
                count => format!("{count} functions"),
            };
            lines.push(format!("appserver: {} serves {count}", deployed.key));
            lines.extend(functions.iter().take(LISTED_MAX).map(line_of));
            if functions.len() > LISTED_MAX {
                lines.push(format!(
                    "  … and {} more: appserver functions",
                    functions.len() - LISTED_MAX
                ));
            }
        }
        if self.releases.is_empty() && self.dev.is_none() {
            lines.push("appserver: there is no application yet; deploy one".to_owned());
        }
        let addresses = self.settings.listeners.join(",");
        let first = self.settings.listeners.first().map_or("", String::as_str);
        let extension = extension_file();
        lines.push(format!(
            "appserver: call them with php -d extension={extension} -d appserver.workers={first}"
        ));
        lines.extend(self.dev.iter().map(Dev::line));
        lines.extend(self.passing_jobs());
        lines.extend(remote);
        lines.push(format!("appserver: ready at {addresses}"));
        // That nobody reads it is no reason to stop.
        let _ = writeln!(std::io::stdout().lock(), "{}", lines.join("\n"));
    }
}

impl Supervisor {
    /// Where jobs are, if they go with the worker.
    fn passing_jobs(&self) -> Option<String> {
        let (state, temp) = (&self.settings.state_dir, &self.settings.temp_dir);
        let passing = self.settings.daemon.jobs.enabled && state.starts_with(temp);
        passing.then(|| format!("appserver: jobs are kept in {} until this ends", state.display()))
    }
}

/// A function as people are told of it.
fn line_of(function: &Function) -> String {
    match function.by_ref_param() {
        Some(param) => {
            format!("  {} (not callable: ${} is by reference)", function.signature(), param.name)
        }
        None => format!("  {}", function.signature()),
    }
}

/// The extension for callers: its path where it is beside this program, else its name.
fn extension_file() -> String {
    let beside = std::env::current_exe().map(|program| program.with_file_name("appserver.so"));
    let beside = beside.ok().filter(|file| file.is_file());
    beside.map_or("appserver.so".to_owned(), |file| file.display().to_string())
}
