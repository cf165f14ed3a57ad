//! PHP files: a header, and code in the namespaces that it belongs to.

use super::function::{self, Place};
use super::{Selection, class, split};
use protocol::{Class, Function, is_php_name};
use std::collections::{BTreeMap, BTreeSet};

/// One file with everything.
pub(crate) fn single(selection: &Selection<'_>) -> String {
    let mut blocks = Blocks::default();
    for (class, methods) in &selection.classes {
        blocks.class(selection, class, methods);
    }
    for function in &selection.functions {
        blocks.function(selection, function);
    }
    header(selection) + &blocks.text()
}

/// One file with the functions that are no methods.
pub(super) fn functions(selection: &Selection<'_>) -> String {
    let mut blocks = Blocks::default();
    for function in &selection.functions {
        blocks.function(selection, function);
    }
    header(selection) + &blocks.text()
}

/// One file with one class.
pub(super) fn class(selection: &Selection<'_>, class: &Class, methods: &[&Function]) -> String {
    let mut blocks = Blocks::default();
    blocks.class(selection, class, methods);
    FIRST_LINES.to_owned() + "\ndeclare(strict_types=1);\n" + &blocks.text()
}

/// How every file begins: it tells ours from others.
pub(super) const FIRST_LINES: &str = "\
<?php

// Made by `appserver proxy generate`: changes here are lost when it is made again.
";

/// What a reader has to know. It is no doc comment, which would belong to what follows.
fn header(selection: &Selection<'_>) -> String {
    let mut text = FIRST_LINES.to_owned();
    let app = &selection.catalog.app;
    text.push_str(&format!(
        "//\n// Functions of the application \"{app}\", called where it is deployed. They take the place of the\n\
         // code that was deployed: remove that here, or PHP cannot declare them twice.\n"
    ));
    let refusals = selection.refusals.iter().map(|refusal| {
        let fate = if refusal.throws { "throws" } else { "left out" };
        format!("{}, {fate}: {}", refusal.what, refusal.reason)
    });
    list(&mut text, "Refused", refusals);
    list(&mut text, "Incomplete", selection.left_out.iter().cloned());
    list(
        &mut text,
        "Classes that signatures name, and that callers need",
        selection.needed.iter().cloned(),
    );
    text.push_str("\ndeclare(strict_types=1);\n");
    text
}

fn list(text: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let items: String = items
        // A line comment ends with the line, and with PHP.
        .map(|item| format!("//   {}\n", item.replace(['\n', '\r'], " ").replace("?>", "? >")))
        .collect();
    if !items.is_empty() {
        text.push_str(&format!("//\n// {title}:\n{items}"));
    }
}

/// Code by namespace and by the file that it came from, whose imports its doc comments rely on.
#[derive(Default)]
struct Blocks {
    blocks: BTreeMap<(String, String), Block>,
    /// Classes made here, in lower case: an import of the same name would be an error.
    declared: BTreeSet<String>,
}

#[derive(Default)]
struct Block {
    imports: BTreeMap<String, String>,
    items: Vec<String>,
}

impl Blocks {
    fn class(&mut self, selection: &Selection<'_>, class: &Class, methods: &[&Function]) {
        self.declared.insert(class.name.to_ascii_lowercase());
        let block = self.block(&class.name, &class.file);
        block.import(&class.imports);
        methods.iter().for_each(|method| block.import(&method.imports));
        block.items.push(class::text(&selection.catalog.app, class, methods));
    }

    fn function(&mut self, selection: &Selection<'_>, function: &Function) {
        let place = Place { app: &selection.catalog.app, class: None };
        let block = self.block(&function.name, &function.file);
        block.import(&function.imports);
        block.items.push(function::text(function, &place));
    }

    fn block(&mut self, name: &str, file: &str) -> &mut Block {
        let key = (split(name).0.to_owned(), file.to_owned());
        self.blocks.entry(key).or_default()
    }

    fn text(&self) -> String {
        // Without a namespace, or with only one, PHP needs no braces.
        let alone = self.blocks.len() == 1;
        let blocks = self.blocks.iter().map(|((namespace, _), block)| {
            let imports = self.imports(namespace, block);
            let code = [imports, block.items.join("\n")];
            let code: Vec<&str> =
                code.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
            let code = code.join("\n");
            match (alone, namespace.as_str()) {
                (true, "") => format!("\n{code}"),
                (true, name) => format!("\nnamespace {name};\n\n{code}"),
                (false, "") => format!("\nnamespace {{\n\n{code}\n}}\n"),
                (false, name) => format!("\nnamespace {name} {{\n\n{code}\n}}\n"),
            }
        });
        blocks.collect()
    }

    fn imports(&self, namespace: &str, block: &Block) -> String {
        let useful = |(alias, class): &(&String, &String)| {
            let taken = format!("{namespace}\\{alias}");
            let taken = taken.trim_start_matches('\\').to_ascii_lowercase();
            // In no namespace every class without one is known by its name anyway.
            !(self.declared.contains(&taken) || namespace.is_empty() && alias == class)
        };
        let line = |(alias, class): (&String, &String)| {
            if split(class).1 == alias {
                format!("use {class};\n")
            } else {
                format!("use {class} as {alias};\n")
            }
        };
        block.imports.iter().filter(useful).map(line).collect()
    }
}

impl Block {
    fn import(&mut self, imports: &[(String, String)]) {
        let sound = imports.iter().filter(|(alias, class)| {
            is_php_name(alias) && !alias.contains('\\') && is_php_name(class)
        });
        for (alias, class) in sound {
            self.imports.entry(alias.clone()).or_insert_with(|| class.clone());
        }
    }
}
