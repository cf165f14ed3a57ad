//! What a deployed application's code is given by the process it runs in: its settings, which change
//! while it runs, and its named resources. No PHP here.
//!
//! `appserver-php` hands it over through the C functions of `crate::deployed_abi`; in a caller's
//! process nobody does, and `deployment` says so.

pub(crate) mod job;
mod resources;
mod settings;

pub(crate) use resources::Resource;
pub(crate) use settings::{Found, Generation};

use resources::Resources;
use rustix::time::{ClockId, clock_gettime};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Fixed for the life of the process and of those that it forks.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) settings: settings::Folder,
    pub(crate) resources: Resources,
}

/// Set by the worker for the programs of `[[provision]]`: the name of a file.
const RESOURCES_VARIABLE: &str = "APPSERVER_RESOURCES";

static DEPLOYMENT: OnceLock<Deployment> = OnceLock::new();

/// Takes over what the application is given; false when it cannot be understood. `folder` may be
/// empty: the application has no settings.
pub(crate) fn hand_over(folder: &str, resources: &str) -> bool {
    let Some(resources) = Resources::from_json(resources) else {
        return false;
    };
    let folder = (!folder.is_empty()).then(|| PathBuf::from(folder));
    DEPLOYMENT.set(Deployment { settings: settings::Folder::new(folder), resources }).is_ok()
}

/// `None` in the process of a caller. A program that prepares the ground for a release is given the
/// application's resources in a file.
pub(crate) fn deployment() -> Option<&'static Deployment> {
    if DEPLOYMENT.get().is_none()
        && let Some(file) = std::env::var_os(RESOURCES_VARIABLE)
        && let Ok(resources) = std::fs::read_to_string(file)
    {
        hand_over("", &resources);
    }
    DEPLOYMENT.get()
}

pub(crate) use settings::announce;

/// By when the running call has to end, in nanoseconds of CLOCK_MONOTONIC; 0 = no call, or no limit.
static DEADLINE_NS: AtomicU64 = AtomicU64::new(0);

/// The call that begins has to end by then.
pub(crate) fn limit(deadline_ns: u64) {
    DEADLINE_NS.store(deadline_ns, Ordering::Relaxed);
}

/// What is left of the running call's time, if this process runs one that has a limit: calls that it
/// makes need not go on for longer.
pub(crate) fn time_left() -> Option<Duration> {
    let deadline_ns =
        Some(DEADLINE_NS.load(Ordering::Relaxed)).filter(|deadline| *deadline != 0)?;
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0));
    Some(Duration::from_nanos(deadline_ns).saturating_sub(now))
}
