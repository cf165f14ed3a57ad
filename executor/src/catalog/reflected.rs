//! What `reflect.php` returns.

use embed::ExceptionObject;
use ext_php_rs::types::Zval;
use protocol::{Attribute, Class, JobOptions, Param, Property, Schedule};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Reflected {
    pub(super) functions: Vec<ReflectedFunction>,
    pub(super) classes: Vec<Class>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReflectedFunction {
    pub(super) name: String,
    /// If it is not, `name` is what JSON made of it.
    pub(super) is_utf8: bool,
    pub(super) params: Vec<Param>,
    pub(super) returns: Option<String>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) doc: Option<String>,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) returns_by_ref: bool,
    pub(super) generator: bool,
    pub(super) classes: Vec<String>,
    pub(super) imports: Vec<(String, String)>,
    /// From `#[Queued]`, all but the rate.
    pub(super) job: Option<JobOptions>,
    pub(super) rate: Option<String>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) job_class: bool,
    pub(super) properties: Vec<Property>,
    /// What is wrong with what its attributes say of jobs.
    pub(super) wrong: Option<String>,
    /// From `#[Cacheable]`.
    pub(super) cacheable: Option<Cacheable>,
    /// What is wrong with that.
    pub(super) not_cacheable: Option<String>,
}

/// Its properties.
#[derive(Debug, Deserialize)]
pub(super) struct Cacheable {
    pub(super) ttl: f64,
    pub(super) negative: Option<f64>,
    pub(super) tags: Vec<String>,
    pub(super) vary: Option<Vec<String>>,
}

/// An exception in one line, for whoever deploys.
pub(crate) fn describe(exception: &Zval) -> String {
    let Some(exception) = ExceptionObject::new(exception) else {
        return "something was thrown that is no object".to_owned();
    };
    let text = |name| exception.property(name).and_then(Zval::string).unwrap_or_default();
    let line = exception.property("line").and_then(Zval::long).unwrap_or_default();
    format!("{}: {} in {}:{line}", exception.class(), text("message"), text("file"))
}
