//! What must hold before anything is bound, made or started. `config check` asks for the same.

use super::gate::Gate;
use super::http::Guard;
use super::identity::{Account, AppUser, group_id};
use super::members::Members;
use super::peers::Peers;
use super::stage::trusted_keys;
use crate::config::{ConfigError, Daemon};
use archive::TrustedKeys;
use protocol::AppName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the check found on its way.
pub(super) struct Checked {
    pub(super) account: Option<Account>,
    pub(super) users: BTreeMap<AppName, AppUser>,
    pub(super) peers: Peers,
    /// The other workers.
    pub(super) members: Members,
    pub(super) php_binary: PathBuf,
    /// Without what is still to be made.
    pub(super) gate: Gate,
    /// The same for the control API.
    pub(super) guard: Guard,
    /// Whose releases are accepted.
    pub(super) trusted: TrustedKeys,
}

/// Whether the worker could be started with this configuration, as far as can be told beforehand.
pub(crate) fn verify(daemon: &Daemon, config_file: Option<&Path>) -> Result<(), ConfigError> {
    check(daemon, config_file).map(drop)
}

/// Files that the configuration names relative to itself are found beside `config_file`.
pub(super) fn check(daemon: &Daemon, config_file: Option<&Path>) -> Result<Checked, ConfigError> {
    if let Some(group) = &daemon.group {
        group_id(group).map_err(in_key("group"))?;
    }
    if let Some(group) = &daemon.socket.group {
        group_id(group).map_err(in_key("socket.group"))?;
    }
    if let Some(group) = &daemon.control.group {
        group_id(group).map_err(in_key("control.group"))?;
    }
    let account = Account::resolve(daemon.user.as_ref(), daemon.group.as_ref());
    let trusted = trusted_keys(&daemon.deploy.trusted_keys, config_file);
    Ok(Checked {
        account: account.map_err(in_key("user"))?,
        users: app_users(daemon)?,
        peers: Peers::resolve(&daemon.allow).map_err(in_key("allow"))?,
        members: Members::check(daemon)?,
        php_binary: executor_binary(daemon)?,
        gate: Gate::check(daemon)?,
        guard: Guard::check(daemon)?,
        trusted: trusted
            .map_err(|error| ConfigError::new(format!("deploy.trusted_keys: {error}")))?,
    })
}

fn app_users(daemon: &Daemon) -> Result<BTreeMap<AppName, AppUser>, ConfigError> {
    let mut users = BTreeMap::new();
    for (name, policy) in &daemon.apps.named {
        let user = AppUser::resolve(policy);
        if let Some(user) = user.map_err(in_key(&format!("apps.{name}.user")))? {
            users.insert(name.clone(), user);
        }
    }
    Ok(users)
}

fn in_key(name: &str) -> impl FnOnce(ConfigError) -> ConfigError {
    move |error| ConfigError::new(format!("{name}: {error}"))
}

/// The executor, which must be there before anything is bound.
fn executor_binary(daemon: &Daemon) -> Result<PathBuf, ConfigError> {
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("appserver-php"));
    let binary = daemon.php_binary.clone().or_else(beside).unwrap_or_default();
    if binary.is_file() {
        return Ok(binary);
    }
    Err(ConfigError::new(format!(
        "there is no executor at {}: install appserver-php beside this program, or name it with \
         --php-binary or php_binary",
        binary.display()
    )))
}
