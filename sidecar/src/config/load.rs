//! From files and command line to what holds: defaults filled in, paths made real, rules checked.

use super::document::Document;
use super::merge::merge;
use super::{
    Application, Apps, ConfigError, Daemon, Origins, Policy, application, control, daemon, level,
};
use net::Address;
use protocol::AppName;
use serde::Serialize;
use std::path::{Component, Path, PathBuf};

/// Smallest `limits.frame_bytes_max`, in bytes: greetings and failures fit, with room to spare.
const FRAME_BYTES_LEAST: u32 = 4096;

/// Everything `serve` needs to know, before anything is bound or started.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Configuration {
    pub(crate) daemon: Daemon,
    pub(crate) deployments: Vec<Deployment>,
}

/// An application's folder and what holds for it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Deployment {
    /// Real path.
    pub(crate) root: PathBuf,
    /// With what the administrator says put in.
    pub(crate) config: Application,
    /// What is the administrator's alone.
    #[serde(skip)]
    pub(crate) policy: Policy,
    /// Where the `app.toml` says it.
    #[serde(skip)]
    pub(crate) origins: Origins,
}

impl Deployment {
    /// Rights that files made by its code do not get.
    pub(crate) fn umask(&self) -> u32 {
        let given = self.policy.umask.as_ref();
        given.and_then(|text| u32::from_str_radix(text, 8).ok()).unwrap_or(0o027)
    }
}

/// Reads and checks everything; binds and starts nothing.
pub(crate) fn load(options: &crate::serve::Options) -> Result<Configuration, ConfigError> {
    let mut daemon = load_daemon(options.config.as_deref())?;
    overlay(&mut daemon, options)?;
    check_addresses(&daemon.listen).map_err(|error| ConfigError::new(error.to_string()))?;
    let mut deployments = Vec::new();
    for folder in &daemon.apps.folders {
        deployments.push(load_application(folder, &daemon.apps)?);
    }
    for (name, policy) in &daemon.apps.named {
        if let Some(folder) = &policy.folder {
            deployments.push(load_named(name, folder, &daemon.apps)?);
        }
    }
    for deployment in &mut deployments {
        if let Some(max) = options.executors_max {
            let executors = &mut deployment.config.executors;
            (executors.max, executors.min) = (max, executors.min.min(max));
        }
    }
    check_deployments(&daemon, &deployments)?;
    Ok(Configuration { daemon, deployments })
}

/// The command line goes before the file; applications of both are served.
fn overlay(daemon: &mut Daemon, options: &crate::serve::Options) -> Result<(), ConfigError> {
    daemon.apps.folders.extend(options.apps.iter().cloned());
    if !options.listen.is_empty() {
        let parsed = options.listen.iter().map(|text| text.parse::<Address>());
        daemon.listen = parsed
            .collect::<Result<_, _>>()
            .map_err(|error| ConfigError::new(error.to_string()))?;
    }
    if let Some(format) = options.log_format {
        daemon.log.format = format;
    }
    if let Some(level) = &options.log_level {
        level::check(level)
            .map_err(|message| ConfigError::new(format!("--log-level: {message}")))?;
        daemon.log.level.clone_from(level);
    }
    if let Some(binary) = &options.php_binary {
        daemon.php_binary = Some(binary.clone());
    }
    Ok(())
}

/// Nothing can be bound twice; port 0 is another one each time.
fn check_addresses(addresses: &[Address]) -> Result<(), String> {
    for (index, address) in addresses.iter().enumerate() {
        if addresses[..index].contains(address) && !address.takes_any_port() {
            return Err(format!("{address} is given twice"));
        }
    }
    Ok(())
}

/// A worker that can be controlled may begin without an application: deploys bring them.
fn check_deployments(daemon: &Daemon, deployments: &[Deployment]) -> Result<(), ConfigError> {
    if deployments.is_empty() && daemon.control.is_off() {
        return Err(ConfigError::new(
            "no application: name its folder with --app DIR, or in appserver.toml with \
             apps = [\"DIR\"]; control.listen = [] lets nobody deploy one",
        ));
    }
    for (index, deployment) in deployments.iter().enumerate() {
        let name = &deployment.config.name;
        if let Some(other) = deployments[..index].iter().find(|other| other.config.name == *name) {
            return Err(ConfigError::new(format!(
                "{} and {} are both named \"{name}\"; set another name in app.toml",
                other.root.display(),
                deployment.root.display()
            )));
        }
    }
    Ok(())
}

/// The worker's configuration; all defaults without a file.
pub(crate) fn load_daemon(file: Option<&Path>) -> Result<Daemon, ConfigError> {
    let Some(file) = file else {
        return Ok(Daemon::default());
    };
    let document = Document::read(file, daemon::KEYS)?;
    let mut daemon: Daemon = document.values()?;
    check_daemon(&document, &daemon)?;
    daemon.apps.origins = document.origins();
    let absolute = std::path::absolute(file)
        .map_err(|error| ConfigError::in_file(file, None, format!("cannot be found: {error}")))?;
    let base = absolute.parent().unwrap_or(Path::new("/"));
    for path in paths(&mut daemon) {
        *path = base.join(&path);
    }
    if daemon.membership.epoch == 0 && !daemon.membership.workers.is_empty() {
        daemon.membership.epoch = changed_at(file);
    }
    Ok(daemon)
}

/// Paths that are relative to the configuration file.
fn paths(daemon: &mut Daemon) -> impl Iterator<Item = &mut PathBuf> {
    let single = [
        &mut daemon.runtime_dir,
        &mut daemon.state_dir,
        &mut daemon.php_binary,
        &mut daemon.tcp.token_file,
        &mut daemon.tls.certificate,
        &mut daemon.tls.key,
        &mut daemon.tls.client_ca,
        &mut daemon.control.token_file,
        &mut daemon.membership.control_token_file,
        &mut daemon.membership.control_ca,
    ];
    let of_apps = daemon.apps.named.values_mut().flat_map(|policy| {
        let passwords = policy.datasource.values_mut().filter_map(|d| d.password_file.as_mut());
        let secrets = policy.resource.values_mut().flat_map(|r| r.secret_file.values_mut());
        policy.folder.iter_mut().chain(passwords).chain(secrets)
    });
    daemon.apps.folders.iter_mut().chain(of_apps).chain(single.into_iter().flatten())
}

/// Seconds since 1970 of the file's last change: later lists replace earlier ones by themselves.
fn changed_at(file: &Path) -> u32 {
    let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let age = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    age.and_then(|age| u32::try_from(age.as_secs()).ok()).unwrap_or(1)
}

fn check_daemon(document: &Document, daemon: &Daemon) -> Result<(), ConfigError> {
    let limits = &daemon.limits;
    let positive = [
        ("limits.frame_bytes_max", limits.frame_bytes_max),
        ("limits.value_depth_max", limits.value_depth_max),
        ("limits.connections_max", limits.connections_max),
        ("limits.handshakes_max", limits.handshakes_max),
        ("limits.hello_timeout_ms", limits.hello_timeout_ms),
        ("limits.frame_timeout_ms", limits.frame_timeout_ms),
        ("limits.unread_timeout_ms", limits.unread_timeout_ms),
    ];
    if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
        return Err(document.error(name, "must be at least 1"));
    }
    if limits.frame_bytes_max < FRAME_BYTES_LEAST {
        let message = format!("must be at least {FRAME_BYTES_LEAST}: a Hello needs that much");
        return Err(document.error("limits.frame_bytes_max", message));
    }
    if limits.remote_bytes_max < limits.frame_bytes_max {
        let message = "must be at least limits.frame_bytes_max";
        return Err(document.error("limits.remote_bytes_max", message));
    }
    if daemon.fd_base < 1024 {
        let message = "must be at least 1024: PHP's select() can use the descriptors below";
        return Err(document.error("fd_base", message));
    }
    if u32::from_str_radix(&daemon.socket.mode, 8).is_err() {
        return Err(document.error("socket.mode", "must be octal, e.g. \"0660\""));
    }
    for (given, other) in [("tls.certificate", "tls.key"), ("tls.key", "tls.certificate")] {
        if document.sets(given) && !document.sets(other) {
            return Err(document.error(given, format!("needs {other} as well")));
        }
    }
    level::check(&daemon.log.level).map_err(|message| document.error("log.level", message))?;
    check_addresses(&daemon.listen).map_err(|message| document.error("listen", message))?;
    control::check(document, daemon)?;
    for (name, policy) in &daemon.apps.named {
        check_policy(name, policy)
            .map_err(|(key, message)| document.error(&format!("apps.{name}.{key}"), message))?;
    }
    let workers = &daemon.membership.workers;
    for (index, worker) in workers.iter().enumerate() {
        if workers[..index].iter().any(|other| other.address == worker.address) {
            let message = format!("{} is given twice", worker.address);
            return Err(document.error("membership.workers", message));
        }
    }
    Ok(())
}

/// The key that is wrong, and why.
fn check_policy(name: &AppName, policy: &Policy) -> Result<(), (&'static str, String)> {
    let octal = |umask: &String| u32::from_str_radix(umask, 8).is_ok_and(|umask| umask <= 0o777);
    if policy.umask.as_ref().is_some_and(|umask| !octal(umask)) {
        return Err(("umask", "must be octal, e.g. \"0027\"".to_owned()));
    }
    if policy.nice.is_some_and(|nice| nice > 19) {
        return Err(("nice", "must be from 0 to 19".to_owned()));
    }
    if policy.cgroup.cpu_weight.is_some_and(|weight| !(1..=10_000).contains(&weight)) {
        return Err(("cgroup.cpu_weight", "must be from 1 to 10000".to_owned()));
    }
    if policy.group.is_some() && policy.user.is_none() {
        return Err(("group", "needs user as well".to_owned()));
    }
    if policy.executors.min == Some(0) {
        return Err(("executors.min", "must be at least 1".to_owned()));
    }
    if let (Some(min), Some(max)) = (policy.executors.min, policy.executors.max)
        && max < min
    {
        return Err(("executors.max", format!("executors.min is {min} and executors.max {max}")));
    }
    if name.is_any() {
        return Err(("", "an application needs a name".to_owned()));
    }
    Ok(())
}

/// An application that has a section of its own, which names it.
fn load_named(name: &AppName, folder: &Path, apps: &Apps) -> Result<Deployment, ConfigError> {
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
pub(crate) fn load_application(folder: &Path, apps: &Apps) -> Result<Deployment, ConfigError> {
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
    merge(&mut config, &policy, &document)?;
    check_application(&document, &root, &config)?;
    let origins = document.origins();
    Ok(Deployment { root, config, policy, origins })
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
