//! SIGHUP: the list of workers is read again; other changes of the configuration wait for a restart,
//! and the log says so.

use super::notify::notify;
use super::supervisor::Supervisor;
use crate::config::{Daemon, load_daemon};
use protocol::Membership;
use std::sync::atomic::Ordering;

impl Supervisor {
    pub(super) fn reload(&mut self) {
        let Some(file) = &self.settings.config_file else {
            return tracing::warn!("nothing to read again: there is no configuration file");
        };
        notify("RELOADING=1");
        match load_daemon(Some(file)) {
            Err(error) => tracing::error!("the list of workers stays as it is: {error}"),
            Ok(daemon) => {
                let waiting = changed(&self.settings.written, &daemon);
                if !waiting.is_empty() {
                    let settings = waiting.join(", ");
                    tracing::warn!(settings, "changed settings hold after a restart only");
                }
                let members = daemon.membership.workers.iter().map(Into::into).collect();
                let membership = Membership { epoch: daemon.membership.epoch, members };
                if membership != self.membership {
                    let (epoch, workers) = (membership.epoch, membership.members.len());
                    tracing::info!(epoch, workers, "list of workers changed");
                    self.membership = membership;
                    self.epoch.store(epoch, Ordering::Relaxed);
                    self.tell_executors_epoch();
                    self.board.publish();
                }
            }
        }
        notify("READY=1");
    }

    /// Answers carry the epoch, so that clients notice a change.
    pub(super) fn tell_executors_epoch(&self) {
        for pool in self.releases.values().flat_map(|deployed| deployed.pools.values()) {
            pool.scoreboard.set_epoch(self.membership.epoch);
        }
    }
}

/// Sections and keys of the top whose content differs, but for the list of workers.
fn changed(before: &Daemon, now: &Daemon) -> Vec<String> {
    let (before, now) = (as_table(before), as_table(now));
    let mut names: Vec<String> = before.keys().chain(now.keys()).cloned().collect();
    names.sort();
    names.dedup();
    names.retain(|name| name != "membership" && before.get(name) != now.get(name));
    names
}

fn as_table(daemon: &Daemon) -> toml::Table {
    toml::Table::try_from(daemon).unwrap_or_default()
}
