//! Help, mistakes, completions and man pages.

use crate::appserver::appserver;

const COMMANDS: [&[&str]; 39] = [
    &["keygen"],
    &["deploy"],
    &["releases"],
    &["rollback"],
    &["canary"],
    &["promote"],
    &["abort"],
    &["drain"],
    &["prune"],
    &["remove"],
    &["queue"],
    &["queue", "list"],
    &["queue", "dead"],
    &["queue", "stats"],
    &["queue", "show"],
    &["queue", "explain"],
    &["queue", "tail"],
    &["queue", "pause"],
    &["queue", "drain"],
    &["queue", "resume"],
    &["queue", "retry"],
    &["queue", "requeue"],
    &["queue", "cancel"],
    &["queue", "delete"],
    &["cache"],
    &["cache", "invalidate"],
    &["audit"],
    &["config", "get"],
    &["config", "set"],
    &["config", "unset"],
    &["serve"],
    &["call"],
    &["status"],
    &["functions"],
    &["top"],
    &["config"],
    &["config", "check"],
    &["completions"],
    &["man"],
];

#[test]
fn every_command_has_help_with_examples_and_exit_codes() {
    for command in COMMANDS.into_iter().chain([&[][..]]) {
        let ran = appserver(&[command, &["--help"]].concat());
        assert_eq!(ran.code, 0, "{command:?}");
        for part in ["Usage: appserver", "Exit codes:", "  78  "] {
            assert!(ran.out.contains(part), "{command:?} lacks {part}:\n{}", ran.out);
        }
        if !matches!(command, ["config" | "queue" | "cache"]) {
            assert!(ran.out.contains("Examples:\n  appserver "), "{command:?}:\n{}", ran.out);
        }
        let short = appserver(&[command, &["-h"]].concat());
        assert_eq!(short.code, 0, "{command:?}");
        assert!(!short.out.contains("Exit codes:"), "-h is short: {}", short.out);
    }
}

#[test]
fn the_version_is_told() {
    let ran = appserver(&["--version"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, concat!("appserver ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}

#[test]
fn mistakes_of_the_command_line_exit_2_and_say_what_was_meant() {
    for args in [
        &["stauts"][..],
        &["call"],
        &["call", "f", "--timeout", "soon"],
        &["call", "f", "--args-json", "[]", "x"],
        &["call", "f", "--repeat", "0"],
        &["call", "Shop:f"],
        &["call", "shop:"],
        &["call", "f", "--named", "1"],
        &["functions", "NO"],
        &["status", "--workers", "/run/appserver.sock"],
        &["status", "--certificate", "a.pem"],
        &["top", "--interval", "0"],
        &["completions", "cmd"],
        &["serve", "--executors", "0"],
    ] {
        let ran = appserver(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(!ran.err.is_empty(), "{args:?}");
    }
    assert!(appserver(&["stauts"]).err.contains("status"));
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = appserver(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}: {}", ran.err);
        for word in ["serve", "functions", "connect-timeout"] {
            assert!(ran.out.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn there_is_a_man_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let ran = appserver(&["man", pages.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for command in COMMANDS.into_iter().chain([&[][..]]) {
        let name = [&["appserver"], command].concat().join("-");
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).expect(&name);
        assert!(page.contains("Exit codes"), "{name}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    assert_eq!(appserver(&["man", "/dev/null/man1"]).code, 70);
}
