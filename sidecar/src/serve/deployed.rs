//! A release that is deployed here: its prototype, catalog and pools.

use super::event::{Events, Incarnation};
use super::key::{PoolKey, ReleaseKey};
use super::pool::Pool;
use super::prototype::Prototype;
use super::settings::Settings;
use crate::config::Deployment;
use protocol::{
    Boot, Catalog, DEFAULT_POOL, Isolation, PoolBoot, RESIDENT_POOL, Report, body_to_vec,
};
use std::io;
use std::time::Duration;

/// Longest pause between two starts of something that keeps failing.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Pause after the first failure; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// A release and what runs of it.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) key: ReleaseKey,
    pub(super) deployment: Deployment,
    pub(super) boot: Boot,
    pub(super) state: ReleaseState,
    pub(super) prototype: Option<Prototype>,
    pub(super) published: Option<Published>,
    pub(super) report: Report,
    /// As in `boot.pools`; empty before the first Ready.
    pub(super) pools: Vec<Pool>,
    pub(super) start_failures: u32,
    lives: u32,
}

/// Where a release stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReleaseState {
    Starting,
    Running,
    /// Its prototype did not start, or keeps dying: the reason.
    Failed(String),
}

/// A catalog as clients get it.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) catalog: Catalog,
    pub(super) hash: u64,
}

impl Deployed {
    pub(super) fn new(key: ReleaseKey, deployment: Deployment, settings: &Settings) -> Self {
        let boot = boot_of(&key, &deployment, settings);
        Self {
            key,
            deployment,
            boot,
            state: ReleaseState::Starting,
            prototype: None,
            published: None,
            report: Report::default(),
            pools: Vec::new(),
            start_failures: 0,
            lives: 0,
        }
    }

    /// Starts the prototype; says which life of it this is.
    pub(super) fn start(
        &mut self,
        settings: &Settings,
        events: &Events,
    ) -> io::Result<Incarnation> {
        self.lives += 1;
        let life = Incarnation { release: self.key.clone(), number: self.lives };
        self.prototype =
            Some(Prototype::start(&self.boot, life.clone(), settings, events.clone())?);
        self.state = ReleaseState::Starting;
        Ok(life)
    }

    /// Whether `from` is the life of the prototype that runs now.
    pub(super) fn is_current(&self, from: &Incarnation) -> bool {
        self.prototype.as_ref().is_some_and(|prototype| prototype.number == from.number)
    }

    /// Takes the catalog of a prototype that started, and makes or refills the pools.
    pub(super) fn ready(
        &mut self,
        catalog: Catalog,
        report: Report,
        events: &Events,
    ) -> io::Result<()> {
        let functions = catalog.functions.len();
        if self.pools.first().is_none_or(|pool| pool.scoreboard.functions() != functions) {
            self.pools = self.create_pools(functions, events)?;
        }
        for pool in &mut self.pools {
            let used = catalog.functions.iter().any(|function| function.pool == pool.boot.name);
            pool.wanted = if used { pool.wanted.max(pool.limits.min) } else { 0 };
        }
        let hash = hash_of(&catalog);
        self.published = Some(Published { catalog, hash });
        self.report = report;
        self.state = ReleaseState::Running;
        self.start_failures = 0;
        Ok(())
    }

    fn create_pools(&self, functions: usize, events: &Events) -> io::Result<Vec<Pool>> {
        let pools = self.boot.pools.iter().zip(0..);
        pools
            .map(|(boot, index)| {
                let key = PoolKey { release: self.key.clone(), index };
                let limits = self.deployment.config.executors.clone();
                Pool::create(key, boot.clone(), limits, functions, events.clone())
            })
            .collect()
    }

    /// The pool a Hello asks for. Whoever does not know the catalog yet asks for the default pool;
    /// if that has no functions, it gets the one that has.
    pub(super) fn pool_named(&self, name: &str) -> Option<&Pool> {
        let name = if name.is_empty() { DEFAULT_POOL } else { name };
        let named = self.pools.iter().find(|pool| pool.boot.name == name)?;
        if named.wanted > 0 || name != DEFAULT_POOL {
            return Some(named);
        }
        self.pools.iter().find(|pool| pool.wanted > 0)
    }
}

/// How long to wait after `failures` failures in a row.
pub(super) fn pause_after(failures: u32) -> Duration {
    let doubled = 2u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE_MIN.saturating_mul(doubled).min(PAUSE_MAX)
}

fn boot_of(key: &ReleaseKey, deployment: &Deployment, settings: &Settings) -> Boot {
    let (config, daemon) = (&deployment.config, &settings.daemon);
    let pool = |name: &str, isolation| PoolBoot {
        name: name.to_owned(),
        isolation,
        max_calls: config.executors.max_calls,
    };
    let pairs = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    Boot {
        app: key.app.clone(),
        release: key.release,
        root: deployment.root.display().to_string(),
        entry: config.entry.clone(),
        bootstrap: config.bootstrap.clone(),
        export: config.export.clone(),
        classes: config.values.classes.clone(),
        isolation: config.isolation,
        timeout_ms: config.timeout_ms,
        ini: pairs(&config.ini),
        env: pairs(&config.env),
        temp_dir: settings.temp_dir.display().to_string(),
        umask: 0o027,
        pools: vec![
            pool(DEFAULT_POOL, Isolation::Stateless),
            pool(RESIDENT_POOL, Isolation::Resident),
        ],
        frame_bytes_max: daemon.limits.frame_bytes_max,
        value_depth_max: daemon.limits.value_depth_max,
        frame_timeout_ms: daemon.limits.frame_timeout_ms,
        busy_poll_us: daemon.busy_poll_us,
        fd_base: daemon.fd_base,
        connections_max: daemon.limits.connections_max,
    }
}

/// By it a client knows whether it has this catalog already; 0 means that it has none.
fn hash_of(catalog: &Catalog) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(&body_to_vec(catalog)).as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        assert_eq!(pause_after(1), PAUSE_MIN);
        assert_eq!(pause_after(3), PAUSE_MIN * 4);
        assert_eq!(pause_after(1000), PAUSE_MAX);
    }
}
