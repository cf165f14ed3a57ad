//! Proxies: an application whose functions were moved away goes on as before.

use e2e::{Artifacts, PATIENCE_S, Sidecar};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const SHOP: &str = include_str!("proxies/shop.php");
const VALUES: &str = include_str!("proxies/values.php");
const PLAIN: &str = include_str!("proxies/plain.php");

/// A worker with the functions, and a folder for what callers have.
struct Moved {
    sidecar: Sidecar,
    folder: TempDir,
}

impl Moved {
    fn new() -> Self {
        let sidecar = Sidecar::builder()
            .file("app.toml", "name = \"shop\"\n")
            .file("shop.php", SHOP)
            .file("values.php", VALUES)
            .file("plain.php", PLAIN)
            .start();
        Self { sidecar, folder: tempfile::tempdir().expect("a temp folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn generate(&self, options: &[&str]) -> Output {
        let mut command = Command::new(Artifacts::find().appserver);
        command.args(["proxy", "generate", "--app", "shop", "--workers"]);
        command.arg(self.sidecar.address()).args(["--connect-timeout", &PATIENCE_S.to_string()]);
        let options = command.args(options);
        options.current_dir(self.folder.path()).output().expect("appserver runs")
    }

    /// Proxies of everything as a file.
    fn remote(&self) -> PathBuf {
        let path = self.path("remote.php");
        succeeded(&self.generate(&["-o", "remote.php"]));
        path
    }

    /// What `script` prints after the files were loaded.
    fn run(&self, files: &[&Path], script: &str) -> String {
        let files = files.iter().map(|file| format!("require '{}';", file.display()));
        let code = files.chain([format!("require '{}';", fixture(script).display())]);
        self.sidecar.php(&code.collect::<String>()).ok()
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proxies").join(name)
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Line by line, so that a difference can be read.
#[track_caller]
fn assert_same(originals: &str, proxies: &str) {
    for (original, proxy) in originals.lines().zip(proxies.lines()) {
        assert_eq!(proxy, original);
    }
    assert_eq!(proxies.lines().count(), originals.lines().count());
    assert!(originals.lines().count() > 100, "{originals}");
}

#[test]
fn calls_of_proxies_give_what_the_originals_give() {
    let moved = Moved::new();
    let [shop, values, plain] = ["shop.php", "values.php", "plain.php"].map(fixture);
    let originals = moved.run(&[&values, &shop, &plain], "calls.php");
    let remote = moved.remote();
    let proxies = moved.run(&[&values, &remote], "calls.php");
    assert_same(&originals, &proxies);
    let calls = &moved.sidecar.status()["apps"][0]["functions"];
    let quote =
        calls.as_array().expect("functions").iter().find(|f| f["function"] == "Shop\\quote");
    assert!(quote.expect("quote")["calls"].as_u64() >= Some(8), "they ran elsewhere: {calls}");
}

#[test]
fn reflection_sees_no_difference() {
    let moved = Moved::new();
    let [shop, values, plain] = ["shop.php", "values.php", "plain.php"].map(fixture);
    let originals = moved.run(&[&values, &shop, &plain], "describe.php");
    let remote = moved.remote();
    let proxies = moved.run(&[&values, &remote], "describe.php");
    assert_same(&originals, &proxies);
}

/// The code as a reader meets it. `APPSERVER_WRITE_GOLDEN=1` writes it anew.
#[test]
fn the_code_is_what_was_agreed_on() {
    let written = succeeded(&Moved::new().generate(&[]));
    let golden = fixture("remote.php");
    if std::env::var_os("APPSERVER_WRITE_GOLDEN").is_some() {
        std::fs::write(&golden, &written).expect("the golden file can be written");
    }
    assert_eq!(written, std::fs::read_to_string(golden).expect("a golden file"));
}

#[test]
fn the_same_release_gives_the_same_bytes() {
    let mut moved = Moved::new();
    let first = succeeded(&moved.generate(&[]));
    assert_eq!(std::fs::read_to_string(moved.remote()).expect("written"), first);
    succeeded(&moved.generate(&["--composer", "package"]));
    moved.sidecar.kill();
    moved.sidecar.restart();
    assert_eq!(succeeded(&moved.generate(&[])), first);
    succeeded(&moved.generate(&["--check", "remote.php"]));
    succeeded(&moved.generate(&["--check", "package"]));
}

#[test]
fn what_is_out_of_date_fails_a_check_and_is_replaced() {
    let moved = Moved::new();
    let remote = moved.remote();
    std::fs::write(&remote, "<?php\n").expect("the folder is ours");
    for path in ["remote.php", "nowhere.php"] {
        let checked = moved.generate(&["--check", path]);
        assert_eq!(checked.status.code(), Some(1));
        assert!(stderr(&checked).contains(&format!("out of date: {path}")), "{}", stderr(&checked));
    }
    assert!(!moved.path("nowhere.php").exists(), "a check writes nothing");
    moved.remote();
    succeeded(&moved.generate(&["--check", "remote.php"]));

    succeeded(&moved.generate(&["--composer", "package"]));
    let class = moved.path("package/classes/Shop/Rates.php");
    let gone = moved.path("package/classes/Shop/Gone.php");
    std::fs::copy(&class, &gone).expect("the folder is ours");
    let foreign = moved.path("package/classes/mine.php");
    std::fs::write(&foreign, "<?php\n").expect("the folder is ours");
    assert!(stderr(&moved.generate(&["--check", "package"])).contains("Gone.php"));
    succeeded(&moved.generate(&["--composer", "package"]));
    succeeded(&moved.generate(&["--check", "package"]));
    assert!(!gone.exists() && foreign.exists() && class.exists());
    let left = std::fs::read_dir(moved.folder.path()).expect("ours").count();
    assert_eq!(left, 2, "nothing is left beside the file and the package");
}

#[test]
fn what_cannot_be_a_proxy_is_refused_with_the_reason() {
    let moved = Moved::new();
    let generated = moved.generate(&[]);
    let (code, said) = (succeeded(&generated), stderr(&generated));
    for reason in [
        "Shop\\by_ref(): its proxy throws: $n is by reference",
        "Shop\\untyped(): its proxy throws: $rest is by reference",
        "Shop\\gives_ref(): its proxy throws: it returns by reference",
        "Shop\\counts(): its proxy throws: it is a generator",
        "Shop\\endless(): its proxy throws: it is a generator",
        "Shop\\makes_closure(): its proxy throws: it returns a closure",
        "Shop\\Rates::by_ref(): its proxy throws: $x is by reference",
        "class Shop\\Values\\Size: it has no proxy: it is an enum",
        "class Shop\\Values\\Money: it has no proxy: its objects have a property $cents",
    ] {
        assert!(said.contains(reason), "{reason}\n{said}");
        let comment = reason.replace(": its proxy throws", ", throws");
        let comment = comment.replace(": it has no proxy", ", left out");
        assert!(code.contains(&format!("//   {comment}")), "{comment}\n{code}");
    }
    let remote = moved.remote();
    let caught = moved.sidecar.php(&format!(
        "require '{}';\n\
         $x = 1;\n\
         foreach ([fn () => Shop\\by_ref($x), fn () => Shop\\counts(1), fn () => Shop\\gives_ref()] as $call) {{\n\
             try {{ $call(); }} catch (AppServer\\NotCallableException $e) {{ echo $e->getMessage(), \"\\n\"; }}\n\
         }}",
        remote.display()
    ));
    let caught = caught.ok();
    assert!(caught.starts_with("Shop\\by_ref() cannot be called remotely: $n is by reference"));
    assert_eq!(caught.lines().count(), 3, "{caught}");

    let strict = moved.generate(&["--strict", "-o", "strict.php"]);
    assert_eq!(strict.status.code(), Some(1));
    assert!(!moved.path("strict.php").exists());
    let sound = ["--strict", "--only", "Shop\\q*", "--only", "shop_*", "-o", "strict.php"];
    succeeded(&moved.generate(&sound));
    let kept = succeeded(&moved.generate(&["--except", "Shop\\by_ref"]));
    assert!(!kept.contains("function by_ref(int &$n)") && kept.contains("function quote("));
    let nothing = moved.generate(&["--only", "nowhere*"]);
    assert_eq!(nothing.status.code(), Some(66), "{}", stderr(&nothing));
}

#[test]
fn a_composer_package_is_found_by_autoload() {
    let moved = Moved::new();
    succeeded(&moved.generate(&["--composer", "packages/shop"]));
    let project = moved.path("composer.json");
    let manifest = r#"{
        "repositories": [{ "packagist.org": false }, { "type": "path", "url": "packages/*" }],
        "require": { "appserver/shop": "*@dev" }
    }"#;
    std::fs::write(&project, manifest).expect("the folder is ours");
    let mut composer = Command::new("composer");
    composer.args(["install", "--no-interaction", "--ignore-platform-req=ext-appserver"]);
    composer.env("COMPOSER_HOME", moved.path("home")).env("COMPOSER_ALLOW_SUPERUSER", "1");
    let installed = composer.current_dir(moved.folder.path()).output();
    succeeded(&installed.expect("composer is installed (make setup)"));
    let [shop, values, plain] = ["shop.php", "values.php", "plain.php"].map(fixture);
    let autoload = moved.path("vendor/autoload.php");
    let originals = moved.run(&[&values, &shop, &plain], "calls.php");
    let proxies = moved.run(&[&autoload, &values], "calls.php");
    assert_same(&originals, &proxies);

    let refused = moved.generate(&["--composer", "."]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("belongs to another package"), "{}", stderr(&refused));
    assert_eq!(std::fs::read_to_string(&project).expect("still there"), manifest);
}
