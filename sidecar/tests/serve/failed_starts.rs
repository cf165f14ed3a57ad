//! Each step of the start can fail; what is said then names the place and what to do, in one line, and
//! nothing is left behind.

use crate::worker::{Setting, send};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Who has no rights.
const NOBODY: u32 = 65_534;
/// Exit code for what the configuration, or an address in it, makes impossible.
const CONFIG: i32 = 78;
/// Exit code for what the machine or its state makes impossible.
const INTERNAL: i32 = 70;

/// What a start that must fail says, in one line.
#[track_caller]
fn refused(setting: &Setting, code: i32) -> String {
    let output = setting.command().stdout(Stdio::null()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(!setting.path("sock").exists(), "a socket is left");
    error
}

#[track_caller]
fn says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "\"{part}\" is not in: {error}");
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// With `state_dir` beside the runtime folder.
fn with_state(name: &str) -> Setting {
    let setting = Setting::new();
    let line = format!("state_dir = {:?}\n", setting.path(name));
    setting.config(&line)
}

#[test]
fn a_state_folder_that_cannot_be_made() {
    let setting = with_state("file/state");
    setting.file("file", "");
    says(
        &refused(&setting, INTERNAL),
        &[&shown(&setting.path("file/state")), "set another state_dir"],
    );
    let setting = with_state("file");
    setting.file("file", "");
    says(&refused(&setting, INTERNAL), &["must be a folder of user", "set another state_dir"]);
}

#[test]
fn a_state_folder_that_others_can_write() {
    let setting = with_state("state");
    fs::create_dir(setting.path("state")).unwrap();
    fs::set_permissions(setting.path("state"), Permissions::from_mode(0o777)).unwrap();
    says(&refused(&setting, INTERNAL), &[&shown(&setting.path("state")), "chmod go-w"]);
}

#[test]
fn a_state_folder_that_another_worker_uses() {
    let worker = with_state("state").start();
    let setting = Setting::new().config(&format!("state_dir = {:?}\n", worker.path("state")));
    let error = refused(&setting, INTERNAL);
    says(&error, &[&shown(&worker.path("state")), "another worker uses this folder", "state_dir"]);
    drop(worker);
}

/// As a user whose usual folders are not the machine's own.
fn as_nobody(setting: &Setting, home: &Path, runtime: &str) -> Command {
    let mut command = setting.command();
    setting.file("appserver.toml", "");
    command.env("XDG_STATE_HOME", home).env("XDG_RUNTIME_DIR", home.join(runtime));
    if rustix::process::geteuid().is_root() {
        chown(setting.path(""), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The first line with `text` in it.
fn line_with(text: &str, stream: impl Read) -> String {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("no line has \"{text}\""))
}

#[test]
fn the_usual_state_folder_that_another_worker_uses_is_left_to_it() {
    let home = tempfile::tempdir().unwrap();
    if rustix::process::geteuid().is_root() {
        chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let (setting, other) = (Setting::new(), Setting::new());
    let mut first = as_nobody(&setting, home.path(), "one").spawn().unwrap();
    line_with("ready at", first.stdout.take().unwrap());
    let mut second = as_nobody(&other, home.path(), "two").spawn().unwrap();
    let warned = line_with("keeps its state in", second.stderr.take().unwrap());
    says(&warned, &[&shown(&home.path().join("appserver")), "give each worker a state_dir"]);
    for worker in [&mut first, &mut second] {
        send(worker.id(), Signal::TERM);
        send(worker.id(), Signal::TERM);
        worker.wait().unwrap();
    }
}

#[test]
fn a_corrupt_state_is_named_with_what_to_do() {
    let setting = with_state("state");
    setting.file("state/apps/shop/state", "neither slot is whole");
    fs::set_permissions(setting.path("state"), Permissions::from_mode(0o755)).unwrap();
    let file = shown(&setting.path("state/apps/shop/state"));
    says(
        &refused(&setting, INTERNAL),
        &["state of \"shop\"", &file, "damaged", "restore it from a backup", "deployed again"],
    );
}

#[test]
fn a_socket_whose_path_is_too_long() {
    let long = format!("unix:/tmp/{}", "x".repeat(120));
    says(&refused(&Setting::new().listen(&long), CONFIG), &[&long, "107 bytes"]);
}

#[test]
fn a_socket_in_a_folder_that_is_not_there() {
    let setting = Setting::new();
    let address = format!("unix:{}", setting.path("nowhere/sock").display());
    let setting = setting.listen(&address);
    says(&refused(&setting, CONFIG), &[&address, "make its folder first"]);
}

#[test]
fn users_and_groups_that_are_not_there() {
    for (toml, key) in [
        ("user = \"nobody-here\"\n", "user: there is no user \"nobody-here\" in /etc/passwd"),
        ("group = \"nobody-here\"\n", "group: there is no group \"nobody-here\" in /etc/group"),
        ("[apps.shop]\nuser = \"nobody-here\"\n", "apps.shop.user: there is no user"),
    ] {
        let setting = Setting::new().config(toml);
        says(&refused(&setting, CONFIG), &[key]);
        assert!(!setting.path("run").exists(), "nothing was made");
    }
}

/// Writes certificates and keys, and gives the setting that names them.
fn with_tls(certificate: &str, key: &str) -> Setting {
    let setting = Setting::new().listen("tls:127.0.0.1:0");
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    setting.file("cert.pem", &cert.pem());
    setting.file("key.pem", &signing_key.serialize_pem());
    setting.file("other.pem", &other.signing_key.serialize_pem());
    setting.file("empty.pem", "");
    setting.config(&format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n"))
}

#[test]
fn certificates_and_keys_that_cannot_be_used() {
    for (certificate, key, parts) in [
        ("cert.pem", "none.pem", ["tls.key", "none.pem", "No such file"]),
        ("none.pem", "key.pem", ["tls.certificate", "none.pem", "No such file"]),
        ("cert.pem", "empty.pem", ["tls.key", "empty.pem", "no private key"]),
        ("empty.pem", "key.pem", ["tls.certificate", "empty.pem", "no certificate in it"]),
        ("cert.pem", "other.pem", ["tls.key", "other.pem", "another certificate"]),
    ] {
        let setting = with_tls(certificate, key);
        says(&refused(&setting, CONFIG), &parts);
        assert!(!setting.path("run").exists(), "nothing was made");
    }
}

#[test]
fn a_certificate_made_earlier_that_was_damaged() {
    let setting = Setting::new().listen("tls:127.0.0.1:0");
    setting.file("run/certificate.pem", "damaged");
    setting.file("run/key.pem", "damaged");
    fs::set_permissions(setting.path("run"), Permissions::from_mode(0o755)).unwrap();
    let error = refused(&setting, CONFIG);
    says(&error, &[&shown(&setting.path("run/certificate.pem")), "remove ", "made anew"]);
}
