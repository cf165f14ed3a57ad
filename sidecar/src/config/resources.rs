//! Named resources: what an `app.toml` declares, what the administrator adds, and both together with
//! their secrets, as the application's PHP gets them.

use super::{Application, ConfigError};
use crate::config::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Largest file of a secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// `[datasource.NAME]` of an `app.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Datasource {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dsn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) persistent: Option<bool>,
    /// What the administrator must give.
    pub(crate) needs: BTreeSet<String>,
}

/// `[apps.NAME.datasource.NAME]` of the `appserver.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatasourceSecret {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dsn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) persistent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_env: Option<String>,
}

/// `[resource.NAME]` of an `app.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Resource {
    /// What the administrator must give.
    pub(crate) needs: BTreeSet<String>,
    #[serde(flatten)]
    pub(crate) values: BTreeMap<String, Value>,
}

/// `[apps.NAME.resource.NAME]` of the `appserver.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ResourceSecret {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) values: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) secret_file: BTreeMap<String, PathBuf>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) secret_env: BTreeMap<String, String>,
}

/// Everything an application's code gets by `AppServer\resource()`, secrets read, as JSON. An error
/// names what is missing, never what is there.
pub(crate) fn assemble(config: &Application, policy: &Policy) -> Result<String, ConfigError> {
    let mut all = Map::new();
    let names: BTreeSet<&String> =
        config.datasource.keys().chain(policy.datasource.keys()).collect();
    for name in names {
        let declared = config.datasource.get(name).cloned().unwrap_or_default();
        let given = policy.datasource.get(name).cloned().unwrap_or_default();
        let place = Place { app: config.name.as_str(), kind: "datasource", name };
        all.insert(name.clone(), datasource(&place, declared, given)?);
    }
    let names: BTreeSet<&String> = config.resource.keys().chain(policy.resource.keys()).collect();
    for name in names {
        let declared = config.resource.get(name).cloned().unwrap_or_default();
        let given = policy.resource.get(name).cloned().unwrap_or_default();
        let place = Place { app: config.name.as_str(), kind: "resource", name };
        if all.insert(name.clone(), resource(&place, declared, given)?).is_some() {
            return Err(place.error("there is a datasource of that name; rename one of them"));
        }
    }
    Ok(Value::Object(all).to_string())
}

/// Where the administrator would write something.
struct Place<'a> {
    app: &'a str,
    kind: &'static str,
    name: &'a str,
}

impl Place<'_> {
    fn error(&self, message: impl std::fmt::Display) -> ConfigError {
        let Self { app, kind, name } = self;
        ConfigError::new(format!("{kind} \"{name}\" of {app}: {message}"))
    }

    fn missing(&self, what: &str, how: &str) -> ConfigError {
        let Self { app, kind, name } = self;
        let message = format!(
            "its {what} is missing; the administrator gives it in appserver.toml, \
             [apps.{app}.{kind}.{name}], {how}"
        );
        self.error(message)
    }
}

fn datasource(
    place: &Place<'_>,
    declared: Datasource,
    given: DatasourceSecret,
) -> Result<Value, ConfigError> {
    let mut fields = Map::new();
    let dsn = given.dsn.or(declared.dsn);
    let dsn = dsn.ok_or_else(|| place.missing("dsn", "as dsn = \"mysql:host=…;dbname=…\""))?;
    fields.insert("dsn".to_owned(), dsn.into());
    if let Some(user) = given.user.or(declared.user) {
        fields.insert("user".to_owned(), user.into());
    }
    let password = match (&given.password_file, &given.password_env) {
        (Some(_), Some(_)) => {
            return Err(place.error("password_file and password_env are both given; keep one"));
        }
        (Some(file), None) => Some(from_file(place, "password_file", file)?),
        (None, Some(variable)) => Some(from_env(place, "password_env", variable)?),
        (None, None) => None,
    };
    if let Some(password) = password {
        fields.insert("password".to_owned(), password.into());
    }
    if let Some(need) = declared.needs.iter().find(|need| !fields.contains_key(*need)) {
        let how = match need.as_str() {
            "password" => "as password_file or password_env",
            "user" => "as user",
            _ => {
                return Err(
                    place.error(format!("needs: write \"password\" or \"user\", not \"{need}\""))
                );
            }
        };
        return Err(place.missing(need, how));
    }
    let persistent = given.persistent.or(declared.persistent).unwrap_or(false);
    fields.insert("persistent".to_owned(), persistent.into());
    Ok(Value::Object(fields))
}

fn resource(
    place: &Place<'_>,
    declared: Resource,
    given: ResourceSecret,
) -> Result<Value, ConfigError> {
    let mut values: Map<String, Value> = declared.values.into_iter().collect();
    values.extend(given.values);
    for (name, file) in &given.secret_file {
        let key = format!("secret_file.{name}");
        values.insert(name.clone(), from_file(place, &key, file)?.into());
    }
    for (name, variable) in &given.secret_env {
        let key = format!("secret_env.{name}");
        values.insert(name.clone(), from_env(place, &key, variable)?.into());
    }
    if let Some(need) = declared.needs.iter().find(|need| !values.contains_key(*need)) {
        let how = format!("as values.{need}, secret_file.{need} or secret_env.{need}");
        return Err(place.missing(need, &how));
    }
    Ok(Value::Object(Map::from_iter([("values".to_owned(), Value::Object(values))])))
}

fn from_file(place: &Place<'_>, key: &str, file: &Path) -> Result<String, ConfigError> {
    let wrong = |error: &dyn std::fmt::Display| {
        place.error(format!("{key}: {} cannot be read: {error}", file.display()))
    };
    let length = std::fs::metadata(file).map_err(|error| wrong(&error))?.len();
    if length > SECRET_BYTES_MAX {
        return Err(wrong(&format!("it is larger than {SECRET_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    // Editors end a file with a line's end; no secret does.
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn from_env(place: &Place<'_>, key: &str, variable: &str) -> Result<String, ConfigError> {
    std::env::var(variable).map_err(|_| {
        place.error(format!("{key}: the worker has no environment variable {variable}"))
    })
}
