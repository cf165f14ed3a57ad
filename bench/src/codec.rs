//! The value codec against PHP's own and its extensions: taken from the codec's own benchmark, which
//! measures all of them in one process.

use crate::example;
use crate::report::Report;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value that was encoded and decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) name: String,
    /// By codec: `appserver`, `igbinary`, `msgpack`, `serialize`.
    pub(crate) codecs: BTreeMap<String, Figures>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) bytes: u64,
    pub(crate) encode_ns: f64,
    pub(crate) decode_ns: f64,
}

/// A line of the codec's benchmark.
#[derive(Deserialize)]
struct Row {
    shape: String,
    codec: String,
    #[serde(flatten)]
    figures: Figures,
}

pub(crate) fn measure(report: &mut Report) {
    eprintln!("measuring the codec");
    match shapes() {
        Ok(shapes) => report.codec = shapes,
        Err(error) => report.skip("codec", &error),
    }
}

fn shapes() -> Result<Vec<Shape>> {
    let output = example::output("appserver-values", "codec_compare", &["--json"])?;
    let rows: Vec<Row> = serde_json::from_str(&output).context("the codec's benchmark")?;
    ensure!(!rows.is_empty(), "the codec's benchmark measured nothing");
    Ok(grouped(rows))
}

/// In the order of the shapes' first rows.
fn grouped(rows: Vec<Row>) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    for Row { shape, codec, figures } in rows {
        let known = shapes.iter().position(|known| known.name == shape);
        let index = known.unwrap_or_else(|| {
            shapes.push(Shape { name: shape, codecs: BTreeMap::new() });
            shapes.len() - 1
        });
        shapes[index].codecs.insert(codec, figures);
    }
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_shape_in_their_order() {
        let row = |shape: &str, codec: &str| {
            format!(
                r#"{{"shape": "{shape}", "codec": "{codec}", "bytes": 9, "encode_ns": 1.5, "decode_ns": 2.0}}"#
            )
        };
        let lines = [row("z", "appserver"), row("z", "igbinary"), row("a", "appserver")];
        let rows = serde_json::from_str(&format!("[{}]", lines.join(","))).expect("rows");
        let figures = Figures { bytes: 9, encode_ns: 1.5, decode_ns: 2.0 };
        let shape = |name: &str, codecs: &[&str]| Shape {
            name: name.to_owned(),
            codecs: codecs.iter().map(|codec| ((*codec).to_owned(), figures)).collect(),
        };
        let expected = [shape("z", &["appserver", "igbinary"]), shape("a", &["appserver"])];
        assert_eq!(grouped(rows), expected);
    }
}
