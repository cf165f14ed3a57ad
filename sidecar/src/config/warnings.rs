//! What may be meant, but seldom is: told by `appserver config check`, which finds nothing wrong with it.

use super::{Configuration, Daemon};
use net::Address;

/// One line each.
pub(crate) fn warnings(configuration: &Configuration) -> Vec<String> {
    let Configuration { daemon, deployments } = configuration;
    let has_schedules = deployments.iter().any(|one| !one.config.schedule.is_empty());
    let knows_others = !daemon.membership.workers.is_empty();
    let alone = has_schedules.then(|| schedules_alone(&daemon.listen, knows_others)).flatten();
    volatile_jobs(daemon).into_iter().chain(alone).collect()
}

/// What is below `/run`, where a runtime folder usually is, is memory.
fn volatile_jobs(daemon: &Daemon) -> Option<String> {
    let folder = daemon.runtime_dir.as_ref().filter(|_| daemon.jobs.enabled)?;
    daemon.state_dir.is_none().then(|| {
        format!(
            "runtime_dir is set and state_dir is not: jobs are kept in {}, and lost with it; set \
             state_dir to a folder on a disk",
            folder.join("jobs.db").display()
        )
    })
}

/// To be told where there are schedules. A worker that only this host reaches is taken for the only one.
pub(crate) fn schedules_alone(listen: &[Address], knows_others: bool) -> Option<String> {
    let is_remote = |address: &Address| !matches!(address, Address::Unix(_));
    (!knows_others && listen.iter().any(is_remote)).then(|| {
        "there are schedules, and this worker knows of no others: if several serve the application, each \
         makes a job at every tick; list all of them in [[membership.workers]] of each, and one of them does"
            .to_owned()
    })
}
