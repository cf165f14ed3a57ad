//! The text of a class that is a roof over static functions.

use super::function::{self, METHOD, Place, annotations};
use super::split;
use protocol::{AppName, Class, Constant, Function};

/// The class with its constants and methods.
pub(super) fn text(app: &AppName, class: &Class, methods: &[&Function]) -> String {
    let place = Place { app, class: Some(class) };
    let mut members = Vec::new();
    if !class.constants.is_empty() {
        members.push(class.constants.iter().map(constant).collect());
    }
    if let Some(visibility) = &class.constructor {
        members.push(format!("{METHOD}{visibility} function __construct() {{}}\n"));
    }
    members.extend(methods.iter().map(|method| function::text(method, &place)));
    let annotations = annotations(class.doc.as_deref(), &class.attributes, "");
    format!("{annotations}{}\n{{\n{}}}\n", head(class), members.join("\n"))
}

fn head(class: &Class) -> String {
    let modifier = match (class.is_final, class.is_abstract) {
        (true, _) => "final ",
        (_, true) => "abstract ",
        _ => "",
    };
    format!("{modifier}class {}", split(&class.name).1)
}

fn constant(constant: &Constant) -> String {
    let comment = annotations(constant.doc.as_deref(), &[], METHOD);
    let modifier = if constant.is_final { "final " } else { "" };
    format!("{comment}{METHOD}{modifier}public const {} = {};\n", constant.name, constant.value)
}
