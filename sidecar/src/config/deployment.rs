//! An application's folder, and what holds for it: its `app.toml` with what the administrator says put in.

use super::application::{self, Application};
use super::document::Document;
use super::merge::merge;
use super::pools::{self, Pool};
use super::queues::Queues;
use super::{Apps, ConfigError, Origins, Policy, functions, queues, settings};
use protocol::AppName;
use serde::Serialize;
use std::path::{Component, Path, PathBuf};

/// An application's folder and what holds for it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Deployment {
    /// Real path.
    pub(crate) root: PathBuf,
    /// With what the administrator says put in.
    pub(crate) config: Application,
    /// Limits of queues as the `app.toml` alone says them: what the administrator says can change.
    #[serde(skip)]
    pub(crate) own_queues: Queues,
    /// Every pool of it.
    pub(crate) pools: Vec<Pool>,
    /// What is the administrator's alone.
    #[serde(skip)]
    pub(crate) policy: Policy,
    /// Where the `app.toml` says it.
    #[serde(skip)]
    pub(crate) origins: Origins,
    /// What the command line of the worker bounds `executors.max` of its pools to.
    #[serde(skip)]
    pub(crate) executors_max: Option<u16>,
}

impl Deployment {
    /// Rights that files made by its code do not get.
    pub(crate) fn umask(&self) -> u32 {
        let given = self.policy.umask.as_ref();
        given.and_then(|text| u32::from_str_radix(text, 8).ok()).unwrap_or(0o027)
    }
}

/// An application that has a section of its own, which names it.
pub(super) fn load_named(
    name: &AppName,
    folder: &Path,
    apps: &Apps,
) -> Result<Deployment, ConfigError> {
    let deployment = load_folder(folder, Some(name), apps)?;
    if deployment.config.name != *name {
        return Err(ConfigError::new(format!(
            "apps.{name}.folder: the app.toml in {} names the application \"{}\"; use one name",
            deployment.root.display(),
            deployment.config.name
        )));
    }
    Ok(deployment)
}

/// The configuration of the application in a folder, with all defaults if that has no `app.toml`.
pub(super) fn load_application(folder: &Path, apps: &Apps) -> Result<Deployment, ConfigError> {
    load_folder(folder, None, apps)
}

fn load_folder(
    folder: &Path,
    name: Option<&AppName>,
    apps: &Apps,
) -> Result<Deployment, ConfigError> {
    let root = folder.canonicalize().map_err(|error| {
        ConfigError::new(format!("the application's folder {}: {error}", folder.display()))
    })?;
    if !root.is_dir() {
        return Err(ConfigError::new(format!("{} is no folder", root.display())));
    }
    let file = root.join("app.toml");
    let text = if file.exists() { None } else { Some(String::new()) };
    let document = match text {
        None => Document::read(&file, application::KEYS)?,
        Some(empty) => Document::parse(&file, empty, application::KEYS)?,
    };
    let mut config: Application = document.values()?;
    if config.name.is_any() {
        config.name = name.map_or_else(|| name_of(&root), |name| Ok(name.clone()))?;
    }
    if config.entry.is_empty() {
        config.entry = php_files(&root)?;
    }
    let policy = apps.policy(name.unwrap_or(&config.name));
    pools::check(&config).map_err(|(key, message)| document.error(&key, message))?;
    queues::check(&config.queues).map_err(|(key, message)| document.error(&key, message))?;
    functions::check(&config.functions).map_err(|(key, message)| document.error(&key, message))?;
    let own_queues = config.queues.clone();
    let mut pools = merge(&mut config, &policy, &document)?;
    if let Some(max) = apps.executors_max {
        config.executors.bound(max);
        pools.iter_mut().for_each(|pool| pool.executors.bound(max));
    }
    check_application(&document, &root, &config)?;
    let origins = document.origins();
    Ok(Deployment {
        root,
        config,
        own_queues,
        pools,
        policy,
        origins,
        executors_max: apps.executors_max,
    })
}

/// A release of the application `name` in a folder of its own, whatever its `app.toml` calls it.
pub(crate) fn load_release(
    folder: &Path,
    name: &AppName,
    apps: &Apps,
) -> Result<Deployment, ConfigError> {
    let mut deployment = load_folder(folder, Some(name), apps)?;
    deployment.config.name = name.clone();
    Ok(deployment)
}

fn check_application(
    document: &Document,
    root: &Path,
    config: &Application,
) -> Result<(), ConfigError> {
    for file in &config.entry {
        check_file(root, file).map_err(|message| document.error("entry", message))?;
    }
    if let Some(file) = &config.bootstrap {
        check_file(root, file).map_err(|message| document.error("bootstrap", message))?;
    }
    let executors = &config.executors;
    if executors.min == 0 {
        return Err(document.error("executors.min", "must be at least 1"));
    }
    if executors.max < executors.min {
        let name = if document.sets("executors.max") { "executors.max" } else { "executors.min" };
        let message =
            format!("executors.min is {} and executors.max {}", executors.min, executors.max);
        return Err(document.error(name, message));
    }
    if let Some(name) = config.env.keys().find(|name| name.is_empty() || name.contains(['=', '\0']))
    {
        return Err(document.error("env", format!("\"{name}\" cannot name a variable")));
    }
    settings::check(&config.settings).map_err(|(key, message)| {
        // A table stands where its name does.
        let names = std::iter::successors(Some(key), |key| Some(key.rsplit_once('.')?.0));
        let mut written = names.map(|key| format!("settings.{key}"));
        let name = written.find(|name| document.sets(name));
        document.error(name.as_deref().unwrap_or("settings"), message)
    })?;
    for scheduled in &config.schedule {
        scheduled.check().map_err(|message| document.error("schedule", message))?;
    }
    for step in &config.provision {
        if let Some(fault) = step.fault() {
            return Err(document.error("provision", fault));
        }
        if let Some(file) = &step.sql {
            check_file(root, file).map_err(|message| document.error("provision[].sql", message))?;
        }
    }
    Ok(())
}

/// Entry and bootstrap files are part of the release: inside its folder, and there.
fn check_file(root: &Path, file: &str) -> Result<(), String> {
    let path = Path::new(file);
    if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!(
            "\"{file}\" must be relative to the application's folder, without \"..\""
        ));
    }
    if !root.join(path).is_file() {
        return Err(format!("there is no file \"{file}\" in {}", root.display()));
    }
    Ok(())
}

/// The folder's name as an application's: lower case, anything else a dash.
fn name_of(root: &Path) -> Result<AppName, ConfigError> {
    let folder = root.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let replaced =
        folder.chars().map(|c| if matches!(c, 'a'..='z' | '0'..='9' | '_') { c } else { '-' });
    let mut name: String = replaced.take(60).collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "app");
    }
    AppName::new(&name).map_err(|error| ConfigError::new(error.to_string()))
}

/// Every `*.php` at the top of the folder, sorted.
fn php_files(root: &Path) -> Result<Vec<String>, ConfigError> {
    let cannot = |error| ConfigError::new(format!("{} cannot be read: {error}", root.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let php = path.extension().is_some_and(|extension| extension == "php") && path.is_file();
        if let (true, Some(name)) = (php, path.file_name().and_then(|name| name.to_str())) {
            files.push(name.to_owned());
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(ConfigError::new(format!(
            "{} has no *.php at its top; name the files with entry = […] in its app.toml",
            root.display()
        )));
    }
    Ok(files)
}
