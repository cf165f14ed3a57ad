//! What a kept result costs its caller, against APCu in the same process, and symfony/cache over it.

use crate::report::Report;
use crate::sidecar::Sidecar;
use crate::verdict::Line;
use crate::workspace::{Workspace, need_php_extension, need_php_library};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// In nanoseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cache {
    pub(crate) shapes: Vec<Kept>,
    /// A call whose result is not kept, and one whose result is kept anew each time.
    pub(crate) plain_ns: f64,
    pub(crate) miss_ns: f64,
}

/// A value, and what getting it takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) ours_ns: f64,
    pub(crate) apcu_ns: f64,
    /// `None` where it is not installed.
    #[serde(default)]
    pub(crate) symfony_ns: Option<f64>,
}

pub(crate) fn measure(workspace: &Workspace, report: &mut Report) {
    eprintln!("measuring the cache of results");
    let symfony = need_php_library("Symfony/Component/Cache/autoload.php", "php-symfony-cache");
    let symfony = symfony.inspect_err(|error| report.skip("symfony/cache", error)).ok();
    match cache(workspace, symfony.as_deref()) {
        Ok(cache) => report.cache = Some(cache),
        Err(error) => report.skip("cache", &error),
    }
}

fn cache(workspace: &Workspace, symfony: Option<&Path>) -> Result<Cache> {
    need_php_extension("apcu", "php-apcu")?;
    let sidecar = Sidecar::start(workspace, "cache")?;
    let mut client = workspace.php_with_extension(&sidecar.address, "cache.php")?;
    // Before the script's name.
    client = with_settings(
        &client,
        &[
            "apc.enable_cli=1",
            "apc.shm_size=256M",
            "appserver.cache_values=immutable",
            "appserver.cache_size=256M",
        ],
    );
    let output = client.args(symfony).output().context("PHP cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}{text}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).with_context(|| format!("cache.php said {text:?}"))
}

/// The same command with settings of PHP before its arguments.
fn with_settings(command: &std::process::Command, settings: &[&str]) -> std::process::Command {
    let mut with = std::process::Command::new(command.get_program());
    for setting in settings {
        with.args(["-d", setting]);
    }
    with.args(command.get_args());
    with
}

pub(crate) fn compare(report: &Report) -> Vec<Line> {
    let of =
        |name: &str| report.cache.as_ref()?.shapes.iter().find(|kept| kept.name == name).cloned();
    let (small, large) = (of("small array"), of("10,000 rows"));
    let share = |kept: &Option<Kept>| kept.as_ref().map(|kept| kept.ours_ns / kept.apcu_ns);
    let symfony = small.as_ref().and_then(|kept| Some(kept.symfony_ns? / kept.ours_ns));
    let faster = large.as_ref().map(|kept| kept.apcu_ns / kept.ours_ns);
    let miss = report.cache.as_ref().map(|cache| (cache.miss_ns - cache.plain_ns) / 1000.0);
    vec![
        Line::at_most("kept, small array: ours / apcu_fetch", share(&small)).needed(1.0),
        Line::at_least("kept, small array: symfony/cache / ours", symfony).aim(1.0),
        Line::at_most("kept, 10,000 rows: µs", large.map(|kept| kept.ours_ns / 1000.0)).needed(0.5),
        Line::at_least("kept, 10,000 rows: apcu_fetch / ours", faster).needed(1000.0),
        Line::at_most("a miss beyond the plain call, µs", miss).needed(1.0),
    ]
}
