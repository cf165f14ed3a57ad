//! The same as a Composer package.

use super::{Selection, file};
use serde::Serialize;
use serde_json::json;

/// Files by their path in the package's folder, in the order of the paths.
pub(crate) type Package = Vec<(String, String)>;

/// The folder whose files are classes, and nothing else.
pub(crate) const CLASSES: &str = "classes";

/// `composer.json`, a file of functions, and one for each class.
pub(crate) fn package(selection: &Selection<'_>) -> Package {
    let mut files: Package = selection
        .classes
        .iter()
        .map(|(class, methods)| {
            let path = format!("{CLASSES}/{}.php", class.name.replace('\\', "/"));
            (path, file::class(selection, class, methods))
        })
        .collect();
    files.push(("composer.json".to_owned(), manifest(selection)));
    files.push(("functions.php".to_owned(), file::functions(selection)));
    files.sort();
    files
}

/// Whether a `composer.json` is one that was made here.
pub(crate) fn is_ours(manifest: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(manifest)
        .is_ok_and(|json| json["extra"]["appserver"]["app"].is_string())
}

/// Whether a PHP file is one that was made here.
pub(crate) fn is_our_code(text: &str) -> bool {
    text.starts_with(file::FIRST_LINES)
}

fn manifest(selection: &Selection<'_>) -> String {
    let app = selection.catalog.app.as_str();
    let mut autoload = json!({});
    if !selection.classes.is_empty() {
        autoload["classmap"] = json!([format!("{CLASSES}/")]);
    }
    autoload["files"] = json!(["functions.php"]);
    let manifest = json!({
        "name": format!("appserver/{}", package_name(app)),
        "description": format!("Functions of the application \"{app}\", called where it is deployed"),
        "type": "library",
        "license": "proprietary",
        "require": { "php": ">=8.2", "ext-appserver": "*" },
        "autoload": autoload,
        "extra": { "appserver": { "app": app } },
    });
    // Composer's own way: four blanks.
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    manifest.serialize(&mut serializer).expect("text in memory can be written");
    String::from_utf8_lossy(&text).into_owned() + "\n"
}

/// Composer wants letters and digits, with single marks between them.
fn package_name(app: &str) -> String {
    let words = app.split(['_', '-']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}
