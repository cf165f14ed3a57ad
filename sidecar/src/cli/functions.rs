//! `appserver functions`: what can be called.

use super::client::WorkerArgs;
use super::{Stop, text};
use protocol::{AppName, Catalog, Function, Isolation};
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  appserver functions
  appserver functions shop
  appserver functions --json | jq -r '.[].functions[].name'";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FunctionsArgs {
    /// Application; by default all of the worker's.
    #[arg(value_name = "APP", value_parser = AppName::new)]
    app: Option<AppName>,
    /// Print the catalogs as a JSON array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workers: WorkerArgs,
}

pub(crate) fn run(args: FunctionsArgs) -> Result<(), Stop> {
    let mut control = args.workers.open()?.control()?;
    let apps = match args.app {
        Some(app) => vec![app],
        None => control.status()?.apps.into_iter().map(|app| app.app).collect(),
    };
    let catalogs =
        apps.into_iter().map(|app| control.catalog(app)).collect::<Result<Vec<_>, _>>()?;
    if args.json {
        let catalogs: Vec<_> = catalogs.iter().map(as_json).collect();
        writeln!(io::stdout(), "{}", serde_json::json!(catalogs))?;
    } else {
        let tables: Vec<String> = catalogs.iter().map(describe).collect();
        write!(io::stdout(), "{}", tables.join("\n"))?;
    }
    Ok(())
}

fn as_json(catalog: &Catalog) -> serde_json::Value {
    let mut json = serde_json::json!(catalog);
    // In JSON a number of 64 bits loses its last digits with many readers.
    json["release"] = catalog.release.to_string().into();
    json
}

fn describe(catalog: &Catalog) -> String {
    let count = catalog.functions.len();
    let title = format!(
        "{}, release {}, {count} {}\n",
        catalog.app,
        catalog.release,
        if count == 1 { "function" } else { "functions" }
    );
    let mut rows = vec![["FUNCTION", "POOL", "DECLARED", "DEFINED IN"].map(str::to_owned).to_vec()];
    rows.extend(catalog.functions.iter().map(|function| {
        vec![
            function.signature(),
            function.pool.clone(),
            declared(function),
            format!("{}:{}", function.file, function.line),
        ]
    }));
    title + &text::table(&rows)
}

/// What its attributes say, in words; `-` where they say nothing.
fn declared(function: &Function) -> String {
    let mut words = Vec::new();
    if let Some(limit) = function.timeout_ms {
        words.push(format!("timeout {} s", f64::from(limit) / 1000.0));
    }
    if let Some(parameter) = &function.affinity {
        words.push(format!("affinity ${parameter}"));
    }
    if function.idempotent {
        words.push("idempotent".to_owned());
    }
    if function.isolation == Isolation::Resident {
        words.push("resident".to_owned());
    }
    if let Some(policy) = &function.cache {
        words.push(format!("kept {}", policy.describe(&function.params)));
    }
    if let Some(param) = function.by_ref_param() {
        words.push(format!("not callable: ${} is by reference", param.name));
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Param;

    #[test]
    fn attributes_are_put_in_words() {
        let mut function = Function {
            name: "quote".to_owned(),
            pool: "default".to_owned(),
            params: Vec::new(),
            returns: None,
            timeout_ms: None,
            affinity: None,
            idempotent: false,
            isolation: Isolation::Stateless,
            attributes: Vec::new(),
            doc: None,
            file: "a.php".to_owned(),
            line: 1,
            ..Function::default()
        };
        assert_eq!(declared(&function), "-");
        function.timeout_ms = Some(1500);
        function.affinity = Some("sku".to_owned());
        function.idempotent = true;
        function.isolation = Isolation::Resident;
        assert_eq!(declared(&function), "timeout 1.5 s, affinity $sku, idempotent, resident");
        function.params.push(Param {
            name: "x".to_owned(),
            ty: None,
            optional: false,
            default: None,
            by_ref: true,
            variadic: false,
            ..Param::default()
        });
        assert!(declared(&function).ends_with("not callable: $x is by reference"));
    }
}
