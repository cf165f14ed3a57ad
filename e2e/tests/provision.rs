//! `[[provision]]`: steps that run once for a release, before it starts.

use e2e::{Sidecar, SidecarBuilder};
use std::path::Path;
use tempfile::TempDir;

const FUNCTIONS: &str = r"<?php
    function items(): array { return AppServer\resource('main')->query('select name from items order by name')->fetchAll(PDO::FETCH_COLUMN); }
";

/// An application with a database in `folder`, and these steps.
fn app(folder: &Path, steps: &str) -> SidecarBuilder {
    let dsn = format!("sqlite:{}/shop.sqlite", folder.display());
    Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("schema.sql", "create table items (name text); insert into items values ('apple');")
        .file("broken.sql", "insert into items values ('half'); select * from nowhere;")
        .file("app.toml", &format!("[datasource.main]\ndsn = \"{dsn}\"\n{steps}"))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temp folder")
}

fn items(sidecar: &Sidecar) -> String {
    sidecar.php("echo implode(',', appserver_call('items'));").ok()
}

#[test]
fn a_schema_is_there_before_the_first_call_and_made_once() {
    let folder = folder();
    let mark = folder.path().join("mark");
    let steps = format!(
        "[[provision]]\nsql = \"schema.sql\"\ninto = \"main\"\n[[provision]]\n\
         run = [\"sh\", \"-c\", \"echo ran in $(basename $PWD) with $TMPDIR >> {}\"]\n",
        mark.display()
    );
    let mut sidecar = app(folder.path(), &steps).start();
    assert_eq!(items(&sidecar), "apple");
    sidecar.kill();
    sidecar.restart();
    assert_eq!(items(&sidecar), "apple");
    let marked = std::fs::read_to_string(mark).unwrap();
    assert_eq!(marked.lines().count(), 1, "{marked}");
    assert!(marked.contains("ran in app with /") && marked.contains("/provision"), "{marked}");
}

#[test]
fn a_step_that_fails_keeps_the_release_from_starting_and_undoes_those_before_it() {
    let folder = folder();
    let mark = |name: &str| folder.path().join(name);
    let step = |name: &str| {
        let file = mark(name);
        let (file, undo) = (file.display().to_string(), format!("{}.undone", file.display()));
        format!(
            "[[provision]]\nrun = [\"touch\", \"{file}\"]\nundo = [\"mv\", \"{file}\", \"{undo}\"]\n"
        )
    };
    let broken = "[[provision]]\nsql = \"broken.sql\"\ninto = \"main\"\n";
    let schema = "[[provision]]\nsql = \"schema.sql\"\ninto = \"main\"\n";
    let steps = [step("one").as_str(), schema, &step("two"), broken].concat();
    let (code, error) = app(folder.path(), &steps).fails_to_start();
    assert_eq!(code, Some(78), "{error}");
    for expected in [
        "provision step 4 (broken.sql into main): it ended with exit status: 65",
        "no such table: nowhere",
        "step 2 (schema.sql into main) stays, and is not run again: it declares no undo",
        "undone",
    ] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
    assert!(mark("one.undone").exists() && mark("two.undone").exists());
    assert!(!mark("one").exists() && !mark("two").exists());
}

#[test]
fn a_step_that_takes_too_long_is_killed() {
    let folder = folder();
    let steps = "[[provision]]\nrun = [\"sleep\", \"1000\"]\ntimeout_ms = 50\n";
    let (_, error) = app(folder.path(), steps).fails_to_start();
    assert!(error.contains("(timeout_ms)"), "{error}");
}

#[test]
fn a_step_that_makes_no_sense_is_told_with_its_line() {
    let folder = folder();
    for (step, expected) in [
        ("sql = \"schema.sql\"", "sql needs into"),
        (
            "sql = \"schema.sql\"\ninto = \"relative.sqlite\"",
            "neither a datasource nor an absolute path",
        ),
        ("sql = \"missing.sql\"\ninto = \"main\"", "there is no file \"missing.sql\""),
        ("timeout_ms = 5", "a step needs sql and into, or run"),
    ] {
        let (code, error) =
            app(folder.path(), &format!("[[provision]]\n{step}\n")).fails_to_start();
        assert_eq!(code, Some(78), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn steps_run_as_the_application_s_user_with_its_resources() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = folder();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let steps = format!(
        "[[provision]]\nsql = \"schema.sql\"\ninto = \"main\"\n[[provision]]\n\
         run = [\"sh\", \"-c\", \"id -u > {0}/id; cat $APPSERVER_RESOURCES > {0}/given; env > {0}/env\"]\n",
        folder.path().display()
    );
    let config =
        "[apps.app]\nfolder = \"apps/app\"\nuser = 64104\ngroup = 64104\nopen_basedir = false\n";
    let sidecar = app(folder.path(), &steps).config(config).folders_in_config().start();
    assert_eq!(items(&sidecar), "apple");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("id"), "64104\n");
    assert!(read("given").contains("shop.sqlite"));
    assert!(!read("env").contains("shop.sqlite"), "secrets stand in no environment");
    let owner = std::fs::metadata(folder.path().join("shop.sqlite")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&owner), 64104);
}
