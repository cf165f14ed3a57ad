//! `appserver dev`: a folder that is edited while it is served.

use e2e::{Artifacts, Dev, eventually};
use rustix::process::Signal;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn version(text: &str) -> String {
    format!("<?php\nfunction version(): string {{ return '{text}'; }}\n")
}

fn one() -> Dev {
    Dev::start(&[("functions.php", &version("one"))])
}

/// What a caller is told who misses a function.
fn missed(dev: &Dev) -> String {
    let script = "try { appserver_call('nothing'); }
        catch (AppServer\\UnknownFunctionException $e) { echo $e->getMessage(); }";
    dev.php(script).ok()
}

#[test]
fn a_save_is_served_however_the_editor_writes_it() {
    let dev = one();
    dev.gives("version", "one");
    dev.save("functions.php", &version("two"));
    dev.gives("version", "two");
    dev.replace("functions.php", &version("three"));
    dev.gives("version", "three");
    dev.save("more.php", "<?php\nfunction more(int $n = 1): string { return 'more'; }\n");
    dev.gives("more", "more");
    dev.says("  more(int $n = 1): string is new");
    dev.save("deep/down/late.php", "<?php\nreturn 'found';");
    dev.save("functions.php", "<?php\nfunction version() { return require 'deep/down/late.php'; }");
    dev.gives("version", "found");
    dev.save("deep/down/late.php", "<?php\nreturn 'again';");
    dev.gives("version", "again");
    fs::remove_file(dev.app().join("more.php")).expect("ours");
    dev.says("  breaking: more() is gone");
}

#[test]
fn classes_that_are_loaded_late_are_edited_too_and_never_newer_than_their_release() {
    let class = |text: &str| format!("<?php\nclass Late {{ const TEXT = '{text}'; }}\n");
    let functions = "<?php
        spl_autoload_register(fn ($name) => require __DIR__ . \"/src/$name.php\");
        function text(): string { return Late::TEXT; }
        function before_and_after(string $flag): string
        {
            touch($flag);
            while (is_file($flag)) { usleep(1000); clearstatcache(); }
            return Late::TEXT;
        }";
    let app_toml = "entry = [\"functions.php\"]\n";
    let old = class("old");
    let files = [("functions.php", functions), ("src/Late.php", &old), ("app.toml", app_toml)];
    let dev = Dev::start(&files);
    dev.gives("text", "old");
    let flag = dev.app().with_file_name("flag");
    let script = format!("echo appserver_call('before_and_after', {:?});", flag.display());
    let slow = dev.spawn_php(&script);
    eventually("the slow call runs", || flag.exists().then_some(()));
    dev.save("src/Late.php", &class("new"));
    dev.gives("text", "new");
    fs::remove_file(flag).expect("ours");
    assert_eq!(slow.finish().ok(), "old");
}

#[test]
fn what_does_not_load_changes_nothing_and_is_said_to_developer_and_callers() {
    let dev = one();
    dev.save("functions.php", &version("two"));
    dev.gives("version", "two");
    assert!(!missed(&dev).contains("load"), "{}", missed(&dev));
    dev.save("functions.php", "<?php\nfunction version( {\n");
    dev.says("appserver: release 2 keeps running");
    let place = format!("in {} on line 2", dev.app().join("functions.php").display());
    assert!(dev.output().contains("appserver: release 3 does not load: "), "{}", dev.output());
    assert_eq!(dev.output().matches(&place).count(), 1, "{}", dev.output());
    assert!(!dev.log().contains("syntax error"), "said once: {}", dev.log());
    dev.gives("version", "two");
    let told = missed(&dev);
    assert!(told.contains("nothing()") && told.contains(&place), "{told}");
    let told = dev.call("nothing");
    assert!(told.contains("\"nothing\"") && told.contains(&place), "{told}");
    dev.save("functions.php", &version("four"));
    dev.gives("version", "four");
    dev.says("appserver: release 4 serves 1 function, after ");
    assert!(!missed(&dev).contains("load"), "{}", missed(&dev));
}

#[test]
fn what_was_undone_is_served_again() {
    let dev = one();
    dev.save("functions.php", "<?php broken");
    dev.says("appserver: release 2 does not load: ");
    dev.save("functions.php", &version("one"));
    dev.says("appserver: release 3 serves 1 function, after ");
    for round in 2..5 {
        for text in ["two", "one"] {
            dev.save("functions.php", &version(text));
            dev.gives("version", text);
        }
        dev.says(&format!("appserver: release {} serves", 2 * round + 1));
    }
}

#[test]
fn a_first_state_that_does_not_load_waits_for_one_that_does() {
    let dev = Dev::start(&[("functions.php", "<?php\nfunction version( {\n")]);
    let script =
        "try { appserver_call('version'); } catch (Throwable $e) { echo $e->getMessage(); }";
    let told = dev.php(script).ok();
    assert!(told.contains("syntax error") && told.contains("line 2"), "{told}");
    dev.save("functions.php", &version("two"));
    dev.gives("version", "two");
}

#[test]
fn a_state_that_never_gets_ready_is_replaced_by_the_next_and_a_wrong_app_toml_is_named() {
    let dev = one();
    dev.save("functions.php", "<?php\nwhile (true) { usleep(1000); }\n");
    let snapshots = dev.runtime().join("tmp/dev/apps/app/releases");
    eventually("it is on its way", || snapshots.join("2/root").exists().then_some(()));
    dev.save("functions.php", &version("three"));
    dev.gives("version", "three");
    // Empty, as a new file is at first, it would be another release.
    dev.replace("app.toml", "nmae = \"app\"\n");
    let line = format!("{}:1", dev.app().join("app.toml").display());
    dev.says("appserver: release 3 keeps running");
    assert!(dev.output().contains(&line), "{}", dev.output());
}

#[test]
fn calls_go_on_without_a_failure_while_files_change() {
    let dev = one();
    let mut caller = dev.spawn_php(
        "echo 'ready', PHP_EOL; $seen = [];
        while (($seen[appserver_call('version')] ??= true) && !isset($seen['last'])) {}
        echo count($seen), PHP_EOL;",
    );
    assert_eq!(caller.line(), "ready");
    for change in (1..20).step_by(2) {
        dev.save("functions.php", &version(&format!("v{change}")));
        // Follows closely: it may be looked at in the middle of this, when it has to be whole.
        dev.replace("functions.php", &version(&format!("v{}", change + 1)));
        dev.gives("version", &format!("v{}", change + 1));
    }
    dev.save("functions.php", &version("last"));
    let output = caller.finish();
    let seen: u32 = output.ok().trim().parse().expect("a number");
    assert!(seen >= 2, "{seen}");
    let snapshots = dev.runtime().join("tmp/dev/apps/app/releases");
    eventually("old snapshots go", || {
        (fs::read_dir(&snapshots).expect("ours").count() <= 2).then_some(())
    });
}

#[test]
fn what_is_ignored_is_not_served_and_makes_no_release() {
    let dev = Dev::start(&[
        ("functions.php", "<?php\nfunction here(): bool { return is_dir(__DIR__ . '/cache'); }\n"),
        ("cache/a", ""),
        (".appserverignore", "cache\n*.log\n"),
    ]);
    assert_eq!(dev.php("var_dump(appserver_call('here'));").ok(), "bool(false)\n");
    dev.save("cache/b", "");
    dev.save("debug.log", "text");
    dev.save("seen.txt", "");
    dev.says("appserver: release 2 serves");
    assert!(!dev.runtime().join("tmp/dev/apps/app/releases/2/root/debug.log").exists());
}

#[test]
fn it_ends_as_serve_does_and_leaves_nothing() {
    let mut dev = one();
    dev.gives("version", "one");
    assert_eq!(dev.interrupt(), Some(0));
    assert!(!dev.runtime().join("tmp").exists());
    assert!(!dev.runtime().join("apps").exists(), "nothing was deployed");
}

#[test]
fn jobs_of_one_that_was_told_nothing_go_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("app")).expect("ours");
    fs::write(place("app/functions.php"), version("one")).expect("ours");
    let mut command = Command::new(&Artifacts::find().appserver);
    command.arg("dev").arg(place("app"));
    command.arg("--listen").arg(format!("unix:{}", place("dev.sock").display()));
    // Where users who are not root have theirs.
    command.env("XDG_RUNTIME_DIR", place("run")).env("XDG_STATE_HOME", place("state"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    fs::create_dir(place("run")).expect("ours");
    let mut dev = command.spawn().expect("appserver runs");
    let said = BufReader::new(dev.stdout.take().expect("piped")).lines();
    let said: Vec<String> = said
        .map(|line| line.expect("text"))
        .take_while(|line| !line.starts_with("appserver: ready at "))
        .collect();
    let kept = said.iter().find_map(|line| line.strip_prefix("appserver: jobs are kept in "));
    let kept = kept.and_then(|line| line.strip_suffix(" until this ends"));
    let is_there = kept.is_some_and(|kept| Path::new(kept).join("jobs.db").is_file());
    e2e::send_signal(dev.id(), Signal::TERM);
    assert!(dev.wait().expect("a child of ours").success());
    let kept = Path::new(kept.unwrap_or_else(|| panic!("it does not say where: {said:?}")));
    assert!(is_there, "no jobs in {}", kept.display());
    assert!(!kept.exists() && !place("state").exists(), "it left something");
}
