//! Named resources, as the supervisor hands them over: with their secrets, which are neither printed
//! nor logged anywhere here.

use protocol::nearest;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// By name.
#[derive(Debug)]
pub(crate) struct Resources(BTreeMap<String, Resource>);

/// What a name stands for.
pub(crate) enum Resource {
    /// A `[datasource.NAME]`: PHP gets a PDO.
    Pdo { dsn: String, user: Option<String>, password: Option<String>, persistent: bool },
    /// A `[resource.NAME]`: PHP gets its values.
    Values(Map<String, Value>),
}

/// Says nothing of what is inside.
impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pdo { .. } => "Pdo",
            Self::Values(_) => "Values",
        })
    }
}

impl Resources {
    /// From `{"main": {"dsn": …, "user": …, "password": …, "persistent": …}, "cache": {"values": {…}}}`.
    pub(super) fn from_json(text: &str) -> Option<Self> {
        let all: BTreeMap<String, Map<String, Value>> = serde_json::from_str(text).ok()?;
        let all = all.into_iter().map(|(name, fields)| Some((name, resource(fields)?)));
        all.collect::<Option<_>>().map(Self)
    }

    /// The resource called `name`, or names that may have been meant.
    pub(crate) fn find(&self, name: &str) -> Result<&Resource, Vec<String>> {
        self.0.get(name).ok_or_else(|| nearest(name, self.0.keys().map(String::as_str)))
    }
}

fn resource(mut fields: Map<String, Value>) -> Option<Resource> {
    if let Some(values) = fields.remove("values") {
        return match values {
            Value::Object(values) => Some(Resource::Values(values)),
            _ => None,
        };
    }
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Resource::Pdo {
        dsn: text("dsn")?,
        user: text("user"),
        password: text("password"),
        persistent: fields.get("persistent").and_then(Value::as_bool).unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_found_by_name_and_show_no_secret() {
        let json = r#"{"main": {"dsn": "mysql:host=db", "user": "shop", "password": "hunter2"},
                       "cache": {"values": {"type": "redis", "port": 6379}}}"#;
        let all = Resources::from_json(json).unwrap();
        assert!(matches!(all.find("main"), Ok(Resource::Pdo { persistent: false, .. })));
        assert!(matches!(all.find("cache"), Ok(Resource::Values(values)) if values.len() == 2));
        assert_eq!(all.find("mian").unwrap_err(), ["main"]);
        assert!(!format!("{all:?}").contains("hunter2"));
    }
}
