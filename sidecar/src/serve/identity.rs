//! Users and groups by name, and becoming one. Names are looked up in /etc/passwd and /etc/group;
//! users of other directories are given by number.

use crate::config::{ConfigError, Identity};
use rustix::process::{DumpableBehavior, Gid, Uid, set_dumpable_behavior};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
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

    /// Becomes this user, if started as root. Must run before there is a second thread: the system
    /// calls act on the calling thread alone, and later ones inherit from it.
    pub(super) fn switch(self) -> io::Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        set_thread_groups(&[gid])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        // Changing user takes a process's own entries in /proc away from it; one of them says which
        // connections lost their executor.
        set_dumpable_behavior(DumpableBehavior::Dumpable)?;
        Ok(())
    }
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
    let text = read("/etc/passwd")?;
    let found = text.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let matches = fields.next()?.parse() == Ok(uid);
        matches.then(|| fields.next()?.parse().ok()).flatten()
    });
    found.ok_or_else(|| {
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
