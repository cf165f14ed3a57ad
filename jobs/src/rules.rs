//! What the current release of an application says about jobs.

use crate::planned::Planned;
use crate::settings::{Limits, QueueLimits};
use protocol::{
    Catalog, DEFAULT_POOL, Function, JOBS_POOL, JobOptions, Param, body_from_slice, body_to_vec,
    diff, hash64, nearest,
};
use std::collections::HashMap;

/// Longest name of a function that runs as a job, in bytes: by names the ledger knows limits and
/// schedules, and its keys have an end.
pub(crate) const FUNCTION_BYTES_MAX: usize = 512;

/// What can be run, and how.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    functions: HashMap<String, Rule>,
    pub(crate) queues: QueueLimits,
    pub(crate) planned: Vec<Planned>,
}

/// One function.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) signature: u64,
    /// As it is stored beside the jobs of this signature.
    pub(crate) declaration: Vec<u8>,
    /// What its attribute says.
    pub(crate) options: JobOptions,
    /// Where it runs as a job.
    pool: String,
    /// Its one argument is an object, whose method it is.
    pub(crate) job_class: bool,
    /// Why no job can be made of it.
    pub(crate) refusal: Option<String>,
}

impl Rules {
    pub fn new(catalog: &Catalog, queues: QueueLimits) -> Self {
        let functions = catalog.functions.iter().map(|function| {
            let declaration = declaration(function);
            let rule = Rule {
                name: function.name.clone(),
                signature: hash64(&declaration),
                declaration,
                options: function.job.clone(),
                pool: pool_of(function),
                job_class: function.job_class,
                refusal: refusal(function),
            };
            (function.name.to_ascii_lowercase(), rule)
        });
        Self { functions: functions.collect(), queues, planned: Vec::new() }
    }

    /// With schedules that are this worker's to run. In a cluster each has one owner; who that is
    /// must be the same for all, as by rendezvous of [`Planned::name`].
    #[must_use]
    pub fn with_schedules(self, planned: Vec<Planned>) -> Self {
        Self { planned, ..self }
    }

    pub(crate) fn find(&self, function: &str) -> Option<&Rule> {
        self.functions.get(&function.to_ascii_lowercase())
    }

    pub(crate) fn signatures(&self) -> impl Iterator<Item = u64> + '_ {
        self.functions.values().map(|rule| rule.signature)
    }

    pub(crate) fn near(&self, function: &str) -> Vec<String> {
        nearest(function, self.functions.values().map(|rule| rule.name.as_str()))
    }

    /// Whether a job that was made of `stored` can run; else why not.
    pub(crate) fn fits(
        &self,
        function: &str,
        signature: u64,
        stored: Option<&[u8]>,
    ) -> Result<(), String> {
        let Some(rule) = self.find(function) else {
            return Err(format!("no release that is current has {function}()"));
        };
        if rule.signature == signature {
            return Ok(());
        }
        let old = stored.and_then(|stored| body_from_slice("declaration", stored).ok());
        let (Some(old), Ok(new)) = (old, body_from_slice("declaration", &rule.declaration)) else {
            return Err(format!("{function}() has changed, and how it was is not known any more"));
        };
        let changes = diff(&alone(old), &alone(new));
        match changes.into_iter().find(protocol::Change::breaks_callers) {
            None => Ok(()),
            Some(change) => {
                let what = if rule.job_class { "its object does" } else { "its arguments do" };
                Err(format!("{what} not fit the current release: {}", change.text))
            }
        }
    }

    pub(crate) fn function_limits(&self, function: &str) -> Limits {
        let options = self.find(function).map(|rule| &rule.options);
        options.map_or(Limits::default(), |options| Limits {
            concurrency: options.concurrency,
            rate: options.rate,
        })
    }

    pub(crate) fn pool(&self, function: &str) -> &str {
        self.find(function).map_or(JOBS_POOL, |rule| rule.pool.as_str())
    }

    pub(crate) fn queue_limits(&self, queue: &str) -> Limits {
        self.queues.get(queue).copied().unwrap_or_default()
    }
}

/// Jobs do not run where calls do, unless their function has a pool of its own.
fn pool_of(function: &Function) -> String {
    match function.pool.as_str() {
        DEFAULT_POOL | "" => JOBS_POOL.to_owned(),
        other => other.to_owned(),
    }
}

/// What a caller has to know of a function to call it, and what objects of a job class are stored as.
fn declaration(function: &Function) -> Vec<u8> {
    let params = function.params.iter().map(|param| Param {
        name: param.name.clone(),
        ty: param.ty.clone(),
        optional: param.optional,
        by_ref: param.by_ref,
        variadic: param.variadic,
        ..Param::default()
    });
    let stripped = Function {
        name: function.name.clone(),
        params: params.collect(),
        job_class: function.job_class,
        properties: function.properties.clone(),
        ..Function::default()
    };
    body_to_vec(&stripped)
}

fn alone(function: Function) -> Catalog {
    Catalog { functions: vec![function], ..Catalog::default() }
}

fn refusal(function: &Function) -> Option<String> {
    let bytes = function.name.len();
    if bytes > FUNCTION_BYTES_MAX {
        return Some(format!(
            "its name has {bytes} bytes, that of a job at most {FUNCTION_BYTES_MAX}"
        ));
    }
    if let Some(param) = function.by_ref_param() {
        return Some(format!("its parameter ${} is taken by reference", param.name));
    }
    function.generator.then(|| "it is a generator: nobody would iterate what it gives".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(params: &[(&str, bool)]) -> Rules {
        let params = params.iter().map(|(name, optional)| Param {
            name: (*name).to_owned(),
            optional: *optional,
            ..Param::default()
        });
        let function =
            Function { name: "send".to_owned(), params: params.collect(), ..Function::default() };
        Rules::new(&alone(function), QueueLimits::new())
    }

    #[test]
    fn a_job_runs_where_its_arguments_still_fit() {
        let old = rules(&[("to", false)]);
        let rule = old.find("SEND").unwrap();
        let stored = Some(rule.declaration.as_slice());
        let fits = |new: &Rules| new.fits("send", rule.signature, stored);
        assert_eq!(fits(&old), Ok(()));
        assert_eq!(fits(&rules(&[("to", false), ("cc", true)])), Ok(()));
        assert!(fits(&rules(&[("to", false), ("cc", false)])).unwrap_err().contains("cc"));
        assert!(fits(&Rules::default()).unwrap_err().contains("send"));
    }
}
