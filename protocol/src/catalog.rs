//! The catalog: what a release exports. Built in the prototype by reflection, immutable after.

use crate::{AppName, CachePolicy, JobOptions, ReleaseId, Schedule, nearest};
use serde::{Deserialize, Serialize};

/// How much of the PHP state survives from one call to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Nothing: every call has a request context of its own.
    #[default]
    Stateless,
    /// Globals and statics live on in the executor; the request boots once.
    Resident,
}

/// An attribute on a function, class or parameter, kept for proxies and tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    /// PHP source of each argument, with its name where it has one.
    pub arguments: Vec<(Option<String>, String)>,
}

/// A parameter of an exported function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    pub name: String,
    /// The type as PHP prints it, e.g. `?int` or `Foo|string`.
    pub ty: Option<String>,
    pub optional: bool,
    /// PHP source of the default, with its constants by name.
    pub default: Option<String>,
    pub by_ref: bool,
    pub variadic: bool,
    /// PHP source of the default's value, where `default` names a constant of the application.
    pub value: Option<String>,
    pub attributes: Vec<Attribute>,
}

/// An exported function, or a static method as `Class::method`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// As declared; PHP compares names without regard to ASCII case, and so does [`Catalog::find`].
    pub name: String,
    pub pool: String,
    pub params: Vec<Param>,
    pub returns: Option<String>,
    /// From `#[AppServer\Timeout]`: the longest a call may take.
    pub timeout_ms: Option<u32>,
    /// From `#[AppServer\Affinity]`: the parameter whose value chooses the worker.
    pub affinity: Option<String>,
    /// From `#[AppServer\Idempotent]`: may be sent again when its fate is unknown.
    pub idempotent: bool,
    pub isolation: Isolation,
    pub attributes: Vec<Attribute>,
    pub doc: Option<String>,
    /// Relative to the release's folder.
    pub file: String,
    pub line: u32,
    /// `function &name()`.
    pub returns_by_ref: bool,
    /// It has a `yield`: what it gives back can only be iterated where it runs.
    pub generator: bool,
    /// The classes, not PHP's own, that its types and defaults name.
    pub classes: Vec<String>,
    /// What its file imports and its doc comment names: alias and class.
    pub imports: Vec<(String, String)>,
    /// From `#[AppServer\Queued]`: how jobs of it are treated where their callers do not say.
    pub job: JobOptions,
    /// It is `run()` of a class that extends `AppServer\Job`: only jobs run it, and their one argument
    /// is the object.
    pub job_class: bool,
    /// From `#[AppServer\Schedule]`.
    pub schedules: Vec<Schedule>,
    /// Of a job class: what its objects are stored as, unless the class has methods for that.
    pub properties: Vec<Property>,
    /// From `#[AppServer\Cacheable]` and `app.toml`: whether and how long callers may keep results.
    pub cache: Option<CachePolicy>,
}

/// A property that objects of a class have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// A private one of a parent class as `Parent::name`.
    pub name: String,
    /// As of [`Param`].
    pub ty: Option<String>,
    /// An object that is made without it has something in its place.
    pub optional: bool,
}

/// A class that has exported methods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    pub name: String,
    pub is_final: bool,
    pub is_abstract: bool,
    /// Why it is more than a roof over static functions; nothing where it is no more than that.
    pub instances: Option<String>,
    /// `private` or `protected`, where it has a constructor that nobody outside may call.
    pub constructor: Option<String>,
    /// Its public ones.
    pub constants: Vec<Constant>,
    pub attributes: Vec<Attribute>,
    pub doc: Option<String>,
    /// As of [`Function`].
    pub imports: Vec<(String, String)>,
    pub file: String,
    pub line: u32,
}

/// A constant of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constant {
    pub name: String,
    /// PHP source of its value.
    pub value: String,
    pub is_final: bool,
    pub doc: Option<String>,
}

impl Function {
    /// Whether a by-reference parameter makes this function impossible to call from afar.
    pub fn by_ref_param(&self) -> Option<&Param> {
        self.params.iter().find(|param| param.by_ref)
    }

    /// The signature as PHP would write it, for people.
    pub fn signature(&self) -> String {
        let params: Vec<String> = self.params.iter().map(Param::declaration).collect();
        let returns = self.returns.as_ref().map(|ty| format!(": {ty}")).unwrap_or_default();
        format!("{}({}){returns}", self.name, params.join(", "))
    }
}

impl Param {
    fn declaration(&self) -> String {
        let ty = self.ty.as_ref().map(|ty| format!("{ty} ")).unwrap_or_default();
        let by_ref = if self.by_ref { "&" } else { "" };
        let variadic = if self.variadic { "..." } else { "" };
        let default = match &self.default {
            Some(source) => format!(" = {source}"),
            None => String::new(),
        };
        format!("{ty}{by_ref}{variadic}${}{default}", self.name)
    }
}

/// What a release exports, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    pub app: AppName,
    pub release: ReleaseId,
    pub functions: Vec<Function>,
    /// Those of `functions` that are methods, sorted by name.
    pub classes: Vec<Class>,
}

impl Catalog {
    /// The function called `name`, with its index.
    pub fn find(&self, name: &str) -> Option<(usize, &Function)> {
        let position = self.functions.iter().position(|f| f.name.eq_ignore_ascii_case(name))?;
        Some((position, &self.functions[position]))
    }

    /// Up to three names that `name` may have been meant for.
    pub fn near(&self, name: &str) -> Vec<String> {
        nearest(name, self.functions.iter().map(|f| f.name.as_str()))
    }
}
