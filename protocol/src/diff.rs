//! What changed for callers from one release to the next.

mod objects;

use crate::php_type::PhpType;
use crate::{Catalog, Function, Isolation, Param};

/// Whether those who call as before go on as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A new function.
    Added,
    /// A function that is gone.
    Removed,
    /// Every call that was right is right.
    Compatible,
    /// Calls that were right may fail, or get what they do not expect.
    Incompatible,
}

/// One difference between two catalogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    /// The function's name, of the newer catalog where it has it.
    pub function: String,
    /// One line that names the function and what of it.
    pub text: String,
}

impl Change {
    /// Whether callers have to change.
    pub fn breaks_callers(&self) -> bool {
        matches!(self.kind, ChangeKind::Removed | ChangeKind::Incompatible)
    }
}

/// What differs, by function in the order of their names, and then as they are written.
pub fn diff(old: &Catalog, new: &Catalog) -> Vec<Change> {
    let before = by_name(old);
    let after = by_name(new);
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        match (before.get(name), after.get(name)) {
            (None, Some(new)) => changes.push(Change {
                kind: ChangeKind::Added,
                function: new.name.clone(),
                text: format!("{} is new", new.signature()),
            }),
            (Some(old), None) => changes.push(Change {
                kind: ChangeKind::Removed,
                function: old.name.clone(),
                text: format!("{}() is gone", old.name),
            }),
            (Some(old), Some(new)) => {
                let mut found = Found { function: new, changes: &mut changes };
                params(old, new, &mut found);
                returns(old, new, &mut found);
                policy(old, new, &mut found);
                objects::objects(old, new, &mut found);
            }
            (None, None) => {}
        }
    }
    changes
}

fn by_name(catalog: &Catalog) -> std::collections::BTreeMap<String, &Function> {
    catalog.functions.iter().map(|f| (f.name.to_ascii_lowercase(), f)).collect()
}

/// Where the changes of one function go.
struct Found<'a> {
    function: &'a Function,
    changes: &'a mut Vec<Change>,
}

impl Found<'_> {
    fn push(&mut self, kind: ChangeKind, what: &str) {
        let function = self.function.name.clone();
        let text = format!("{function}(): {what}");
        self.changes.push(Change { kind, function, text });
    }

    fn compatible(&mut self, what: &str) {
        self.push(ChangeKind::Compatible, what);
    }

    fn breaking(&mut self, what: &str) {
        self.push(ChangeKind::Incompatible, what);
    }
}

// --- parameters ---

/// A parameter may be named or counted, so both its name and its place are promised. A variadic one
/// has only a place: where it begins.
fn params(old: &Function, new: &Function, found: &mut Found<'_>) {
    let old_class = class_of(old);
    for (place, before) in old.params.iter().enumerate() {
        if let Some((now_at, after)) = find(new, &before.name) {
            if now_at != place {
                let places = format!("from place {} to {}", place + 1, now_at + 1);
                found.breaking(&format!("${} moved {places}", before.name));
            }
            param(before, after, (old_class, class_of(new)), found);
            continue;
        }
        match new.params.get(place).filter(|after| find(old, &after.name).is_none()) {
            Some(after) => renamed(before, after, (old_class, class_of(new)), found),
            None => found.breaking(&format!("${} is gone", before.name)),
        }
    }
    for (place, after) in new.params.iter().enumerate() {
        let renamed = old.params.get(place).is_some_and(|p| find(new, &p.name).is_none());
        if find(old, &after.name).is_none() && !renamed {
            added(after, found);
        }
    }
}

fn find<'a>(function: &'a Function, name: &str) -> Option<(usize, &'a Param)> {
    function.params.iter().enumerate().find(|(_, param)| param.name == name)
}

fn class_of(function: &Function) -> Option<&str> {
    function.name.split_once("::").map(|(class, _)| class)
}

fn added(param: &Param, found: &mut Found<'_>) {
    if param.by_ref {
        found.breaking(&format!("${} is new and by reference: it cannot be called", param.name));
    } else if param.optional || param.variadic {
        found.compatible(&format!("${} is new and may be left out", param.name));
    } else {
        found.breaking(&format!("${} is new and required", param.name));
    }
}

type Classes<'a> = (Option<&'a str>, Option<&'a str>);

fn renamed(before: &Param, after: &Param, classes: Classes<'_>, found: &mut Found<'_>) {
    let what = format!("${} is called ${} now", before.name, after.name);
    if before.variadic && after.variadic {
        found.compatible(&what);
    } else {
        found.breaking(&format!("{what}, which named arguments see"));
    }
    param(before, after, classes, found);
}

fn param(before: &Param, after: &Param, classes: Classes<'_>, found: &mut Found<'_>) {
    let name = &after.name;
    match (before.by_ref, after.by_ref) {
        (false, true) => {
            found.breaking(&format!("${name} is by reference now: it cannot be called"));
        }
        (true, false) => {
            found.compatible(&format!("${name} is by value now: it can be called"));
        }
        _ => {}
    }
    match (before.variadic, after.variadic) {
        (true, false) => found.breaking(&format!("${name} takes one argument now, not any number")),
        (false, true) => {
            found.breaking(&format!("${name} takes any number now, and cannot be named"));
        }
        (false, false) if before.optional && !after.optional => {
            found.breaking(&format!("${name} is required now"));
        }
        (false, false) if !before.optional && after.optional => {
            found.compatible(&format!("${name} may be left out now"));
        }
        (false, false) if before.default != after.default => {
            let value = |param: &Param| param.default.clone().unwrap_or_else(|| "none".to_owned());
            let values = format!("{} instead of {}", value(after), value(before));
            found.compatible(&format!("the default of ${name} is {values}"));
        }
        _ => {}
    }
    param_type(before, after, classes, found);
}

fn param_type(before: &Param, after: &Param, classes: Classes<'_>, found: &mut Found<'_>) {
    let Some((old, new)) = types(before.ty.as_deref(), after.ty.as_deref(), classes) else {
        return found.breaking(&format!("${} has a type that is not understood", after.name));
    };
    if old == new {
        return;
    }
    let (now, then) = (shown(after.ty.as_ref()), shown(before.ty.as_ref()));
    let change = format!("${} takes {now} instead of {then}", after.name);
    if new.takes(&old) {
        found.compatible(&change);
    } else {
        found.breaking(&format!("{change}, which is less"));
    }
}

fn shown(ty: Option<&String>) -> &str {
    ty.map_or("anything", String::as_str)
}

// --- result ---

fn returns(old: &Function, new: &Function, found: &mut Found<'_>) {
    let classes = (class_of(old), class_of(new));
    let Some((before, after)) = types(old.returns.as_deref(), new.returns.as_deref(), classes)
    else {
        return found.breaking("its result has a type that is not understood");
    };
    if before == after {
        return;
    }
    let (now, then) = (shown(new.returns.as_ref()), shown(old.returns.as_ref()));
    let change = format!("it returns {now} instead of {then}");
    // Who got nothing did not look.
    if before.includes(&after) || old.returns.as_deref() == Some("void") {
        found.compatible(&change);
    } else {
        found.breaking(&change);
    }
}

fn types(
    old: Option<&str>,
    new: Option<&str>,
    (old_class, new_class): Classes<'_>,
) -> Option<(PhpType, PhpType)> {
    let parse = |text: Option<&str>, class| match text {
        Some(text) => PhpType::parse(text, class),
        None => Some(PhpType::mixed()),
    };
    // What is written alike is alike, even if a later PHP wrote it in a way unknown here.
    if old == new {
        return Some((PhpType::mixed(), PhpType::mixed()));
    }
    Some((parse(old, old_class)?, parse(new, new_class)?))
}

// --- how it is called ---

fn policy(old: &Function, new: &Function, found: &mut Found<'_>) {
    match (old.idempotent, new.idempotent) {
        (true, false) => found.compatible("no longer idempotent: lost calls are not sent again"),
        (false, true) => found.compatible("idempotent now: lost calls are sent again"),
        _ => {}
    }
    if old.timeout_ms != new.timeout_ms {
        let shown = |ms: Option<u32>| ms.map_or("none".to_owned(), |ms| format!("{ms} ms"));
        let limits = format!("{} instead of {}", shown(new.timeout_ms), shown(old.timeout_ms));
        found.compatible(&format!("its time limit is {limits}"));
    }
    if old.affinity != new.affinity {
        found.compatible(&match &new.affinity {
            Some(param) => format!("${param} chooses the worker now"),
            None => "no parameter chooses the worker any more".to_owned(),
        });
    }
    if old.isolation != new.isolation {
        found.compatible(match new.isolation {
            Isolation::Stateless => "its state no longer lives on between calls",
            Isolation::Resident => "its state lives on between calls now",
        });
    }
    cache(old, new, found);
    if old.pool != new.pool {
        found.compatible(&format!("it runs in pool {} instead of {}", new.pool, old.pool));
    }
}

/// By names: where the parameters stand is told of them.
fn cache(old: &Function, new: &Function, found: &mut Found<'_>) {
    let shown = |of: &Function| of.cache.as_ref().map(|policy| policy.describe(&of.params));
    match (shown(old), shown(new)) {
        (then, now) if then == now => {}
        (_, None) => found.compatible("its results are no longer kept by callers"),
        (None, Some(now)) => {
            found.compatible(&format!("callers keep its results now: {now}"));
        }
        (Some(then), Some(now)) => {
            found.compatible(&format!("callers keep its results {now} instead of {then}"));
        }
    }
}
