//! What the processes of an application may do and see, put on them between fork and exec.
//!
//! Unsafe for the system calls of that moment. Contract: [`Confinement::enter`] runs in the child, where
//! it makes only async-signal-safe system calls on numbers and lists made before the fork; it allocates
//! nothing and takes no lock.
#![allow(unsafe_code)]

use super::identity::AppUser;
use super::settings::Settings;
use crate::config::{Application, Deployment};
use protocol::Patterns;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

/// Variables of the worker that every application sees: where programs, the language, the time zone and
/// PHP's own configuration are.
const PASSED: [&str; 10] = [
    "APPSERVER_EXTENSION",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "LD_LIBRARY_PATH",
    "PATH",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "RUST_BACKTRACE",
    "TZ",
];
/// Those that say who the user is.
const OF_THE_USER: [&str; 3] = ["HOME", "LOGNAME", "USER"];

/// Number and value of an rlimit.
type Limit = (libc::__rlimit_resource_t, u64);

/// Made before each start, since users and groups may have changed.
#[derive(Debug)]
pub(super) struct Confinement {
    user: Option<AppUser>,
    env: BTreeMap<OsString, OsString>,
    limits: Vec<Limit>,
    nice: libc::c_int,
    no_new_privs: bool,
    umask: libc::mode_t,
    /// `cgroup.procs` of the application's group.
    cgroup: Option<OwnedFd>,
    /// A file that stays open, under the number that it has here.
    handed_on: Option<OwnedFd>,
}

impl Confinement {
    pub(super) fn of(deployment: &Deployment, settings: &Settings) -> Self {
        let Deployment { config, policy, .. } = deployment;
        let user = settings.users.get(&config.name).cloned();
        let secrets = policy.datasource.values().filter_map(|d| d.password_env.as_deref());
        let others = policy.resource.values().flat_map(|r| r.secret_env.values());
        let secrets = secrets.chain(others.map(String::as_str));
        let tokens = [&settings.daemon.tcp.token_env, &settings.daemon.control.token_env];
        let tokens = tokens.into_iter().flatten().map(String::as_str);
        let hidden: Vec<&str> = tokens.chain(secrets).collect();
        Self {
            env: environment(&policy.env_pass, user.as_ref(), &hidden),
            limits: limits(config),
            nice: policy.nice.unwrap_or(0).into(),
            no_new_privs: policy.no_new_privs.unwrap_or(user.is_some()),
            umask: deployment.umask(),
            cgroup: settings.cgroups.as_ref().and_then(|groups| groups.procs_of(config, policy)),
            handed_on: None,
            user,
        }
    }

    /// Leaves a file open to what is started; its name there.
    pub(super) fn hand_on(&mut self, file: OwnedFd) -> String {
        let name = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.handed_on = Some(file);
        name
    }

    /// Puts it on a command that is still to be started; call it after what else the child does first.
    pub(super) fn confine(self, command: &mut Command) {
        use std::os::unix::process::CommandExt;
        command.env_clear().envs(&self.env);
        // SAFETY: see the contract.
        unsafe { command.pre_exec(move || self.enter()) };
    }

    fn enter(&self) -> io::Result<()> {
        // SAFETY: see the contract.
        unsafe {
            if let Some(cgroup) = &self.cgroup {
                // "0" is the process that writes.
                check(libc::write(cgroup.as_raw_fd(), b"0".as_ptr().cast(), 1))?;
            }
            if let Some(file) = &self.handed_on {
                check(libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) as isize)?;
            }
            for (resource, value) in &self.limits {
                let limit = libc::rlimit { rlim_cur: *value, rlim_max: *value };
                check(libc::setrlimit(*resource, &raw const limit) as isize)?;
            }
            if self.nice > 0 {
                check(libc::setpriority(libc::PRIO_PROCESS, 0, self.nice) as isize)?;
            }
            libc::umask(self.umask);
            if let Some(AppUser { uid, gid, groups, .. }) = &self.user {
                check(libc::setgroups(groups.len(), groups.as_ptr()) as isize)?;
                check(libc::setresgid(*gid, *gid, *gid) as isize)?;
                // Not root any more, so exec takes every capability away.
                check(libc::setresuid(*uid, *uid, *uid) as isize)?;
            }
            if self.no_new_privs {
                check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) as isize)?;
            }
        }
        Ok(())
    }
}

fn check(result: isize) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn limits(config: &Application) -> Vec<Limit> {
    let limits = &config.limits;
    let all = [
        (libc::RLIMIT_DATA, limits.data_bytes_max),
        (libc::RLIMIT_FSIZE, limits.file_bytes_max),
        (libc::RLIMIT_CORE, limits.core_bytes_max),
        (libc::RLIMIT_NPROC, limits.processes_max),
        (libc::RLIMIT_CPU, limits.cpu_s_max),
    ];
    all.into_iter().filter_map(|(resource, value)| Some((resource, value?))).collect()
}

/// What an application sees of the worker's environment; its own variables come on top later.
fn environment(
    passed: &[String],
    user: Option<&AppUser>,
    hidden: &[&str],
) -> BTreeMap<OsString, OsString> {
    let mut patterns: Vec<&str> = PASSED.to_vec();
    patterns.extend(passed.iter().map(String::as_str));
    if user.is_none() {
        patterns.extend(OF_THE_USER);
    }
    let patterns = Patterns::new(&patterns);
    let seen = |name: &OsString| {
        let name = name.to_string_lossy();
        patterns.matches(&name) && !hidden.contains(&&*name)
    };
    let mut all: BTreeMap<OsString, OsString> =
        std::env::vars_os().filter(|(name, _)| seen(name)).collect();
    if let Some(user) = user {
        all.insert("HOME".into(), user.home.clone().into());
        all.insert("LOGNAME".into(), user.name.clone().into());
        all.insert("USER".into(), user.name.clone().into());
    }
    all
}
