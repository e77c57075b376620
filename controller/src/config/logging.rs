//! How the program logs.

use querysmith_configuration::logging::LogFormat;
use serde::{Deserialize, Serialize};

/// Logging, to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged: `info`, or a filter such as `info,querysmith_controller::jobs=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        // The database driver and the web server tell much that says nothing here.
        Self { format: LogFormat::Human, level: "info,sqlx=warn,actix_server=warn".to_owned() }
    }
}
