//! Objects of job classes that were stored by an older release: whether the newer class can be made of them.
//!
//! The class is made without its constructor, of what was stored. So a property that is new needs a default
//! of its own. One that is gone is no loss to code that does not read it; but beside one that is new it was
//! renamed, as far as anybody can tell, and what it held would be missing under its new name.

use super::{Found, class_of, shown, types};
use crate::{Function, Property};

pub(super) fn objects(old: &Function, new: &Function, found: &mut Found<'_>) {
    if !(old.job_class && new.job_class) {
        return;
    }
    let is_in =
        |function: &Function, name: &str| function.properties.iter().any(|p| p.name == name);
    let gone: Vec<&Property> = old.properties.iter().filter(|p| !is_in(new, &p.name)).collect();
    for property in &new.properties {
        match old.properties.iter().find(|before| before.name == property.name) {
            Some(before) => kept(before, property, (class_of(old), class_of(new)), found),
            None => added(property, gone.first().copied(), found),
        }
    }
    for property in gone {
        found.compatible(&format!("its property ${} is gone", property.name));
    }
}

fn added(property: &Property, gone: Option<&Property>, found: &mut Found<'_>) {
    let name = &property.name;
    match gone {
        Some(gone) => found.breaking(&format!(
            "its property ${name} is new and ${} is gone: objects that are stored have no ${name}",
            gone.name
        )),
        None if property.optional => {
            found.compatible(&format!("its property ${name} is new and has a default"));
        }
        None => found.breaking(&format!(
            "its property ${name} is new and has no default: objects that are stored have none"
        )),
    }
}

fn kept(
    before: &Property,
    after: &Property,
    classes: (Option<&str>, Option<&str>),
    found: &mut Found<'_>,
) {
    let name = &after.name;
    let Some((old, new)) = types(before.ty.as_deref(), after.ty.as_deref(), classes) else {
        return found.breaking(&format!("its property ${name} has a type that is not understood"));
    };
    if old == new {
        return;
    }
    let (after, before) = (shown(after.ty.as_ref()), shown(before.ty.as_ref()));
    let change = format!("its property ${name} takes {after} instead of {before}");
    match new.takes(&old) {
        true => found.compatible(&change),
        false => found.breaking(&format!("{change}, which is less")),
    }
}
