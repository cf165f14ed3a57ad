//! docs/cli.md held true: its tables are what the commands say of themselves.
//!
//! `APPSERVER_WRITE_DOCS=1 cargo test -p appserver-sidecar cli::reference` writes them.

use super::{Exit, definition};
use clap::{Arg, Command};
use std::fmt::Write;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");

#[test]
fn the_document_says_what_the_commands_say() {
    let written = std::fs::read_to_string(DOCUMENT).expect("docs/cli.md");
    let current = filled(&written);
    if std::env::var_os("APPSERVER_WRITE_DOCS").is_some() {
        std::fs::write(DOCUMENT, &current).expect("docs/cli.md can be written");
    } else {
        assert_eq!(written, current, "docs/cli.md is out of date: see {}", file!());
    }
}

/// The document with what stands between its markers made anew.
fn filled(document: &str) -> String {
    let mut definition = definition();
    definition.build();
    let document = between(document, "exit codes", &exit_codes());
    let shown = definition.get_subcommands().filter(|command| !command.is_hide_set());
    shown.fold(document, |document, command| {
        let mut text = String::new();
        describe(command, command.get_name(), &mut text);
        between(&document, &format!("appserver {}", command.get_name()), &text)
    })
}

/// Replaces what stands between `<!-- cli: NAME -->` and the next `<!-- end -->`.
fn between(document: &str, name: &str, text: &str) -> String {
    let start = format!("<!-- cli: {name} -->\n");
    let (before, rest) = document.split_once(&start).unwrap_or_else(|| panic!("no {start}"));
    let (_, after) = rest.split_once("<!-- end -->").expect("an end marker");
    format!("{before}{start}\n{text}\n<!-- end -->{after}")
}

fn exit_codes() -> String {
    let rows = Exit::ALL.map(|exit| format!("| {} | {} |\n", exit.code(), exit.meaning()));
    format!("| code | meaning |\n|---|---|\n{}", rows.concat())
}

fn describe(command: &Command, path: &str, out: &mut String) {
    if command.get_subcommands().any(|sub| sub.get_name() != "help") {
        for (sub, number) in command.get_subcommands().zip(0..) {
            if number > 0 {
                out.push('\n');
            }
            describe(sub, &format!("{path} {}", sub.get_name()), out);
        }
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = write!(out, "{about}.\n\n```\n{usage}\n```\n\n");
    out.push_str("| option | meaning | default | environment |\n|---|---|---|---|\n");
    let args = command.get_arguments().filter(|arg| arg.get_id() != "help");
    args.for_each(|arg| out.push_str(&row(arg)));
}

fn row(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults = arg.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|value| code(&value.to_string_lossy())).collect();
    let env = arg.get_env().map(|name| code(&name.to_string_lossy())).unwrap_or_default();
    let default = if arg.get_action().takes_values() { defaults.join(", ") } else { String::new() };
    format!("| {} | {} | {default} | {env} |\n", name(arg), help.replace('|', "\\|"))
}

fn name(arg: &Arg) -> String {
    let values = arg.get_value_names().unwrap_or_default().join(" ");
    if arg.is_positional() {
        return code(&values);
    }
    let long = format!("--{}", arg.get_long().expect("every option has a long name"));
    let value = if arg.get_action().takes_values() { format!(" {values}") } else { String::new() };
    let aliases = arg.get_visible_aliases().unwrap_or_default().into_iter();
    let aliases: String = aliases.map(|alias| format!("`--{alias}`, ")).collect();
    let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    format!("{short}{aliases}{}", code(&(long + &value)))
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
