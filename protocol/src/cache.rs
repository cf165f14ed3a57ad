//! How long those who call a function may keep its results, and what calls them back.

mod options;

pub use options::CacheOptions;

use crate::Param;
use serde::{Deserialize, Serialize};

/// From `#[AppServer\Cacheable]` and `[functions.*.cache]`, checked against the function it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachePolicy {
    pub ttl_ms: u64,
    /// Of a result that is null; 0 = it is not kept.
    pub negative_ms: u64,
    /// As declared: `{name}` stands for an argument. [`CachePolicy::tag_parts`] takes them apart.
    pub tags: Vec<String>,
    /// The parameters whose arguments tell one result from another, as ascending indices into
    /// [`crate::Function::params`]; without, all of them.
    pub vary: Option<Vec<u16>>,
}

/// A part of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagPart<'a> {
    /// Stands for itself. It has no `{` but as its first byte, where that is closed nowhere: such a tag
    /// no release is deployed with.
    Text(&'a str),
    /// Stands for the argument for this parameter.
    Parameter(&'a str),
}

impl CachePolicy {
    /// In words, as of a function with `params`: `for 60 s, null for 5 s, tags "product:{id}", by $id`.
    pub fn describe(&self, params: &[Param]) -> String {
        let mut words = vec![format!("for {}", seconds(self.ttl_ms))];
        match self.negative_ms {
            0 => words.push("null not at all".to_owned()),
            negative if negative != self.ttl_ms => {
                words.push(format!("null for {}", seconds(negative)));
            }
            _ => {}
        }
        if !self.tags.is_empty() {
            let quoted: Vec<String> = self.tags.iter().map(|tag| format!("{tag:?}")).collect();
            words.push(format!("tags {}", quoted.join(" ")));
        }
        if let Some(vary) = &self.vary {
            let named = vary.iter().filter_map(|index| params.get(usize::from(*index)));
            let named: Vec<String> = named.map(|param| format!("${}", param.name)).collect();
            words.push(format!("by {}", named.join(" ")));
        }
        words.join(", ")
    }

    /// What `tag` is made of, in order and without empty texts.
    pub fn tag_parts(tag: &str) -> impl Iterator<Item = TagPart<'_>> {
        let mut rest = tag;
        std::iter::from_fn(move || {
            let (part, behind) = first_part(rest)?;
            rest = behind;
            Some(part)
        })
    }
}

fn first_part(tag: &str) -> Option<(TagPart<'_>, &str)> {
    if let Some((name, behind)) = tag.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        return Some((TagPart::Parameter(name), behind));
    }
    // An unclosed brace leaves nothing to look for behind it.
    let end = if tag.starts_with('{') { None } else { tag.find('{') };
    let (text, behind) = tag.split_at(end.unwrap_or(tag.len()));
    (!text.is_empty()).then_some((TagPart::Text(text), behind))
}

fn seconds(ms: u64) -> String {
    match (ms / 1000, ms % 1000) {
        (whole, 0) => format!("{whole} s"),
        (whole, rest) => format!("{} s", format!("{whole}.{rest:03}").trim_end_matches('0')),
    }
}
