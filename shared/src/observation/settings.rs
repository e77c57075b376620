//! Server settings.

use serde::{Deserialize, Serialize};

use crate::parameter::ParameterType;
use crate::wire::bounded;

/// Most settings of one message; PostgreSQL 18 has about 400.
pub const MAX_SETTINGS: usize = 5_000;
/// Most words that a setting may have as its values.
pub const MAX_CHOICES: usize = 100;

/// Settings that are new or changed since they were last sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChanges {
    /// The settings.
    #[serde(deserialize_with = "bounded::vec::<MAX_SETTINGS, _, _>")]
    pub changed: Vec<Setting>,
}

/// One setting. Values that may hold a secret (connection strings, commands) come masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Name.
    pub name: String,
    /// Value in `unit`.
    pub value: String,
    /// Unit of the value: `8kB`, `ms` …
    pub unit: Option<String>,
    /// Where the value comes from: `default`, `configuration file` …
    pub source: String,
    /// What it takes to change it: `postmaster`, `sighup`, `user` …
    pub context: String,
    /// Value without any configuration.
    pub boot_value: Option<String>,
    /// Lower bound.
    pub min: Option<String>,
    /// Upper bound.
    pub max: Option<String>,
    /// The configuration has another value that waits for a restart.
    pub pending_restart: bool,
    /// What values it takes.
    pub value_type: ParameterType,
    /// The words it takes, where it takes only some.
    #[serde(deserialize_with = "bounded::vec::<MAX_CHOICES, _, _>")]
    pub choices: Vec<String>,
    /// The value was set by ALTER SYSTEM.
    pub by_alter_system: bool,
}
