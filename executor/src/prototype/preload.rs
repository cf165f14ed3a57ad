//! Which files OPcache can preload, decided while PHP starts, by looking through them in a child.
//!
//! Starting PHP's modules takes most of the time of a start. So they are started once: the children
//! are forked when that is done, and each starts the rest with settings of its own.
//!
//! Preloading compiles a file without running it, so it is right only for files whose top level
//! declares functions and classes and does nothing else. The others are required at the start of
//! each request, and the report says why.

use super::forked::{Answer, Side, fork};
use super::settings;
use anyhow::{Context, Result};
use embed::{Php, Starting, Statement};
use protocol::{Boot, body_from_slice, body_to_vec};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How each entry file is loaded; all paths absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) preloaded: Vec<String>,
    /// At the start of every request, in this order.
    pub(super) required: Vec<String>,
    /// Whether OPcache may find that it cannot preload a file after all.
    uncertain: bool,
    pub(super) warnings: Vec<String>,
}

impl Plan {
    /// Without OPcache nothing can be preloaded.
    pub(super) fn give_up(&mut self, boot: &Boot) {
        self.preloaded.clear();
        self.required = boot.entry.iter().map(|file| absolute(boot, file)).collect();
        self.warnings.push(
            "OPcache is off: every request compiles the entry files; load it for PHP's embed SAPI \
             (zend_extension=opcache) and leave opcache.enable on"
                .to_owned(),
        );
    }
}

/// What a process in which PHP starts is there for.
#[derive(Debug)]
pub(super) enum Part {
    /// To look through the entry files.
    Looks(Answer),
    /// To try the preloading out.
    TriesOut(Answer),
    /// To run the release.
    Runs(Plan),
}

impl Part {
    /// Those who only look do so, and end; the plan is for the one that goes on.
    pub(super) fn play(self, boot: &Boot, started: Result<Php>) -> Result<(Php, Plan)> {
        match self {
            Self::Looks(answer) => answer.give(started.and_then(|php| look_through(boot, php))),
            Self::TriesOut(answer) => answer.give(started.map(|_| said())),
            Self::Runs(plan) => Ok((started?, plan)),
        }
    }
}

/// Parts the processes: has the entry files looked through and, where that does not tell everything,
/// the preloading tried out. PHP goes on to start in each.
pub(super) fn part(boot: &Boot, starting: &Starting) -> Result<Part> {
    let looked = match fork("looking through the entry files")? {
        Side::Child(answer) => {
            starting.log_apart();
            starting.set("opcache.enable", "0");
            // Nor does OPcache have to fill its memory.
            starting.set("opcache.interned_strings_buffer", "0");
            return Ok(Part::Looks(answer));
        }
        Side::Parent(looked) => looked,
    };
    let mut plan: Plan = body_from_slice("preload plan", &looked)?;
    // Each round moves at least one file, so this ends.
    while plan.uncertain && !plan.preloaded.is_empty() {
        let script = script(boot, &plan)?;
        let log = match fork("preloading")? {
            // Nothing may fail in it from here to its answer: it would be taken for its parent.
            Side::Child(answer) => {
                starting.log_apart();
                set_script(starting, script.as_deref());
                return Ok(Part::TriesOut(answer));
            }
            Side::Parent(log) => log,
        };
        let unlinked = unlinked_files(&plan, &body_from_slice::<Vec<String>>("log", &log)?);
        if unlinked.is_empty() {
            break;
        }
        for (file, reason) in unlinked {
            plan.preloaded.retain(|preloaded| *preloaded != file);
            plan.warnings.push(format!("{}: not preloaded, {reason}", relative(boot, &file)));
            plan.required.push(file);
        }
    }
    plan.required.sort_by_key(|file| position(boot, file));
    set_script(starting, script(boot, &plan)?.as_deref());
    Ok(Part::Runs(plan))
}

fn set_script(starting: &Starting, script: Option<&Path>) {
    if let Some(script) = script {
        // Without OPcache there is no such setting, and nothing is preloaded.
        starting.set("opcache.preload", &script.display().to_string());
    }
}

/// Writes the script that preloads the plan's files; `None` when there is nothing to preload.
fn script(boot: &Boot, plan: &Plan) -> Result<Option<PathBuf>> {
    let own = settings::own_preload(boot);
    if plan.preloaded.is_empty() && own.is_none() {
        return Ok(None);
    }
    let mut code = "<?php\n".to_owned();
    for file in &plan.preloaded {
        writeln!(code, "opcache_compile_file({});", quoted(file)).context("preload script")?;
    }
    if let Some(own) = own {
        writeln!(code, "require {};", quoted(own)).context("preload script")?;
    }
    let path = Path::new(&boot.temp_dir).join("preload.php");
    std::fs::write(&path, code).with_context(|| path.display().to_string())?;
    Ok(Some(path))
}

/// As PHP source.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

pub(super) fn absolute(boot: &Boot, file: &str) -> String {
    format!("{}/{file}", boot.root)
}

fn look_through(boot: &Boot, mut php: Php) -> Result<Vec<u8>> {
    let request = php.request()?;
    let mut plan = Plan::default();
    for file in &boot.entry {
        let path = absolute(boot, file);
        std::fs::metadata(&path).with_context(|| format!("entry file {file}"))?;
        match request.first_statement(&path)? {
            None => plan.preloaded.push(path),
            Some(statement) => {
                plan.warnings.push(warning(file, &statement));
                plan.required.push(path);
            }
        }
    }
    plan.uncertain = !request.every_class_linked();
    Ok(body_to_vec(&plan))
}

fn warning(file: &str, statement: &Statement) -> String {
    let does = match statement.opcode.as_str() {
        "ZEND_DECLARE_CONST" => "declares a constant",
        "ZEND_INCLUDE_OR_EVAL" => "includes another file",
        "ZEND_ECHO" => "prints something",
        "ZEND_DECLARE_FUNCTION" => "declares a function inside a block",
        opcode if opcode.starts_with("ZEND_ASSIGN") => "assigns a variable",
        opcode if opcode.starts_with("ZEND_JMP") => "has a condition",
        _ => "runs code",
    };
    let line = statement.line;
    format!(
        "{file}: not preloaded, it {does} at its top level (line {line}); required at the start of \
         every request instead"
    )
}

/// What PHP logged; of preloading, what it could not link.
fn said() -> Vec<u8> {
    let lines: Vec<String> = embed::take_log().into_iter().map(|line| line.text).collect();
    body_to_vec(&lines)
}

/// Files of which OPcache said `Can't preload …: why in FILE on line N`.
fn unlinked_files(plan: &Plan, log: &[String]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in log {
        let Some(at) = line.find("Can't preload") else { continue };
        let said = &line[at..];
        let file = plan.preloaded.iter().find(|file| said.contains(&format!(" in {file} on line")));
        let Some(file) = file else { continue };
        if found.iter().all(|(known, _)| known != file) {
            let reason = said.split(" in /").next().unwrap_or(said);
            found.push((file.clone(), format!("OPcache says \"{reason}\"")));
        }
    }
    found
}

fn position(boot: &Boot, path: &str) -> Option<usize> {
    boot.entry.iter().position(|file| absolute(boot, file) == path)
}

fn relative<'a>(boot: &Boot, path: &'a str) -> &'a str {
    path.strip_prefix(boot.root.as_str()).map_or(path, |file| file.trim_start_matches('/'))
}
