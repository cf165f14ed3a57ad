//! SIGHUP: the list of workers is read again, and what the administrator says of queues; other changes of
//! the configuration wait for a restart, and the log names them.

use super::notify::notify;
use super::supervisor::Supervisor;
use crate::config::queues::Queues;
use crate::config::{Daemon, Origins, load_daemon};
use protocol::{AppName, Membership};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use toml::{Table, Value};

/// Keys that are taken over; docs/configuration.md lists them from here.
const RELOADED: &[&str] = &[
    "membership.epoch",
    "membership.workers[].address",
    "membership.workers[].weight",
    "apps.*.queues.*.concurrency",
    "apps.*.queues.*.rate",
];

impl Supervisor {
    pub(super) fn reload(&mut self) {
        let Some(file) = &self.settings.config_file else {
            return tracing::warn!("nothing to read again: there is no configuration file");
        };
        notify("RELOADING=1");
        match load_daemon(Some(file)) {
            Err(error) => tracing::error!("the list of workers stays as it is: {error}"),
            Ok(daemon) => {
                let waiting = waiting(&self.settings.written, &daemon);
                if !waiting.is_empty() {
                    let settings = waiting.join(", ");
                    tracing::warn!(settings, "changed settings hold after a restart only");
                }
                self.take_over_queues(&daemon);
                let members = daemon.membership.workers.iter().map(Into::into).collect();
                let membership = Membership { epoch: daemon.membership.epoch, members };
                if membership != self.membership {
                    let (epoch, workers) = (membership.epoch, membership.members.len());
                    tracing::info!(epoch, workers, "list of workers changed");
                    self.membership = membership;
                    self.epoch.store(epoch, Ordering::Relaxed);
                    self.tell_executors_epoch();
                    self.board.publish();
                    // Schedules may be another worker's now.
                    for app in self.apps.keys() {
                        self.tell_jobs(app);
                    }
                }
                self.look_for_itself();
            }
        }
        notify("READY=1");
    }

    /// Limits of queues that the administrator has changed hold from now on.
    fn take_over_queues(&mut self, daemon: &Daemon) {
        let before = std::mem::replace(&mut self.queues, queues_of(daemon));
        let changed = |app: &&AppName| before.of.get(*app) != self.queues.of.get(*app);
        for app in self.apps.keys().filter(changed) {
            tracing::info!(%app, "limits of its queues changed");
            self.tell_jobs(app);
        }
    }

    /// Answers carry the epoch, so that clients notice a change.
    pub(super) fn tell_executors_epoch(&self) {
        for pool in self.releases.values().flat_map(|deployed| deployed.pools.values()) {
            pool.scoreboard.set_epoch(self.membership.epoch);
        }
    }
}

/// What the administrator says of the queues of each application.
#[derive(Debug)]
pub(super) struct QueuesSaid {
    pub(super) of: BTreeMap<AppName, Queues>,
    /// Where the `appserver.toml` says it.
    pub(super) origins: Origins,
}

pub(super) fn queues_of(daemon: &Daemon) -> QueuesSaid {
    let apps = daemon.apps.named.iter().filter(|(_, policy)| !policy.queues.is_empty());
    let of = apps.map(|(app, policy)| (app.clone(), policy.queues.clone())).collect();
    QueuesSaid { of, origins: daemon.apps.origins.clone() }
}

/// Keys whose values differ and that a restart alone takes over.
fn waiting(before: &Daemon, now: &Daemon) -> Vec<String> {
    let (before, now) = (values(before), values(now));
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differs = |name: &&String| before.get(*name) != now.get(*name);
    let waits = |name: &&String| !RELOADED.iter().any(|pattern| is_like(name, pattern));
    names.into_iter().filter(differs).filter(waits).cloned().collect()
}

/// Whether a key is one that the table of keys writes with `*` for names, which may have dots.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return name == pattern;
    };
    let Some(inside) = name.strip_prefix(begin) else {
        return false;
    };
    (1..inside.len()).any(|at| inside.is_char_boundary(at) && is_like(&inside[at..], rest))
}

/// By the names of the keys; of a list of tables, those of each field with their places.
fn values(daemon: &Daemon) -> BTreeMap<String, Vec<(usize, Value)>> {
    let mut found = BTreeMap::new();
    let table = Table::try_from(daemon).unwrap_or_default();
    collect("", 0, &Value::Table(table), &mut found);
    found
}

fn collect(
    name: &str,
    place: usize,
    value: &Value,
    found: &mut BTreeMap<String, Vec<(usize, Value)>>,
) {
    match value {
        Value::Table(table) => {
            let dot = if name.is_empty() { "" } else { "." };
            for (key, value) in table {
                collect(&format!("{name}{dot}{key}"), place, value, found);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) if items.iter().any(Value::is_table) => {
            for (place, item) in items.iter().enumerate() {
                collect(&format!("{name}[]"), place, item, found);
            }
        }
        value => found.entry(name.to_owned()).or_default().push((place, value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::daemon::KEYS;

    fn daemon(toml: &str) -> Daemon {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn what_a_restart_alone_takes_over_is_named() {
        let before =
            daemon("busy_poll_us = 1\n[membership]\nworkers = [{ address = \"unix:/a\" }]");
        let worker = "{ address = \"unix:/b\", weight = 2, control = \"unix:/c\" }";
        let now = daemon(&format!(
            "busy_poll_us = 2\n[limits]\nframe_bytes_max = 5000\n[membership]\nepoch = 7\n\
             control_ca = \"/ca\"\nworkers = [{worker}]\n[apps.shop.executors]\nmax = 3"
        ));
        let expected = [
            "apps.shop.executors.max",
            "busy_poll_us",
            "limits.frame_bytes_max",
            "membership.control_ca",
            "membership.workers[].control",
        ];
        assert_eq!(waiting(&before, &now), expected);
        assert!(waiting(&now, &now).is_empty());
    }

    #[test]
    fn a_worker_that_joins_needs_no_restart() {
        let before =
            daemon("[membership]\nworkers = [{ address = \"unix:/a\", control = \"unix:/c\" }]");
        let now = daemon(
            "[membership]\nworkers = [{ address = \"unix:/a\", control = \"unix:/c\" }, \
             { address = \"unix:/b\" }]",
        );
        assert!(waiting(&before, &now).is_empty());
    }

    #[test]
    fn limits_of_queues_need_no_restart() {
        let before = daemon("[apps.shop.queues.\"mails.eu\"]\nconcurrency = 1");
        let now = daemon("[apps.shop.queues.\"mails.eu\"]\nrate = \"1/s\"\n[apps.shop]\nnice = 1");
        assert_eq!(waiting(&before, &now), ["apps.shop.nice"]);
        assert_eq!(queues_of(&before).of.len(), 1);
    }

    #[test]
    fn what_is_taken_over_are_keys() {
        for name in RELOADED {
            assert!(KEYS.iter().any(|key| key.name == *name), "{name}");
        }
    }
}
