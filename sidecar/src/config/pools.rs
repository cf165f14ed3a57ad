//! `[pools.NAME]`: executors that some functions have to themselves. "default" and "resident" are there
//! without being written; `#[AppServer\Pool]` puts a function into another one.

use super::executors::{Executors, ExecutorsGiven};
use super::{Application, Policy};
use protocol::{DEFAULT_POOL, Isolation, RESIDENT_POOL};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most pools of an application: each has executors of its own.
const POOLS_MAX: usize = 16;
/// Longest name of a pool, in bytes.
const NAME_BYTES_MAX: usize = 60;

/// As an `app.toml` says it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PoolGiven {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) isolation: Option<Isolation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u32>,
    pub(crate) executors: ExecutorsGiven,
}

/// `[apps.NAME.pools.POOL]`: as the administrator says it, which holds against the application's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PoolPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u32>,
    pub(crate) executors: ExecutorsGiven,
}

/// What holds for a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) isolation: Isolation,
    /// Longest a call of a function may take that does not say; 0 = as the caller allows.
    pub(crate) timeout_ms: u32,
    pub(crate) executors: Executors,
}

/// Every pool of an application: `config` is what its `app.toml` says, nothing put in yet. From the
/// bottom: application, pool, then what the administrator says of the application and of the pool.
pub(super) fn resolve(config: &Application, policy: &Policy) -> Vec<Pool> {
    let usual = [DEFAULT_POOL, RESIDENT_POOL];
    let more = config.pools.keys().map(String::as_str).filter(|name| !usual.contains(name));
    let resolve = |name: &str| {
        let given = config.pools.get(name).cloned().unwrap_or_default();
        let allowed = policy.pools.get(name).cloned().unwrap_or_default();
        let mut executors = config.executors.clone();
        for layer in [&given.executors, &policy.executors, &allowed.executors] {
            executors.overlay(layer);
        }
        let timeout_ms = allowed.timeout_ms.or(policy.timeout_ms).or(given.timeout_ms);
        Pool {
            name: name.to_owned(),
            isolation: fixed_isolation(name).or(given.isolation).unwrap_or(config.isolation),
            timeout_ms: timeout_ms.unwrap_or(config.timeout_ms),
            executors,
        }
    };
    usual.into_iter().chain(more).map(resolve).collect()
}

/// What the two pools that are always there are like.
fn fixed_isolation(name: &str) -> Option<Isolation> {
    match name {
        DEFAULT_POOL => Some(Isolation::Stateless),
        RESIDENT_POOL => Some(Isolation::Resident),
        _ => None,
    }
}

/// The key of an `app.toml` that is wrong, and why.
pub(super) fn check(config: &Application) -> Result<(), (String, String)> {
    let usual = [DEFAULT_POOL, RESIDENT_POOL].map(str::to_owned);
    let all: BTreeSet<&String> = config.pools.keys().chain(&usual).collect();
    if all.len() > POOLS_MAX {
        return Err(("pools".to_owned(), format!("an application has at most {POOLS_MAX} pools")));
    }
    for (name, given) in &config.pools {
        let key = format!("pools.{name}");
        check_name(name).map_err(|message| (key.clone(), message))?;
        let fixed = fixed_isolation(name);
        if fixed.is_some() && given.isolation.is_some_and(|isolation| Some(isolation) != fixed) {
            let message = "this pool's isolation is fixed; give another pool the isolation, and its \
                           functions #[AppServer\\Pool]";
            return Err((format!("{key}.isolation"), message.to_owned()));
        }
        let executors = given.executors.check();
        executors.map_err(|(inner, message)| (format!("{key}.executors.{inner}"), message))?;
    }
    Ok(())
}

pub(super) fn check_name(name: &str) -> Result<(), String> {
    let good = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-');
    match (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(good) {
        true => Ok(()),
        false => Err(format!(
            "\"{name}\" cannot name a pool: use lower case letters, digits, - and _, at most \
             {NAME_BYTES_MAX}"
        )),
    }
}
