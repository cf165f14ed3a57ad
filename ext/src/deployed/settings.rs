//! Generations of an application's settings: one file each, `<folder>/<generation>.json`, an object of
//! values by key. A generation never changes, so a process reads it once.

use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Bound;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

/// Generations kept by a process: the one of its calls, and those of requests that began before it.
const KEPT_MAX: usize = 8;
/// Largest file of settings read, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Settings that the running call sees; 0 = no call says, so the newest.
static ANNOUNCED: AtomicU16 = AtomicU16::new(0);

/// The call that begins sees this generation. One store, because every call pays it.
pub(crate) fn announce(generation: u16) {
    ANNOUNCED.store(generation, Ordering::Relaxed);
}

thread_local! {
    /// Last used first.
    static KEPT: RefCell<VecDeque<(u16, Rc<Generation>)>> = const { RefCell::new(VecDeque::new()) };
}

/// Where the files are.
#[derive(Debug)]
pub(crate) struct Folder(Option<PathBuf>);

/// One generation, by key.
#[derive(Debug, Default)]
pub(crate) struct Generation(std::collections::BTreeMap<String, Value>);

/// What there is under a key.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Value(&'a Value),
    /// No setting has this key, but some begin with it and a dot: their keys after it, and values.
    Group(Vec<(&'a str, &'a Value)>),
    Nothing,
}

impl Folder {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// The settings of the running call; of a bootstrap file, which runs before its call is known, the
    /// newest.
    pub(crate) fn current(&self) -> Result<Rc<Generation>, String> {
        let generation = match ANNOUNCED.load(Ordering::Relaxed) {
            0 => self.newest(),
            announced => announced,
        };
        if generation == 0 || self.0.is_none() {
            return Ok(Rc::default());
        }
        if let Some(kept) = kept(generation) {
            return Ok(kept);
        }
        let read = Rc::new(self.read(generation)?);
        KEPT.with_borrow_mut(|all| {
            all.truncate(KEPT_MAX - 1);
            all.push_front((generation, Rc::clone(&read)));
        });
        Ok(read)
    }

    /// 0 when there is none.
    fn newest(&self) -> u16 {
        let entries = self.0.as_ref().and_then(|folder| std::fs::read_dir(folder).ok());
        // By the time of writing: after the highest number comes the lowest again.
        let generation = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.ok()?;
            let number: u16 = entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, number))
        };
        entries.into_iter().flatten().filter_map(generation).max().map_or(0, |(_, number)| number)
    }

    fn read(&self, generation: u16) -> Result<Generation, String> {
        let file = self.0.clone().unwrap_or_default().join(format!("{generation}.json"));
        let wrong = |error: &dyn std::fmt::Display| {
            format!("generation {generation} of the settings, {}: {error}", file.display())
        };
        let length = std::fs::metadata(&file).map_err(|error| wrong(&error))?.len();
        if length > FILE_BYTES_MAX {
            return Err(wrong(&format!("is larger than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read(&file).map_err(|error| wrong(&error))?;
        let values: Map<String, Value> =
            serde_json::from_slice(&text).map_err(|error| wrong(&error))?;
        Ok(Generation(values.into_iter().collect()))
    }
}

fn kept(generation: u16) -> Option<Rc<Generation>> {
    KEPT.with_borrow_mut(|all| {
        let place = all.iter().position(|(number, _)| *number == generation)?;
        if place > 0 {
            let entry = all.remove(place)?;
            all.push_front(entry);
        }
        all.front().map(|(_, settings)| Rc::clone(settings))
    })
}

impl Generation {
    pub(crate) fn find(&self, key: &str) -> Found<'_> {
        if let Some(value) = self.0.get(key) {
            return Found::Value(value);
        }
        let prefix = format!("{key}.");
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let group: Vec<(&str, &Value)> = self
            .0
            .range::<str, _>(from)
            .map_while(|(name, value)| Some((name.strip_prefix(&prefix)?, value)))
            .collect();
        if group.is_empty() { Found::Nothing } else { Found::Group(group) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(json: &str) -> Generation {
        let values: Map<String, Value> = serde_json::from_str(json).unwrap();
        Generation(values.into_iter().collect())
    }

    #[test]
    fn a_key_gives_its_value_and_a_prefix_the_group() {
        let all = generation(r#"{"a": 1, "a.b": 2, "f.x": 3, "f.y.z": 4, "fx": 5}"#);
        assert!(matches!(all.find("a"), Found::Value(value) if *value == 1));
        assert!(matches!(all.find("x"), Found::Nothing));
        let Found::Group(group) = all.find("f") else { panic!("no group") };
        let group: Vec<(&str, i64)> =
            group.into_iter().map(|(key, value)| (key, value.as_i64().unwrap())).collect();
        assert_eq!(group, [("x", 3), ("y.z", 4)]);
    }
}
