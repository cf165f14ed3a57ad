//! SIGHUP: the list of workers is read again; nothing else of the configuration changes.

use super::notify::notify;
use super::supervisor::Supervisor;
use crate::config::load_daemon;
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
