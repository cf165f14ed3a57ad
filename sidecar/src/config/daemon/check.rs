//! What the types of `appserver.toml` do not say.

use super::super::document::Document;
use super::{Daemon, Limits, Worker};
use crate::config::{ConfigError, control, level};
use net::Address;

/// Smallest `limits.frame_bytes_max`, in bytes: greetings and failures fit, with room to spare.
const FRAME_BYTES_LEAST: u32 = 4096;

pub(super) fn check(document: &Document, daemon: &Daemon) -> Result<(), ConfigError> {
    check_limits(document, &daemon.limits)?;
    daemon.jobs.check(document)?;
    if daemon.fd_base < 1024 {
        let message = "must be at least 1024: PHP's select() can use the descriptors below";
        return Err(document.error("fd_base", message));
    }
    if u32::from_str_radix(&daemon.socket.mode, 8).is_err() {
        return Err(document.error("socket.mode", "must be octal, e.g. \"0660\""));
    }
    for (given, other) in [("tls.certificate", "tls.key"), ("tls.key", "tls.certificate")] {
        if document.sets(given) && !document.sets(other) {
            return Err(document.error(given, format!("needs {other} as well")));
        }
    }
    level::check(&daemon.log.level).map_err(|message| document.error("log.level", message))?;
    check_addresses(&daemon.listen).map_err(|message| document.error("listen", message))?;
    control::check(document, daemon)?;
    for (name, policy) in &daemon.apps.named {
        policy
            .check(name)
            .map_err(|(key, message)| document.error(&format!("apps.{name}.{key}"), message))?;
    }
    check_workers(document, &daemon.membership.workers)
}

fn check_workers(document: &Document, workers: &[Worker]) -> Result<(), ConfigError> {
    for (index, worker) in workers.iter().enumerate() {
        if workers[..index].iter().any(|other| other.address == worker.address) {
            let message = format!("{} is given twice", worker.address);
            return Err(document.error("membership.workers", message));
        }
    }
    Ok(())
}

fn check_limits(document: &Document, limits: &Limits) -> Result<(), ConfigError> {
    let positive = [
        ("limits.frame_bytes_max", limits.frame_bytes_max),
        ("limits.value_depth_max", limits.value_depth_max),
        ("limits.connections_max", limits.connections_max),
        ("limits.handshakes_max", limits.handshakes_max),
        ("limits.hello_timeout_ms", limits.hello_timeout_ms),
        ("limits.frame_timeout_ms", limits.frame_timeout_ms),
        ("limits.unread_timeout_ms", limits.unread_timeout_ms),
    ];
    if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
        return Err(document.error(name, "must be at least 1"));
    }
    if limits.frame_bytes_max < FRAME_BYTES_LEAST {
        let message = format!("must be at least {FRAME_BYTES_LEAST}: a Hello needs that much");
        return Err(document.error("limits.frame_bytes_max", message));
    }
    let of_frames = [
        ("limits.remote_bytes_max", limits.remote_bytes_max),
        ("limits.job_bytes_max", limits.job_bytes_max),
    ];
    if let Some((name, _)) = of_frames.iter().find(|(_, most)| *most < limits.frame_bytes_max) {
        return Err(document.error(name, "must be at least limits.frame_bytes_max"));
    }
    Ok(())
}

/// Nothing can be bound twice; port 0 is another one each time.
pub(in crate::config) fn check_addresses(addresses: &[Address]) -> Result<(), String> {
    for (index, address) in addresses.iter().enumerate() {
        if addresses[..index].contains(address) && !address.takes_any_port() {
            return Err(format!("{address} is given twice"));
        }
    }
    Ok(())
}
