//! What the administrator says of an application goes before what its `app.toml` says.

use super::apps::Policy;
use super::document::Document;
use super::pools::{self, Pool};
use super::{Application, ConfigError, queues};

/// Puts both together; the pools are what comes of it. What an `app.toml` may not ask for is told with its line there.
pub(super) fn merge(
    config: &mut Application,
    policy: &Policy,
    document: &Document,
) -> Result<Vec<Pool>, ConfigError> {
    let pools = pools::resolve(config, policy);
    fn over<T: Copy>(given: Option<T>, value: &mut T) {
        if let Some(given) = given {
            *value = given;
        }
    }
    over(policy.timeout_ms, &mut config.timeout_ms);
    over(policy.start_timeout_ms, &mut config.start_timeout_ms);
    config.executors.overlay(&policy.executors);
    config.queues = queues::merged(&config.queues, &policy.queues);
    for name in ["open_basedir", "opcache.preload_user"] {
        if config.ini.contains_key(name) {
            let message = "only the worker's administrator can say this: in appserver.toml, in the \
                           section [apps.NAME] of this application";
            return Err(document.error(&format!("ini.{name}"), message));
        }
    }
    // Later entries go before earlier ones, but a map has one of each name.
    config.ini.extend(policy.ini.clone());
    config.env.extend(policy.env.clone());
    let mut allowed = policy.limits.clone();
    let pairs = config.limits.all_mut().into_iter().zip(allowed.all_mut());
    for ((name, asked), (_, allowed)) in pairs {
        if let (Some(value), Some(most)) = (*asked, *allowed)
            && value > most
        {
            let message = format!("{value} is more than the {most} that the administrator allows");
            return Err(document.error(name, message));
        }
        *asked = asked.or(*allowed);
    }
    Ok(pools)
}
