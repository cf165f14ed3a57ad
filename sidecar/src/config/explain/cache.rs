//! Who says for how long results of a function are kept: its attribute, or `app.toml` before it, key by key.

use super::{Explained, Layer, Sources};
use protocol::{CachePolicy, Function};
use serde_json::{Value, json};

/// The attribute's, in the order in which it takes them.
const OPTIONS: [&str; 4] = ["ttl", "negative", "tags", "vary"];
const CALLER: &str = "a shorter one, by withMaxAge(); none, by withFresh()";

/// `attribute` is where it stands. What is not kept has no time for that.
pub(super) fn rows(
    sources: &Sources<'_>,
    function: &Function,
    attribute: Option<&String>,
) -> Vec<Explained> {
    let Some(policy) = &function.cache else {
        let (key, layer) = ("cache.ttl".to_owned(), Layer::Default);
        return vec![Explained { key, value: Value::Null, layer, place: None, caller: None }];
    };
    let rows = OPTIONS.into_iter().enumerate().map(|(index, option)| {
        let (layer, place) = sources.of_app_toml(function, option).unwrap_or_else(|| {
            let said = attribute.filter(|_| has(function, index));
            let layer = if said.is_some() { Layer::Function } else { Layer::Default };
            (layer, said.cloned())
        });
        let caller = (option == "ttl").then(|| CALLER.to_owned());
        let key = format!("cache.{option}");
        Explained { key, value: value(policy, option, function), layer, place, caller }
    });
    rows.collect()
}

impl Sources<'_> {
    /// Where `app.toml` says it, if it does.
    fn of_app_toml(&self, function: &Function, option: &str) -> Option<(Layer, Option<String>)> {
        let mut functions = self.deployment.config.functions.iter();
        let (name, given) =
            functions.find(|(name, _)| name.eq_ignore_ascii_case(&function.name))?;
        let given = super::as_json(given.cache.as_ref()?);
        given.get(option)?;
        Some(self.who_says(&format!("functions.{name}.cache.{option}")))
    }
}

/// Whether the function's attribute says the option, by place or by name.
fn has(function: &Function, index: usize) -> bool {
    let is_it = |name: &str| name.eq_ignore_ascii_case("appserver\\cacheable");
    let mut attributes = function.attributes.iter();
    attributes.find(|attribute| is_it(&attribute.name)).is_some_and(|attribute| {
        attribute.arguments.iter().enumerate().any(|(place, (name, _))| match name {
            Some(name) => name == OPTIONS[index],
            None => place == index,
        })
    })
}

/// As it would be written.
fn value(policy: &CachePolicy, option: &str, function: &Function) -> Value {
    match option {
        "ttl" => seconds(policy.ttl_ms),
        "negative" => seconds(policy.negative_ms),
        "tags" => json!(policy.tags),
        _ => {
            let name = |index: &u16| Some(&function.params.get(usize::from(*index))?.name);
            let names = |vary: &Vec<u16>| vary.iter().filter_map(name).collect::<Vec<_>>();
            json!(policy.vary.as_ref().map(names))
        }
    }
}

fn seconds(ms: u64) -> Value {
    // Exact: ten years of milliseconds are less than 2^53.
    if ms.is_multiple_of(1000) { json!(ms / 1000) } else { json!(ms as f64 / 1000.0) }
}
