//! Users and groups by name, and becoming one. Names are looked up in /etc/passwd and /etc/group;
//! users of other directories are given by number.

use super::privileges::become_user;
use crate::config::{ConfigError, Identity, Policy};
use rustix::process::{DumpableBehavior, geteuid, set_dumpable_behavior};
use std::io;

/// Whom the worker becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Resolves `user` and `group`; `None` when no user is configured.
    pub(super) fn resolve(
        user: Option<&Identity>,
        group: Option<&Identity>,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(user) = user else {
            return Ok(None);
        };
        let uid = user_id(user)?;
        let gid = match group {
            Some(group) => group_id(group)?,
            None => primary_group(uid)?,
        };
        Ok(Some(Self { uid, gid }))
    }

    /// Becomes this user, if started as root. With `keep`, it can still start processes of other users.
    pub(super) fn switch(self, keep: bool) -> io::Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        become_user(self.uid, self.gid, keep)?;
        // Changing user takes a process's own entries in /proc away from it; one of them says which
        // connections lost their executor.
        set_dumpable_behavior(DumpableBehavior::Dumpable)?;
        Ok(())
    }
}

/// The user of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AppUser {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// All of them, `gid` too.
    pub(super) groups: Vec<u32>,
    pub(super) name: String,
    pub(super) home: String,
}

impl AppUser {
    /// Resolves `user` and `group` of `[apps.NAME]`; `None` when it has no user, or the worker's own.
    pub(super) fn resolve(policy: &Policy) -> Result<Option<Self>, ConfigError> {
        let account = Account::resolve(policy.user.as_ref(), policy.group.as_ref())?;
        let Some(Account { uid, gid }) = account else {
            return Ok(None);
        };
        if uid == 0 {
            return Err(ConfigError::new("its code must not run as root; name another user"));
        }
        let ours = geteuid();
        if !ours.is_root() {
            let message = format!(
                "the worker runs as user {} and cannot start processes of user {uid}; start it as \
                 root, with user = … at the top of appserver.toml for itself",
                ours.as_raw()
            );
            return if ours.as_raw() == uid { Ok(None) } else { Err(ConfigError::new(message)) };
        }
        let entry = passwd_entry(uid)?;
        let field = |at: usize| entry.as_deref().and_then(|entry| entry.split(':').nth(at));
        let name = field(0).map_or_else(|| uid.to_string(), str::to_owned);
        let home = field(5).unwrap_or("/nonexistent").to_owned();
        let mut groups = vec![gid];
        groups.extend(groups_with(&name)?.into_iter().filter(|other| *other != gid));
        Ok(Some(Self { uid, gid, groups, name, home }))
    }
}

/// The line of /etc/passwd about a user.
fn passwd_entry(uid: u32) -> Result<Option<String>, ConfigError> {
    let text = read("/etc/passwd")?;
    let is_it =
        |line: &&str| line.split(':').nth(2).and_then(|field| field.parse().ok()) == Some(uid);
    Ok(text.lines().find(is_it).map(str::to_owned))
}

/// Groups that name the user as a member.
fn groups_with(name: &str) -> Result<Vec<u32>, ConfigError> {
    let group = |line: &str| {
        let mut fields = line.split(':').skip(2);
        let number = fields.next()?.parse().ok()?;
        fields.next()?.split(',').any(|member| member == name).then_some(number)
    };
    Ok(read("/etc/group")?.lines().filter_map(group).collect())
}

/// Number of a user.
pub(super) fn user_id(user: &Identity) -> Result<u32, ConfigError> {
    match user {
        Identity::Number(number) => Ok(*number),
        Identity::Name(name) => look_up("/etc/passwd", name, "user"),
    }
}

/// Number of a group.
pub(super) fn group_id(group: &Identity) -> Result<u32, ConfigError> {
    match group {
        Identity::Number(number) => Ok(*number),
        Identity::Name(name) => look_up("/etc/group", name, "group"),
    }
}

/// In both files the name is the first field and the number the third.
fn look_up(file: &str, name: &str, what: &str) -> Result<u32, ConfigError> {
    let text = read(file)?;
    let found = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    found.ok_or_else(|| ConfigError::new(format!("there is no {what} \"{name}\" in {file}")))
}

fn primary_group(uid: u32) -> Result<u32, ConfigError> {
    let entry = passwd_entry(uid)?;
    let group = entry.and_then(|entry| entry.split(':').nth(3)?.parse().ok());
    group.ok_or_else(|| {
        ConfigError::new(format!("user {uid} is not in /etc/passwd: set \"group\" as well"))
    })
}

fn read(file: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(file)
        .map_err(|error| ConfigError::new(format!("{file} cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_user_and_group_zero_by_name_and_number() {
        let root = Identity::Name("root".to_owned());
        assert_eq!((user_id(&root).unwrap(), group_id(&root).unwrap()), (0, 0));
        assert_eq!(user_id(&Identity::Number(7)).unwrap(), 7);
        assert_eq!(primary_group(0).unwrap(), 0);
    }

    #[test]
    fn an_unknown_name_is_named() {
        let error = user_id(&Identity::Name("no-such-user".to_owned())).unwrap_err();
        assert!(error.to_string().contains("no-such-user"));
    }
}
