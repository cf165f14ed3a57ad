//! Pools that an application names: executors and limits of their own, and who says so.

use e2e::{Deployer, Sidecar, eventually};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

const FUNCTIONS: &str = r"<?php
use AppServer\Pool;
function quick(): string { return 'quick'; }
#[Pool('reports')]
function report(string $until): string { while (!file_exists($until)) { usleep(2000); } return 'done'; }
#[Pool('reports')]
function endless(): void { while (true) { usleep(1000); } }
#[Pool('notes')]
function note(): int { static $notes = 0; return ++$notes; }
";

const APP: &str = "timeout_ms = 60000\n[executors]\nmin = 1\nmax = 2\n\
                   [pools.reports]\ntimeout_ms = 500\nexecutors.max = 1\n\
                   [pools.notes]\nisolation = \"resident\"\nexecutors.max = 1\n[pools.idle]\n";

fn sidecar(config: &str) -> Sidecar {
    Sidecar::builder().file("f.php", FUNCTIONS).file("app.toml", APP).config(config).start()
}

/// Of the pool `name`: most executors it may have.
fn executors_max(sidecar: &Sidecar, name: &str) -> Option<u64> {
    let status = sidecar.status();
    let pools = status["apps"][0]["pools"].as_array().expect("pools");
    pools.iter().find(|pool| pool["pool"] == name)?["executors_max"].as_u64()
}

#[test]
fn slow_functions_in_a_pool_of_their_own_keep_nobody_waiting() {
    let app = APP.replace("timeout_ms = 500", "timeout_ms = 0");
    let sidecar = Sidecar::builder().file("f.php", FUNCTIONS).file("app.toml", &app).start();
    let until = sidecar.app().join("until");
    let call = format!("appserver_async('report', '{}')", until.display());
    let script = format!(
        "$all = [{call}, {call}, {call}]; echo \"sent\\n\"; fgets(STDIN);
         foreach ($all as $one) {{ echo $one->await(); }}"
    );
    let mut reports = sidecar.spawn_php(&script);
    assert_eq!(reports.line(), "sent");
    let busy = || {
        let status = sidecar.status();
        let pools = status["apps"][0]["pools"].as_array().expect("pools").clone();
        let pool = pools.into_iter().find(|pool| pool["pool"] == "reports")?;
        let executors = pool["executors"].as_array()?;
        (executors.len() == 1 && executors[0]["state"] == "running").then_some(())
    };
    eventually("the only executor of the pool is busy", busy);
    assert_eq!(sidecar.php("echo appserver_call('quick');").ok(), "quick");
    std::fs::write(&until, "").expect("ours");
    reports.enter();
    assert_eq!(reports.finish().ok(), "donedonedone");
}

#[test]
fn a_pool_has_its_own_limits_and_isolation() {
    let sidecar = sidecar("");
    assert_eq!(executors_max(&sidecar, "default"), Some(2));
    assert_eq!(executors_max(&sidecar, "reports"), Some(1));
    assert_eq!(executors_max(&sidecar, "idle"), None, "it has no function");
    let late =
        "try { appserver_call('endless'); } catch (AppServer\\TimeoutException) { echo 'late'; }";
    assert_eq!(sidecar.php(late).ok(), "late");
    let notes = "appserver_call('note'); echo appserver_call('note');";
    assert_eq!(sidecar.php(notes).ok(), "2", "state lives on in a resident pool");
}

#[test]
fn the_administrator_s_word_holds_against_what_the_application_says_of_its_pools() {
    let folder = "[apps.app]\nfolder = \"apps/app\"\n";
    let start = |policy: &str| {
        Sidecar::builder()
            .file("f.php", FUNCTIONS)
            .file("app.toml", &APP.replace("executors.max = 1", "executors.max = 9"))
            .config(&format!("{folder}{policy}"))
            .folders_in_config()
            .start()
    };
    let whole = start("[apps.app.executors]\nmax = 3\n");
    assert_eq!(["default", "reports"].map(|pool| executors_max(&whole, pool)), [Some(3); 2]);
    let one = start("[apps.app.pools.reports.executors]\nmax = 4\n");
    let found = ["default", "reports", "notes"].map(|pool| executors_max(&one, pool));
    assert_eq!(found, [Some(2), Some(4), Some(9)]);
}

#[test]
fn a_pool_that_no_section_makes_is_refused_with_those_there_are() {
    let functions = "<?php #[AppServer\\Pool('report')] function f(): void {}";
    let sidecar = Sidecar::builder().file("f.php", functions).file("app.toml", APP);
    let (code, error) = sidecar.fails_to_start();
    assert_eq!(code, Some(78), "{error}");
    assert!(error.contains("no section [pools.report]; there are default, resident,"), "{error}");
}

/// The rows of `config explain` by key: value, layer, last part of the place, what a call may do.
fn explained(output: &str) -> impl Fn(&str) -> String + use<> {
    let told: Value = serde_json::from_str(output).expect("JSON");
    move |key| {
        let rows = told[0]["result"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["key"] == key);
        let row = row.unwrap_or_else(|| panic!("{key} in {told}"));
        let place = row["place"].as_str().map_or("", |place| file_name(place));
        let caller = row["caller"].as_str().unwrap_or_default();
        format!("{} {} {place} {caller}", row["value"], row["layer"].as_str().unwrap())
            .trim_end()
            .to_owned()
    }
}

fn file_name(place: &str) -> &str {
    Path::new(place).file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[test]
fn a_deployed_function_is_explained_by_the_worker_that_runs_it() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.builder().config("[apps.shop.executors]\ngrace_ms = 700\n").start();
    std::fs::write(deployer.path("app/app.toml"), APP).unwrap();
    let functions = "#[AppServer\\Timeout(1.5)]\nfunction quote(): int { return 1; }\n\
                     #[AppServer\\Pool('reports')]\nfunction report(): void {}";
    let deployed = deployer.deploy(&[&worker], functions, &[]);
    assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
    let ask = |function: &str| {
        deployer.run(&[&worker], &["config", "explain", "shop", function, "--json"])
    };
    let may = "a shorter one, by withTimeout() or appserver.timeout";
    let quote = explained(&ask("quote"));
    assert_eq!(quote("timeout_ms"), format!("1500 function #[Timeout] at functions.php:3 {may}"));
    assert_eq!(quote("pool"), "\"default\" default");
    assert_eq!(quote("executors.max"), "2 application app.toml:4");
    assert!(quote("executors.grace_ms").starts_with("700 administrator appserver.toml:"));
    let report = explained(&ask("report"));
    assert_eq!(report("timeout_ms"), format!("500 pool app.toml:6 {may}"));
    assert_eq!(report("pool"), "\"reports\" function #[Pool] at functions.php:5");
    assert_eq!(report("executors.max"), "1 pool app.toml:7");
    let near = Deployer::output(&[&worker], &["config", "explain", "shop", "qoute"]);
    assert_eq!(failure(&near), "shop exports no qoute(); did you mean quote?");
}

fn failure(output: &Output) -> String {
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.trim_end().rsplit(": ").next().unwrap_or_default().to_owned()
}
