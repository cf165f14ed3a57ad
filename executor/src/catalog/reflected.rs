//! What `reflect.php` returns.

use embed::ExceptionObject;
use ext_php_rs::types::Zval;
use protocol::{Attribute, Param};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Reflected {
    pub(super) functions: Vec<ReflectedFunction>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReflectedFunction {
    pub(super) name: String,
    pub(super) params: Vec<ReflectedParam>,
    pub(super) returns: Option<String>,
    pub(super) attributes: Vec<ReflectedAttribute>,
    pub(super) doc: Option<String>,
    pub(super) file: String,
    pub(super) line: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReflectedParam {
    pub(super) name: String,
    ty: Option<String>,
    optional: bool,
    default: Option<String>,
    by_ref: bool,
    variadic: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReflectedAttribute {
    pub(super) name: String,
    /// Name, where there is one, and PHP source.
    pub(super) arguments: Vec<(Option<String>, String)>,
}

impl From<ReflectedParam> for Param {
    fn from(param: ReflectedParam) -> Self {
        let ReflectedParam { name, ty, optional, default, by_ref, variadic } = param;
        Self { name, ty, optional, default, by_ref, variadic }
    }
}

impl From<ReflectedAttribute> for Attribute {
    fn from(attribute: ReflectedAttribute) -> Self {
        Self { name: attribute.name, arguments: attribute.arguments }
    }
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
