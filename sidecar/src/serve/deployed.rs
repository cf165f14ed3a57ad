//! A release that is deployed here: its prototype, catalog and pools.

use super::confinement::Confinement;
use super::directories;
use super::event::{Events, Incarnation};
use super::key::{PoolKey, ReleaseKey};
use super::pool::Pool;
use super::prototype::Prototype;
use super::settings::Settings;
use super::staging::Staging;
use crate::config::functions::cache_options;
use crate::config::{self, Deployment, OpenBasedir, Scheduled};
use jobs::Planned;
use net::Address;
use protocol::{
    Boot, Catalog, Confidential, DEFAULT_POOL, JOBS_POOL, PoolBoot, Report, body_to_vec,
};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest pause between two starts of something that keeps failing.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How often a prototype was started. A number for each, so that what an earlier life of the same
/// release still says, or its end, is not taken for this one's.
static LIVES: AtomicU32 = AtomicU32::new(1);
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
    /// Those that have functions, by their index in `boot.pools`; empty before the first Ready.
    pub(super) pools: BTreeMap<u16, Pool>,
    pub(super) start_failures: u32,
    /// Until it could take over: who waits for that.
    pub(super) staging: Option<Staging>,
    /// It was staged, and waits to be activated: as the how-many-eth, so that the oldest is known.
    pub(super) awaits: Option<u64>,
    /// It is not current: when it stops at the latest.
    pub(super) drains_until: Option<Instant>,
    /// It stops as soon as nobody uses it.
    pub(super) asked_to_drain: bool,
    /// Its processes are ending.
    pub(super) stopping: bool,
    /// Which retirement of a release here was its last one; 0 = it was never current.
    pub(super) retired: u64,
    /// Where its processes find the generations of its settings.
    settings_dir: PathBuf,
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
        let settings_dir = settings_dir(&key, settings);
        Self {
            key,
            deployment,
            boot,
            state: ReleaseState::Starting,
            prototype: None,
            published: None,
            report: Report::default(),
            pools: BTreeMap::new(),
            start_failures: 0,
            staging: None,
            awaits: None,
            drains_until: None,
            asked_to_drain: false,
            stopping: false,
            retired: 0,
            settings_dir,
        }
    }

    /// Starts the prototype; says which life of it this is.
    pub(super) fn start(
        &mut self,
        settings: &Settings,
        events: &Events,
    ) -> Result<Incarnation, String> {
        let Deployment { config, policy, .. } = &self.deployment;
        let resources = config::assemble_resources(config, policy);
        self.boot.resources = Confidential(resources.map_err(|error| error.to_string())?);
        let number = LIVES.fetch_add(1, Ordering::Relaxed);
        let life = Incarnation { release: self.key.clone(), number };
        let folder = settings.temp_dir.join(self.key.to_string()).join(number.to_string());
        let (root, user) = (&self.deployment.root, settings.users.get(&self.key.app));
        let unpacked = [settings.state_dir.join("apps"), settings.temp_dir.clone()];
        let unpacked = unpacked.iter().filter_map(|folder| folder.canonicalize().ok());
        if unpacked.into_iter().any(|folder| root.starts_with(folder)) {
            directories::share_release(root, user.map(|user| user.gid))
                .map_err(|error| format!("{}: {error}", root.display()))?;
        }
        directories::make_temp(&folder, user.map(|user| (user.uid, user.gid)))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        self.boot.temp_dir = folder.display().to_string();
        let confinement = Confinement::of(&self.deployment, settings);
        let (boot, binary) = (&self.boot, &settings.php_binary);
        let given = (binary.as_path(), &settings.life);
        let prototype = Prototype::start(boot, life.clone(), confinement, given, events.clone());
        self.prototype = Some(
            prototype
                .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?,
        );
        self.state = ReleaseState::Starting;
        Ok(life)
    }

    /// Whether the last start failed, although another may be under way. The first failure counted
    /// is the end of a prototype that ran.
    pub(super) fn fails_to_start(&self) -> bool {
        matches!(self.state, ReleaseState::Failed(_)) || self.start_failures > 1
    }

    /// From now on it is for those who began in it.
    pub(super) fn begin_to_drain(&mut self, until: Instant) {
        self.drains_until = Some(until);
        for pool in self.pools.values_mut() {
            pool.limits.min = 1;
            pool.watch.shrink_at = Some(Instant::now());
        }
    }

    /// Makes the folder of its settings, which the application's own user may read.
    pub(super) fn make_settings_dir(&self, settings: &Settings) -> io::Result<()> {
        let gid = settings.users.get(&self.key.app).map(|user| user.gid);
        directories::make_shared(&self.settings_dir, gid)
    }

    /// The folder of its settings.
    pub(super) fn settings_dir(&self) -> &Path {
        &self.settings_dir
    }

    /// Whether `from` is the life of the prototype that runs now.
    pub(super) fn is_current(&self, from: &Incarnation) -> bool {
        self.prototype.as_ref().is_some_and(|prototype| prototype.number == from.number)
    }

    /// The folder for temporary files of the prototype that runs, or ran last.
    pub(super) fn temp_dir(&self) -> &Path {
        Path::new(&self.boot.temp_dir)
    }

    /// Takes the catalog of a prototype that started, and makes the pools that it needs. Those that
    /// fit stay, with their connections; the others are returned.
    pub(super) fn ready(
        &mut self,
        catalog: Catalog,
        report: Report,
        events: &Events,
    ) -> io::Result<BTreeMap<u16, Pool>> {
        for planned in self.planned(&catalog) {
            planned.check(&catalog).map_err(io::Error::other)?;
        }
        let mut before = std::mem::take(&mut self.pools);
        for (boot, index) in self.boot.pools.iter().zip(0..) {
            if !is_needed(boot, &catalog) && !before.contains_key(&index) {
                continue;
            }
            let functions = catalog.functions.len();
            let fits = before.get(&index).is_some_and(|p| p.scoreboard.functions() == functions);
            let pool = match before.remove(&index).filter(|_| fits) {
                Some(pool) => pool,
                None => self.create_pool(index, boot, functions, events)?,
            };
            self.pools.insert(index, pool);
        }
        let hash = hash_of(&catalog);
        self.published = Some(Published { catalog, hash });
        self.report = report;
        self.state = ReleaseState::Running;
        self.start_failures = 0;
        Ok(before)
    }

    /// Its schedules, of its code and of its `app.toml`; one that both have is one.
    pub(super) fn planned(&self, catalog: &Catalog) -> Vec<Planned> {
        let mut planned = Planned::of(catalog);
        for more in self.deployment.config.schedule.iter().map(Scheduled::planned) {
            if !planned.iter().any(|one| one.name() == more.name()) {
                planned.push(more);
            }
        }
        planned
    }

    /// Makes the pool for jobs. `false` if it is there, or no catalog is.
    pub(super) fn add_jobs_pool(&mut self, events: &Events) -> io::Result<bool> {
        let is_for_jobs = |(boot, _): &(&PoolBoot, u16)| boot.name == JOBS_POOL;
        let place = self.boot.pools.iter().zip(0..).find(is_for_jobs);
        let place = place.map(|(boot, index)| (boot.clone(), index));
        let published = self.published.as_ref().map(|published| published.catalog.functions.len());
        let (Some((boot, index)), Some(functions)) = (place, published) else {
            return Ok(false);
        };
        if self.pools.contains_key(&index) {
            return Ok(false);
        }
        let pool = self.create_pool(index, &boot, functions, events)?;
        self.pools.insert(index, pool);
        Ok(true)
    }

    fn create_pool(
        &self,
        index: u16,
        boot: &PoolBoot,
        functions: usize,
        events: &Events,
    ) -> io::Result<Pool> {
        let key = PoolKey { release: self.key.clone(), index };
        // One for each of `boot.pools`.
        let limits = self.deployment.pools[usize::from(index)].executors.clone();
        Pool::create(key, boot.clone(), limits, functions, events.clone())
    }

    /// The pool a Hello asks for. Whoever does not know the catalog yet asks for the default pool;
    /// if there is none, it gets the one there is.
    pub(super) fn pool_named(&self, name: &str) -> Option<&Pool> {
        let name = if name.is_empty() { DEFAULT_POOL } else { name };
        let named = self.pools.values().find(|pool| pool.boot.name == name);
        named.or_else(|| self.pools.values().next().filter(|_| name == DEFAULT_POOL))
    }
}

/// Whether any function runs in the pool. A release without functions has the default pool, so that
/// its callers are told which function is missing.
fn is_needed(pool: &PoolBoot, catalog: &Catalog) -> bool {
    let runs = catalog.functions.iter().any(|function| function.pool == pool.name);
    runs || catalog.functions.is_empty() && pool.name == DEFAULT_POOL
}

/// How long to wait after `failures` failures in a row.
pub(super) fn pause_after(failures: u32) -> Duration {
    let doubled = 2u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE_MIN.saturating_mul(doubled).min(PAUSE_MAX)
}

/// Where the processes of a release find the generations of its settings.
fn settings_dir(key: &ReleaseKey, settings: &Settings) -> PathBuf {
    settings.temp_dir.join(key.to_string()).join("settings")
}

fn boot_of(key: &ReleaseKey, deployment: &Deployment, settings: &Settings) -> Boot {
    let (config, daemon) = (&deployment.config, &settings.daemon);
    let pools = deployment.pools.iter().map(|pool| PoolBoot {
        name: pool.name.clone(),
        isolation: pool.isolation,
        max_calls: pool.executors.max_calls,
        timeout_ms: pool.timeout_ms,
    });
    let pairs = |map: &BTreeMap<String, String>| {
        map.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    let mut ini = client_settings(key, settings);
    ini.extend(pairs(&config.ini));
    Boot {
        app: key.app.clone(),
        release: key.release,
        root: deployment.root.display().to_string(),
        entry: config.entry.clone(),
        bootstrap: config.bootstrap.clone(),
        export: config.export.clone(),
        classes: config.values.classes.clone(),
        isolation: config.isolation,
        ini,
        env: pairs(&config.env),
        // Each life of the prototype gets a folder of its own.
        temp_dir: String::new(),
        umask: deployment.umask(),
        open_basedir: open_basedir(key, deployment, settings),
        settings_dir: settings_dir(key, settings).display().to_string(),
        resources: Confidential("{}".to_owned()),
        pools: pools.collect(),
        cache: cache_options(&config.functions),
        frame_bytes_max: daemon.limits.frame_bytes_max,
        value_depth_max: daemon.limits.value_depth_max,
        frame_timeout_ms: daemon.limits.frame_timeout_ms,
        busy_poll_us: daemon.busy_poll_us,
        fd_base: daemon.fd_base,
        connections_max: daemon.limits.connections_max,
    }
}

/// A function that calls another one reaches this worker and its own application, unless it says
/// otherwise; `app.toml` comes after this and may.
fn client_settings(key: &ReleaseKey, settings: &Settings) -> Vec<(String, String)> {
    let unix = settings.daemon.listen.iter().find_map(|address| match address {
        Address::Unix(path) => Some(path),
        Address::Tcp { .. } | Address::Tls { .. } => None,
    });
    let inner = settings.inner_socket.as_ref();
    let inner = inner.filter(|_| settings.users.contains_key(&key.app));
    let mut settings = vec![("appserver.app".to_owned(), key.app.to_string())];
    if let Some(path) = inner.or(unix) {
        // Its own working directory may be another one.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let address = Address::Unix(path).to_string();
        settings.push(("appserver.workers".to_owned(), address));
    }
    settings
}

/// Folders beside the release's and the temporary one in which PHP may open files; `None` = anywhere.
fn open_basedir(
    key: &ReleaseKey,
    deployment: &Deployment,
    settings: &Settings,
) -> Option<Vec<String>> {
    match &deployment.policy.open_basedir {
        Some(OpenBasedir::With(folders)) => Some(folders.clone()),
        Some(OpenBasedir::Switch(on)) => on.then(Vec::new),
        None => settings.users.contains_key(&key.app).then(Vec::new),
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
