//! Releases that are not current any more: some stay warm for a rollback, the others run on for
//! those who began in them, and then stop.

use super::app::{App, unknown_release};
use super::deployed::Deployed;
use super::event::Retry;
use super::jobs::PEER;
use super::key::ReleaseKey;
use super::stage::remove_in_background;
use super::store::AppState;
use super::supervisor::Supervisor;
use crate::admin::{AdminError, Answer, Code, Number, Prune, Pruned, Reply};
use protocol::{AppName, ReleaseId, ToPrototype};
use std::time::{Duration, Instant};

/// From one look whether a drained release is empty to the next.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The same, when nothing but jobs keeps it.
const LOOK_AT_JOBS_AGAIN: Duration = Duration::from_millis(500);
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
            .filter(|deployed| deployed.staging.is_none() && deployed.awaits.is_none())
            .filter(|deployed| !in_use.contains(&deployed.key.release))
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
        self.bound_draining(app);
    }

    /// Releases that follow one another quickly do not pile up: the oldest one stops before its time,
    /// first of those that nobody has a connection to. No call is cut short.
    fn bound_draining(&mut self, app: &AppName) {
        let draining = |deployed: &&Deployed| {
            deployed.key.app == *app && deployed.drains_until.is_some() && !deployed.stopping
        };
        let all: Vec<&Deployed> = self.releases.values().filter(draining).collect();
        let beyond = all.len().saturating_sub(self.settings.daemon.releases.draining_max.into());
        let mut idle: Vec<(bool, u64, ReleaseKey)> = all
            .iter()
            .filter(|deployed| deployed.pools.values().all(|pool| pool.in_flight() == 0))
            .map(|deployed| (self.is_used(&deployed.key), deployed.retired, deployed.key.clone()))
            .collect();
        idle.sort_by_key(|(used, retired, _)| (*used, *retired));
        for (_, _, key) in idle.into_iter().take(beyond) {
            tracing::info!(release = %key, "more than releases.draining_max are draining");
            self.stop_release(&key);
        }
    }

    /// A release that was staged stays so until it is activated or given up; only so many do.
    pub(super) fn keep_staged(&mut self, key: &ReleaseKey) {
        let known = self.apps.get(&key.app);
        let is_current = known.is_some_and(|known| known.routing.current == key.release);
        self.stagings += 1;
        let serial = self.stagings;
        if let Some(deployed) = self.releases.get_mut(key).filter(|_| !is_current) {
            deployed.awaits = Some(serial);
        }
        let awaiting = self.releases.values().filter(|deployed| deployed.key.app == key.app);
        let mut awaiting: Vec<_> =
            awaiting.filter_map(|d| Some((d.awaits?, d.key.clone()))).collect();
        awaiting.sort_by_key(|(serial, _)| *serial);
        let max = usize::from(self.settings.daemon.releases.staged_max);
        let beyond = awaiting.len().saturating_sub(max);
        for (_, key) in awaiting.into_iter().take(beyond) {
            tracing::info!(release = %key, "given up: more than releases.staged_max are staged");
            self.let_go(&key);
        }
    }

    /// What a state named as canary or as prepared, and the one that replaced it does not name at all,
    /// was given up.
    pub(super) fn give_up_named(&mut self, app: &AppName, before: &AppState) {
        let Some(known) = self.apps.get(app) else {
            return;
        };
        let canary = before.canary.map(|canary| canary.release);
        let needed: Vec<u64> = known.needed().collect();
        let named = [canary, before.prepared].into_iter().flatten();
        let given_up = named.filter(|number| !needed.contains(number));
        let given_up: Vec<_> = given_up.filter_map(|number| known.release(number)).collect();
        for release in given_up {
            let key = ReleaseKey { app: app.clone(), release };
            if let Some(deployed) = self.releases.get_mut(&key) {
                deployed.awaits = None;
            }
        }
    }

    /// A release stops as soon as its calls have ended, or at the end of the drain time.
    pub(super) fn let_go(&mut self, key: &ReleaseKey) {
        let drain = Duration::from_millis(self.settings.daemon.releases.drain_timeout_ms);
        if let Some(deployed) = self.releases.get_mut(key) {
            deployed.awaits = None;
            deployed.begin_to_drain(Instant::now() + drain);
            deployed.asked_to_drain = true;
            self.on_drained(key);
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
        if now >= until && self.runs_jobs(key) {
            self.retry_after(LOOK_AT_JOBS_AGAIN, Retry::Drained(key.clone()));
        } else if empty || now >= until {
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

    /// Whether attempts at jobs run in it. They are bounded by the timeouts of their jobs alone, because
    /// what one did would have to be done again.
    fn runs_jobs(&self, key: &ReleaseKey) -> bool {
        let pools = self.releases.get(key).into_iter().flat_map(|d| d.pools.values());
        let held: Vec<u64> = pools.flat_map(super::pool::Pool::held).collect();
        let for_jobs = self.connections.iter().filter(|connection| connection.peer == PEER);
        for_jobs.map(|connection| connection.id.to_u64()).any(|id| held.contains(&id))
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
        self.clear_removed(&key.app);
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
        if self.releases.get(&key).is_some_and(|deployed| deployed.staging.is_some()) {
            self.give_up_staging(&key, "it was drained before it was ready");
        } else {
            self.let_go(&key);
        }
        Ok(Answer::App(self.app_report(app, self.app(app)?)))
    }

    /// Staged releases that are not among these numbers stop; their files go with the next `prune`.
    fn give_up_staged(&mut self, app: &AppName, needed: &[u64]) {
        let Ok(known) = self.app(app) else {
            return;
        };
        let stays = |release| known.numbers_of(release).any(|number| needed.contains(&number));
        let staged = self.releases.values().filter(|d| d.key.app == *app && d.awaits.is_some());
        let staged = staged.filter(|deployed| !stays(deployed.key.release));
        for key in staged.map(|deployed| deployed.key.clone()).collect::<Vec<_>>() {
            self.let_go(&key);
        }
    }

    /// Removes releases from the disk but for the newest and those that are needed.
    pub(super) fn prune(&mut self, app: &AppName, body: &Prune) -> Reply {
        let known = self.app(app)?;
        let mut needed: Vec<u64> = known.needed().collect();
        needed.extend(known.kept.keys().rev().take(body.keep));
        self.give_up_staged(app, &needed);
        let known = self.app(app)?;
        let running = self.releases.values().filter(|deployed| deployed.key.app == *app);
        needed.extend(running.flat_map(|deployed| numbers_in_use(known, deployed)));
        let numbers = known.kept.keys().copied();
        let removed: Vec<u64> = numbers.filter(|number| !needed.contains(number)).collect();
        let known = self.app_mut(app)?;
        let mut bytes = 0;
        for number in &removed {
            bytes += known.kept.remove(number).map_or(0, |kept| kept.bytes);
            known.failed.remove(number);
        }
        if !removed.is_empty() {
            remove_in_background(known.store.clone(), removed.clone());
        }
        Ok(Answer::Pruned(Pruned { removed, bytes }))
    }
}

/// Numbers whose files a release that runs still needs. Of several deploys of the same files it runs in
/// those of the first, so the others can go.
fn numbers_in_use(app: &App, deployed: &Deployed) -> Vec<u64> {
    let root = &deployed.deployment.root;
    let has_root = |number| app.store.root(number).canonicalize().is_ok_and(|path| path == *root);
    let staging = deployed.staging.as_ref().map(|staging| staging.number);
    // Another start, from any of them, may wait for the end of one that stops.
    let is_used = |number: &u64| deployed.stopping || staging == Some(*number) || has_root(*number);
    app.numbers_of(deployed.key.release).filter(is_used).collect()
}
