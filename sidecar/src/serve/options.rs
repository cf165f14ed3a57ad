//! What `serve` may be told on the command line; it goes before the configuration file.

use crate::config::LogFormat;
use std::path::PathBuf;

/// Options of [`super::run`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Folders of applications, beside those of the configuration file.
    pub(crate) apps: Vec<PathBuf>,
    /// They are being edited: each change is a new release.
    pub(crate) watched: bool,
    /// Addresses; they replace those of the configuration file.
    pub(crate) listen: Vec<String>,
    pub(crate) config: Option<PathBuf>,
    /// Most executors of each pool, whatever the applications say.
    pub(crate) executors_max: Option<u16>,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) log_level: Option<String>,
    pub(crate) php_binary: Option<PathBuf>,
}
