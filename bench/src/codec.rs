//! The value codec against PHP's own and its extensions: taken from the codec's own benchmark, which
//! measures all of them in one process.

use crate::options::MeasureArgs;
use crate::report::Report;
use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value that was encoded and decoded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) name: String,
    /// By codec: "appserver", "igbinary", "msgpack", "serialize".
    pub(crate) codecs: BTreeMap<String, Figures>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) bytes: u64,
    pub(crate) encode_ns: f64,
    pub(crate) decode_ns: f64,
}

pub(crate) fn measure(_workspace: &Workspace, _args: &MeasureArgs, report: &mut Report) {
    report.skip("codec", &anyhow::anyhow!("its benchmark is not built"));
}
