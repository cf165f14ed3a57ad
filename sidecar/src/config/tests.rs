//! What holds between the tables of keys and the structs, and what mistakes are told like.

use super::document::Document;
use super::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn app(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::Builder::new().prefix("Shop-").tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn app_error(toml: &str) -> String {
    let folder = app(&[("a.php", "<?php"), ("app.toml", toml)]);
    let error = load_application(folder.path(), &Apps::default()).unwrap_err().to_string();
    let file = folder.path().canonicalize().unwrap().join("app.toml");
    error.replace(&file.display().to_string(), "app.toml")
}

fn daemon(toml: &str) -> Result<Daemon, String> {
    let folder = app(&[("appserver.toml", toml)]);
    let file = folder.path().join("appserver.toml");
    load_daemon(Some(&file))
        .map_err(|error| error.to_string().replace(&file.display().to_string(), "appserver.toml"))
}

/// Dotted names and values of everything that is set by default.
fn defaults(config: impl Serialize) -> BTreeMap<String, toml::Value> {
    fn add(prefix: &str, value: &toml::Value, found: &mut BTreeMap<String, toml::Value>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let name =
                        if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    add(&name, value, found);
                }
            }
            value => drop(found.insert(prefix.to_owned(), value.clone())),
        }
    }
    let mut found = BTreeMap::new();
    add("", &toml::Value::try_from(config).unwrap(), &mut found);
    found
}

fn table_holds(keys: &[Key], config: impl Serialize) {
    let defaults = defaults(config);
    for key in keys.iter().filter(|key| !key.default.is_empty() && !key.name.contains(['[', '*'])) {
        let written: toml::Table = toml::from_str(&format!("value = {}", key.default)).unwrap();
        assert_eq!(defaults.get(key.name), Some(&written["value"]), "{}", key.name);
    }
    for name in defaults.keys() {
        let array = format!("{name}[].");
        let known = keys.iter().any(|key| key.name == name || key.name.starts_with(&array));
        assert!(known, "{name} is missing in the table of keys");
    }
    assert!(keys.iter().all(|key| key.doc.ends_with('.')), "a doc is a sentence");
}

#[test]
fn the_tables_say_what_the_structs_do() {
    table_holds(daemon::KEYS, Daemon::default());
    table_holds(application::KEYS, Application::default());
}

#[test]
fn every_key_of_the_tables_is_read() {
    for (keys, is_app) in [(daemon::KEYS, false), (application::KEYS, true)] {
        for key in keys.iter().filter(|key| !key.name.contains("[]") && !key.name.contains('*')) {
            // Nothing takes a date, so it is refused for its type, not for its name.
            let text = format!("{} = 2020-02-02", key.name);
            let document = Document::parse(Path::new("x.toml"), text, keys).unwrap();
            let error = match is_app {
                true => document.values::<Application>().unwrap_err(),
                false => document.values::<Daemon>().unwrap_err(),
            };
            assert!(!error.to_string().contains("unknown"), "{}: {error}", key.name);
        }
    }
}

#[test]
fn without_app_toml_every_php_file_at_the_top_is_an_entry() {
    let folder = app(&[("b.php", ""), ("a.php", ""), ("sub/c.php", ""), ("notes.txt", "")]);
    let config = load_application(folder.path(), &Apps::default()).unwrap().config;
    assert_eq!(config.entry, ["a.php", "b.php"]);
    assert!(config.name.as_str().starts_with("shop-"), "{}", config.name);
}

#[test]
fn a_folder_without_php_says_what_to_do() {
    let folder = app(&[("notes.txt", "")]);
    let error = load_application(folder.path(), &Apps::default()).unwrap_err().to_string();
    assert!(error.contains("no *.php") && error.contains("entry"), "{error}");
}

#[test]
fn unknown_keys_are_told_with_file_line_and_the_nearest_known_one() {
    assert_eq!(
        app_error("name = \"shop\"\n\n[executers]\nmax = 3\n"),
        "app.toml:3: unknown key \"executers\"; did you mean \"executors\"?"
    );
    assert_eq!(
        app_error("[executors]\nmaxx = 3\n"),
        "app.toml:2: unknown key \"executors.maxx\"; did you mean \"executors.max\"?"
    );
    assert_eq!(
        daemon("[[membership.workers]]\naddress = \"unix:/a\"\nwieght = 2").unwrap_err(),
        "appserver.toml:3: unknown key \"membership.workers[].wieght\"; did you mean \
         \"membership.workers[].weight\"?"
    );
    let error = app_error("zzzzzzzz = 1");
    assert!(error.contains("known here: name, entry, bootstrap"), "{error}");
}

#[test]
fn wrong_types_and_syntax_are_told_with_file_and_line() {
    let error = app_error("name = \"shop\"\n[executors]\nmax = \"many\"\n");
    assert_eq!(
        error,
        "app.toml:3: executors.max: write a whole number, e.g. 8; this is string \"many\""
    );
    let error = daemon("[limits]\nframe_bytes_max = \"64M\"").unwrap_err();
    assert_eq!(
        error,
        "appserver.toml:2: limits.frame_bytes_max: write bytes as a whole number, e.g. 67108864; \
         this is string \"64M\""
    );
    let error = app_error("name = \"shop\"\nexecutors = 3\n");
    assert_eq!(error, "app.toml:2: executors: must be a table, [executors]");
    assert!(app_error("name = \"shop\"\nname = ").starts_with("app.toml:2: "));
}

#[test]
fn rules_between_keys_are_told_with_their_line() {
    let error = app_error("[executors]\nmin = 5\nmax = 3\n");
    assert_eq!(error, "app.toml:3: executors.max: executors.min is 5 and executors.max 3");
    let error = app_error("entry = [\"../secrets.php\"]");
    assert!(error.starts_with("app.toml:1: entry: \"../secrets.php\" must be relative"), "{error}");
    let error = daemon("[limits]\nframe_bytes_max = 0").unwrap_err();
    assert_eq!(error, "appserver.toml:2: limits.frame_bytes_max: must be at least 1");
    let error = daemon("[tls]\ncertificate = \"a.pem\"").unwrap_err();
    assert_eq!(error, "appserver.toml:2: tls.certificate: needs tls.key as well");
}

#[test]
fn a_key_of_the_top_below_a_section_is_told_where_it_belongs() {
    let error = daemon("[limits]\nvalue_depth_max = 9\nlisten = []").unwrap_err();
    assert_eq!(
        error,
        "appserver.toml:3: unknown key \"limits.listen\"; \"listen\" belongs above the first [section]"
    );
}

#[test]
fn values_that_cannot_hold_are_refused_with_their_line() {
    for (toml, expected) in [
        ("[log]\nlevel = \"loud\"", ":2: log.level: \"loud\" is no level: write error, warn"),
        ("listen = [\"tcp:a:1\", \"tcp:a:1\"]", ":1: listen: tcp:a:1 is given twice"),
        ("[limits]\nframe_bytes_max = 1", ":2: limits.frame_bytes_max: must be at least 4096"),
        ("[jobs]\nattempts = 0", ":2: jobs.attempts: must be at least 1"),
        (
            "[jobs]\nbackoff_ms = 9\nbackoff_max_ms = 8",
            ":3: jobs.backoff_max_ms: the first pause is 9 ms and the longest 8 ms",
        ),
        (
            "[jobs]\nbackoff_jitter_percent = 101",
            ":2: jobs.backoff_jitter_percent: must be from 0 to 100",
        ),
        (
            "[apps.shop.queues.mails]\nrate = \"often\"",
            ":2: apps.shop.queues.mails.rate: \"often\" is no rate: those are a count and a time",
        ),
        ("[apps.shop.queues.\"a b\"]", ":1: apps.shop.queues.a b: \"a b\" cannot name a queue"),
        (
            "[membership]\nworkers = [{ address = \"unix:/a\" }, { address = \"unix:/a\" }]",
            ":2: membership.workers: unix:/a is given twice",
        ),
    ] {
        let error = daemon(toml).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(
        daemon("listen = [\"tcp:a:0\", \"tcp:a:0\"]").is_ok(),
        "two ports of the system's choice"
    );
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let config = daemon("runtime_dir = \"run\"\nstate_dir = \"state\"").unwrap();
    for folder in [config.runtime_dir, config.state_dir] {
        assert!(folder.is_some_and(|folder| folder.is_absolute()));
    }
}

#[test]
fn settings_of_php_may_be_written_as_numbers_and_truth_values() {
    let toml =
        "[ini]\nmemory_limit = \"64M\"\nprecision = 17\nhtml_errors = false\n[env]\nA = true";
    let folder = app(&[("a.php", ""), ("app.toml", toml)]);
    let config = load_application(folder.path(), &Apps::default()).unwrap().config;
    let ini: Vec<(&str, &str)> =
        config.ini.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(ini, [("html_errors", "0"), ("memory_limit", "64M"), ("precision", "17")]);
    assert_eq!(config.env["A"], "1");
}

#[test]
fn the_list_of_workers_has_an_epoch_of_its_own_accord() {
    let text = "[[membership.workers]]\naddress = \"tls:10.0.0.7:25887\"\n";
    let membership = daemon(text).unwrap().membership;
    assert!(membership.epoch > 0);
    assert_eq!(membership.workers[0].weight, 1);
    let named = daemon(&format!("[membership]\nepoch = 7\n{text}")).unwrap().membership;
    assert_eq!(named.epoch, 7);
}

#[test]
fn the_administrator_goes_before_the_application() {
    let folder = app(&[
        ("a.php", ""),
        ("app.toml", "timeout_ms = 5\n[executors]\nmin = 4\nmax = 8\n[env]\nA = 1\nB = 1"),
    ]);
    let text = format!(
        "[apps.shop]\nfolder = {:?}\ntimeout_ms = 7\n[apps.shop.executors]\nmax = 2\n[apps.shop.env]\nB = 2",
        folder.path().display().to_string()
    );
    let daemon = daemon(&text).unwrap();
    let deployment = load_application(folder.path(), &Apps::default()).unwrap();
    assert_eq!(deployment.config.timeout_ms, 5);
    let worker = app(&[("appserver.toml", text.as_str())]);
    let config = Some(worker.path().join("appserver.toml"));
    let options = crate::serve::Options { config, ..Default::default() };
    let shop = load(&options).unwrap().deployments.remove(0);
    assert_eq!(shop.config.name.as_str(), "shop");
    assert_eq!(shop.config.timeout_ms, 7);
    assert_eq!((shop.config.executors.min, shop.config.executors.max), (2, 2));
    assert_eq!((shop.config.env["A"].as_str(), shop.config.env["B"].as_str()), ("1", "2"));
    let line = |name: &str| daemon.apps.origins.nearest(name, 2).map(|origin| origin.line);
    assert_eq!(line("apps.shop.timeout_ms"), Some(3));
    assert_eq!(line("apps.shop.executors.min"), None);
}

#[test]
fn what_is_the_administrator_s_is_refused_in_an_app_toml() {
    for (toml, key) in [
        ("user = \"root\"", "user"),
        ("[cgroup]\ncpu_weight = 1", "cgroup"),
        ("[datasource.main]\npassword_env = \"X\"", "datasource.main.password_env"),
    ] {
        let error = app_error(toml);
        let expected = format!("unknown key \"{key}\"; only the worker's administrator");
        assert!(error.contains(&expected), "{error}");
    }
    let error = app_error("[ini]\nopen_basedir = \"/\"");
    assert!(error.starts_with("app.toml:2: ini.open_basedir: only the worker's"), "{error}");
}

#[test]
fn settings_may_be_written_as_tables_or_dotted() {
    let toml = "[settings]\nfeature.a = 0.25\n\"feature.b\" = [1]\n[settings.feature.c]\nd = true";
    let folder = app(&[("a.php", ""), ("app.toml", toml)]);
    let config = load_application(folder.path(), &Apps::default()).unwrap().config;
    let settings = serde_json::to_string(&config.settings).unwrap();
    assert_eq!(settings, r#"{"feature.a":0.25,"feature.b":[1],"feature.c.d":true}"#);
}

#[test]
fn two_applications_cannot_have_one_name() {
    let first = app(&[("a.php", ""), ("app.toml", "name = \"shop\"")]);
    let second = app(&[("a.php", ""), ("app.toml", "name = \"shop\"")]);
    let apps = vec![first.path().to_owned(), second.path().to_owned()];
    let options = crate::serve::Options { apps, ..Default::default() };
    let error = load(&options).unwrap_err().to_string();
    assert!(error.contains("both named \"shop\""), "{error}");
}

#[test]
fn without_an_application_and_a_way_to_deploy_one_it_says_how_to_name_one() {
    assert!(load(&crate::serve::Options::default()).is_ok());
    let folder = app(&[("appserver.toml", "control.listen = []")]);
    let config = Some(folder.path().join("appserver.toml"));
    let options = crate::serve::Options { config, ..Default::default() };
    let error = load(&options).unwrap_err().to_string();
    assert!(error.contains("--app DIR"), "{error}");
}

#[test]
fn control_goes_over_tls_to_an_address_of_its_own() {
    let error = daemon("[control]\nlisten = [\"tcp:127.0.0.1:1\"]").unwrap_err();
    assert!(error.contains("appserver.toml:2: control.listen: ") && error.contains("use tls:"));
    let error = daemon("listen = [\"unix:/a\"]\ncontrol.listen = [\"unix:/a\"]").unwrap_err();
    assert!(error.contains("unix:/a is given twice"), "{error}");
    let error = daemon("[control]\nmode = \"rw\"").unwrap_err();
    assert!(error.contains("control.mode: must be octal"), "{error}");
}
