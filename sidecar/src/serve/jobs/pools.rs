//! Pools for jobs, so that jobs take no executor from calls. A release gets one with its first job.

use super::super::deployed::{Deployed, Published};
use super::super::event::Event;
use super::super::key::ReleaseKey;
use super::super::members::listens_at;
use super::super::supervisor::Supervisor;
use super::command::Command;
use crate::config::queues::{self, Queues};
use jobs::{Planned, Rules};
use protocol::{AppName, JOBS_POOL, Membership, rank};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Supervisor {
    /// Makes the pool for jobs of a release that runs, if it has none.
    pub(in crate::serve) fn ensure_jobs_pool(&mut self, key: &ReleaseKey) {
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        match deployed.add_jobs_pool(&self.events) {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                return tracing::error!(release = %key, %error, "no pool for jobs can be made");
            }
        }
        let pool = deployed.pools.values().find(|pool| pool.boot.name == JOBS_POOL);
        let pool = pool.map(|pool| pool.key.clone());
        if self.route_of(&key.app).current != key.release
            && let Some(pool) = pool.as_ref().and_then(|key| self.pool_mut(key))
        {
            pool.retire();
        }
        self.tell_executors_epoch();
        if let Some(deployed) = self.releases.get(key)
            && let Err(error) = self.give_settings(deployed)
        {
            tracing::error!(release = %key, %error, "its settings cannot be written");
        }
        if let Some(pool) = pool {
            self.fill(&pool);
        }
    }

    /// Before the first job of an application runs in its current release.
    pub(in crate::serve) fn make_room_for_jobs(&mut self, app: &AppName) {
        if let Ok(app) = self.find_app(app).cloned() {
            let release = self.route_of(&app).current;
            self.ensure_jobs_pool(&ReleaseKey { app, release });
        }
    }

    /// Whether jobs of a release ran, or are to.
    pub(in crate::serve) fn has_jobs_pool(&self, key: &ReleaseKey) -> bool {
        let pools = self.releases.get(key).map(|deployed| deployed.pools.values());
        pools.into_iter().flatten().any(|pool| pool.boot.name == JOBS_POOL)
    }

    /// Limits of its queues, by its current release and the administrator.
    pub(super) fn queues_of(&self, app: &AppName) -> Option<Queues> {
        let key = ReleaseKey { app: app.clone(), release: self.route_of(app).current };
        let own = &self.releases.get(&key)?.deployment.own_queues;
        Some(match self.queues.of.get(app) {
            Some(said) => queues::merged(own, said),
            None => own.clone(),
        })
    }

    /// Tells the keeper of jobs what the current release of an application can run.
    pub(in crate::serve) fn tell_jobs(&self, app: &AppName) {
        let release = self.route_of(app).current;
        let refuses = self.apps.get(app).is_some_and(|known| known.refuses().is_some());
        let key = ReleaseKey { app: app.clone(), release };
        let deployed = self.releases.get(&key).filter(|deployed| !refuses && !deployed.stopping);
        let published = deployed.and_then(|deployed| deployed.published.as_ref());
        let rules = deployed.zip(published).map(|(deployed, Published { catalog, .. })| {
            let planned = deployed.planned(catalog);
            let planned = planned.into_iter().filter(|one| self.ticks(app, one));
            let limits = self.queues_of(app).as_ref().map(queues::limits).unwrap_or_default();
            Rules::new(catalog, limits).with_schedules(planned.collect())
        });
        let pools = deployed.map(|deployed| deployed.deployment.pools.iter());
        let for_jobs = pools.into_iter().flatten().find(|pool| pool.name == JOBS_POOL);
        // While it does not start, jobs are taken in and wait.
        let begins = rules.is_some() && !deployed.is_some_and(Deployed::fails_to_start);
        let slots = for_jobs.filter(|_| begins).map_or(0, |pool| pool.executors.max.into());
        self.jobs.send(Command::Rules { app: app.clone(), rules: rules.map(Box::new), slots });
    }

    /// Whether a schedule is this worker's to keep. Of several workers it is the same one's for all.
    fn ticks(&self, app: &AppName, planned: &Planned) -> bool {
        let members = &self.membership.members;
        if members.is_empty() {
            return true;
        }
        let key = ["schedule", app.as_str(), &planned.name()].join("\0");
        let each = members.iter().map(|member| (member.address.as_str(), member.weight));
        let owner = rank(each, key.as_bytes()).first().map(|index| &members[*index].address);
        owner.is_some_and(|owner| self.own_addresses.contains(owner))
    }

    /// Finds out which members of the list are this worker, on a thread: names may have to be looked up.
    pub(in crate::serve) fn look_for_itself(&self) {
        let (settings, events) = (Arc::clone(&self.settings), self.events.clone());
        let list = self.membership.clone();
        tokio::task::spawn_blocking(move || {
            let is_own = |address: &String| {
                address.parse().is_ok_and(|address| listens_at(&settings.daemon, &address))
            };
            let addresses = list.members.iter().map(|member| member.address.clone());
            let own = addresses.filter(is_own).collect();
            // The worker may have ended meanwhile.
            let _ = events.blocking_send(Event::FoundItself { list, own });
        });
    }

    pub(in crate::serve) fn on_found_itself(&mut self, list: &Membership, own: BTreeSet<String>) {
        // Of another list it says nothing: whoever changed that asked anew.
        if *list != self.membership {
            return;
        }
        if own.is_empty() && !self.membership.members.is_empty() {
            tracing::warn!(
                "no address of membership.workers is this worker's: it keeps no schedules (one that is \
                 corrected is looked at on SIGHUP)"
            );
        }
        if own != self.own_addresses {
            self.own_addresses = own;
            for app in self.apps.keys() {
                self.tell_jobs(app);
            }
        }
    }
}
