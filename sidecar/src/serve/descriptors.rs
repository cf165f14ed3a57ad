//! The limit of open descriptors: connections are numbered from `fd_base` up.

use super::Error;
use crate::config::Daemon;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Fewest connections a worker is started for when the limit allows no more.
const CONNECTIONS_MIN: u32 = 64;

/// Raises the limit as far as it goes and fits `limits.connections_max` below it.
pub(super) fn raise(daemon: &mut Daemon) -> Result<(), Error> {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard })
        .map_err(|error| Error::start("the limit of open descriptors cannot be raised", error))?;
    let hard = u32::try_from(hard.unwrap_or(u64::MAX)).unwrap_or(u32::MAX).min(i32::MAX as u32);
    let room = hard.saturating_sub(daemon.fd_base);
    let wanted = daemon.limits.connections_max;
    if room < wanted.min(CONNECTIONS_MIN) {
        return Err(Error::Start(format!(
            "at most {hard} descriptors may be open, and connections begin at fd_base = {}: raise \
             the hard limit (ulimit -Hn, LimitNOFILE=) to {} or lower fd_base",
            daemon.fd_base,
            daemon.fd_base.saturating_add(wanted)
        )));
    }
    if room < wanted {
        tracing::warn!(
            "limits.connections_max is {room} instead of {wanted}: at most {hard} descriptors may be \
             open (ulimit -Hn, LimitNOFILE=)"
        );
        daemon.limits.connections_max = room;
    }
    Ok(())
}
