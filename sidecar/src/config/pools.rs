//! `[pools.NAME]`: executors that some functions have to themselves. "default", "resident" and "jobs" are
//! there without being written; `#[AppServer\Pool]` puts a function into another one.

use super::executors::{Executors, ExecutorsGiven};
use super::{Application, Policy};
use protocol::{DEFAULT_POOL, Isolation, JOBS_POOL, RESIDENT_POOL};
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
    let usual = [DEFAULT_POOL, RESIDENT_POOL, JOBS_POOL];
    let more = config.pools.keys().map(String::as_str).filter(|name| !usual.contains(name));
    let resolve = |name: &str| {
        let given = config.pools.get(name).cloned().unwrap_or_default();
        let allowed = policy.pools.get(name).cloned().unwrap_or_default();
        let mut executors = config.executors.clone();
        if name == JOBS_POOL {
            // Jobs can wait until there is another one.
            executors.min = executors.min.min(1);
        }
        for layer in [&given.executors, &policy.executors, &allowed.executors] {
            executors.overlay(layer);
        }
        // What is said of all pools is meant for calls; attempts at jobs have limits of their own.
        let timeout_ms = match name {
            JOBS_POOL => allowed.timeout_ms.or(given.timeout_ms).unwrap_or_default(),
            _ => {
                let nearest = allowed.timeout_ms.or(policy.timeout_ms).or(given.timeout_ms);
                nearest.unwrap_or(config.timeout_ms)
            }
        };
        Pool {
            name: name.to_owned(),
            isolation: fixed_isolation(name).or(given.isolation).unwrap_or(config.isolation),
            timeout_ms,
            executors,
        }
    };
    usual.into_iter().chain(more).map(resolve).collect()
}

/// What the pools that are always there are like.
fn fixed_isolation(name: &str) -> Option<Isolation> {
    match name {
        DEFAULT_POOL => Some(Isolation::Stateless),
        RESIDENT_POOL => Some(Isolation::Resident),
        JOBS_POOL => Some(Isolation::Stateless),
        _ => None,
    }
}

/// The key of an `app.toml` that is wrong, and why.
pub(super) fn check(config: &Application) -> Result<(), (String, String)> {
    let usual = [DEFAULT_POOL, RESIDENT_POOL, JOBS_POOL].map(str::to_owned);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn app(toml: &str) -> Application {
        toml::from_str(toml).unwrap()
    }

    fn wrong(toml: &str) -> (String, String) {
        check(&app(toml)).unwrap_err()
    }

    #[test]
    fn what_a_section_does_not_say_is_as_for_the_application() {
        let config =
            app("isolation = \"resident\"\ntimeout_ms = 7\n[executors]\nmin = 4\nmax = 8\n\
                          [pools.small.executors]\nmax = 2\n[pools.default]\ntimeout_ms = 9\n");
        check(&config).unwrap();
        let pools = resolve(&config, &Policy::default());
        let told = |pool: &Pool| {
            let Executors { min, max, .. } = pool.executors;
            (pool.name.clone(), pool.isolation, pool.timeout_ms, min, max)
        };
        let expected = [
            (DEFAULT_POOL, Isolation::Stateless, 9, 4, 8),
            (RESIDENT_POOL, Isolation::Resident, 7, 4, 8),
            (JOBS_POOL, Isolation::Stateless, 0, 1, 8),
            ("small", Isolation::Resident, 7, 2, 2),
        ];
        let expected = expected.map(|(name, i, t, min, max)| (name.to_owned(), i, t, min, max));
        assert_eq!(pools.iter().map(told).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_cannot_be_is_told_with_its_key() {
        let (key, message) = wrong("[pools.Big]\n");
        assert!(key == "pools.Big" && message.contains("cannot name a pool"), "{message}");
        let (key, message) = wrong("[pools.default]\nisolation = \"resident\"\n");
        assert!(key == "pools.default.isolation" && message.contains("fixed"), "{message}");
        let (key, _) = wrong("[pools.a.executors]\nmin = 3\nmax = 2\n");
        assert_eq!(key, "pools.a.executors.max");
        let (key, _) = wrong("[pools.a.executors]\nmax = 0\n");
        assert_eq!(key, "pools.a.executors.max");
        let many: String = (0..POOLS_MAX).map(|n| format!("[pools.p{n}]\n")).collect();
        assert!(wrong(&many).1.contains("at most 16 pools"));
        let fits: String = (3..POOLS_MAX).map(|n| format!("[pools.p{n}]\n")).collect();
        assert_eq!(check(&app(&fits)), Ok(()));
    }

    #[test]
    fn what_the_administrator_says_lies_above_all_of_it() {
        let config =
            app("[pools.a]\ntimeout_ms = 5\n[pools.a.executors]\nmax = 9\nidle_timeout_ms = 1\n");
        let policy =
            |toml: &str| resolve(&config, &toml::from_str::<Policy>(toml).unwrap()).remove(3);
        let of_all =
            policy("timeout_ms = 6\n[executors]\nmax = 3\nidle_timeout_ms = 2\ngrace_ms = 4\n");
        let Executors { max, idle_timeout_ms, grace_ms, .. } = of_all.executors;
        assert_eq!((of_all.timeout_ms, max, idle_timeout_ms, grace_ms), (6, 3, 2, 4));
        let of_one = policy("[executors]\nmax = 3\n[pools.a]\ntimeout_ms = 7\nexecutors.max = 1\n");
        assert_eq!((of_one.timeout_ms, of_one.executors.max, of_one.executors.min), (7, 1, 1));
    }
}
