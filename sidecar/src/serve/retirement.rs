//! Releases that are not current any more: some stay warm for a rollback, the others run on for
//! those who began in them, and then stop.

use super::app::unknown_release;
use super::deployed::Deployed;
use super::event::Retry;
use super::key::ReleaseKey;
use super::stage::remove_in_background;
use super::supervisor::Supervisor;
use crate::admin::{AdminError, Answer, Code, Number, Prune, Pruned, Reply};
use protocol::{AppName, ReleaseId, ToPrototype};
use std::time::{Duration, Instant};

/// From one look whether a drained release is empty to the next.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long PHP may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Lets go of what is neither needed nor to stay warm.
    pub(super) fn retire_old(&mut self, app: &AppName) {
        let Ok(known) = self.app(app) else {
            return;
        };
        let state = &known.state;
        let canary = state.canary.map(|canary| canary.release);
        let in_use = [Some(state.current), canary, state.prepared].into_iter().flatten();
        let in_use: Vec<ReleaseId> = in_use.filter_map(|number| known.release(number)).collect();
        let previous = state.previous.and_then(|number| known.release(number));
        let mut old: Vec<&mut Deployed> = (self.releases.values_mut())
            .filter(|deployed| deployed.key.app == *app && !deployed.stopping)
            .filter(|deployed| {
                deployed.staging.is_none() && !in_use.contains(&deployed.key.release)
            })
            .collect();
        // The one before the current one first, then those that were current last.
        old.sort_by_key(|deployed| {
            let is_previous = previous == Some(deployed.key.release);
            (!is_previous, std::cmp::Reverse(deployed.retired))
        });
        let warm = usize::from(self.settings.daemon.releases.warm);
        let drain = Duration::from_millis(self.settings.daemon.releases.drain_timeout_ms);
        let mut draining = Vec::new();
        for (place, deployed) in old.into_iter().enumerate() {
            if place < warm {
                deployed.drains_until = None;
            } else if deployed.drains_until.is_none() {
                deployed.begin_to_drain(Instant::now() + drain);
                draining.push(deployed.key.clone());
            }
        }
        for key in draining {
            self.retry_after(drain, Retry::Drained(key));
        }
    }

    /// The time of a draining release is over, unless it came to be needed again.
    pub(super) fn on_drained(&mut self, key: &ReleaseKey) {
        let Some(deployed) = self.releases.get(key).filter(|deployed| !deployed.stopping) else {
            return;
        };
        let Some(until) = deployed.drains_until else {
            return;
        };
        let now = Instant::now();
        let empty = deployed.asked_to_drain && !self.is_used(key);
        if empty || now >= until {
            self.stop_release(key);
        } else if self.releases.get(key).is_some_and(|deployed| deployed.asked_to_drain) {
            self.retry_after(LOOK_AGAIN, Retry::Drained(key.clone()));
        } else {
            self.retry_after(until - now, Retry::Drained(key.clone()));
        }
    }

    /// Whether calls run in it or pinned requests hold connections to it.
    fn is_used(&self, key: &ReleaseKey) -> bool {
        let pools = self.releases.get(key).into_iter().flat_map(|d| d.pools.values());
        let running: usize = pools.map(super::pool::Pool::running).sum();
        running > 0 || self.connections.iter().any(|connection| connection.pool.release == *key)
    }

    /// Ends a release's processes. Whoever still holds a connection to it is told that it is gone.
    pub(super) fn stop_release(&mut self, key: &ReleaseKey) {
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        tracing::info!(release = %key, "release stops");
        deployed.stopping = true;
        for pool in deployed.pools.values_mut() {
            pool.wanted = 0;
        }
        let Some(prototype) = &deployed.prototype else {
            return self.forget_release(key);
        };
        if prototype.send(&ToPrototype::Stop, &[]).is_err() {
            prototype.kill();
        }
        self.retry_after(STOP_WITHIN, Retry::Overstayed(key.clone()));
    }

    /// Whether a release's processes are ending.
    pub(super) fn release_stops(&self, key: &ReleaseKey) -> bool {
        self.releases.get(key).is_some_and(|deployed| deployed.stopping)
    }

    /// A release that was to stop, and does not.
    pub(super) fn on_overstayed(&mut self, key: &ReleaseKey) {
        let stopping = self.releases.get(key).filter(|deployed| deployed.stopping);
        if let Some(prototype) = stopping.and_then(|deployed| deployed.prototype.as_ref()) {
            prototype.kill();
        }
    }

    /// Its processes have ended: nothing of it is left but its files.
    pub(super) fn forget_release(&mut self, key: &ReleaseKey) {
        self.hang_up_on(key);
        if let Some(deployed) = self.releases.remove(key) {
            let folder = self.settings.temp_dir.join(key.to_string());
            drop(deployed);
            let _ = super::directories::remove_temp(&folder);
        }
        self.tidy_snapshots();
    }

    /// Stops a release as soon as its calls have ended, or at the end of the drain time.
    pub(super) fn drain(&mut self, app: &AppName, body: &Number) -> Reply {
        let number = body.number;
        let known = self.app(app)?;
        let release = known.release(number).ok_or_else(|| unknown_release(app, number))?;
        let canary = known.state.canary.map(|canary| canary.release);
        let in_use = [Some(known.state.current), canary, known.state.prepared];
        if in_use.iter().flatten().any(|used| known.release(*used) == Some(release)) {
            let message =
                format!("release {number} of \"{app}\" takes calls; activate another one first");
            return Err(AdminError::new(Code::Conflict, message));
        }
        let key = ReleaseKey { app: app.clone(), release };
        let drain = Duration::from_millis(self.settings.daemon.releases.drain_timeout_ms);
        if let Some(deployed) = self.releases.get_mut(&key) {
            deployed.begin_to_drain(Instant::now() + drain);
            deployed.asked_to_drain = true;
            self.on_drained(&key);
        }
        Ok(Answer::App(self.app_report(app, self.app(app)?)))
    }

    /// Removes releases from the disk but for the newest and those that are needed.
    pub(super) fn prune(&mut self, app: &AppName, body: &Prune) -> Reply {
        let known = self.app(app)?;
        let mut needed: Vec<u64> = known.needed().collect();
        needed.extend(known.kept.keys().rev().take(body.keep));
        // Those that run, by whatever number their files came.
        let running = self.releases.keys().filter(|key| key.app == *app);
        needed.extend(running.flat_map(|key| known.numbers_of(key.release)));
        let numbers = known.kept.keys().copied();
        let removed: Vec<u64> = numbers.filter(|number| !needed.contains(number)).collect();
        let known = self.app_mut(app)?;
        let mut bytes = 0;
        for number in &removed {
            bytes += known.kept.remove(number).map_or(0, |kept| kept.bytes);
            known.failed.remove(number);
            remove_in_background(known.store.clone(), *number);
        }
        Ok(Answer::Pruned(Pruned { removed, bytes }))
    }
}
