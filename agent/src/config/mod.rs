//! The configuration: one TOML file, every value of it also by environment variable.
//! `QUERYSMITH_AGENT_INSTANCE_0_URL` is the first instance's.

mod instance;
mod schema;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use querysmith_configuration::error::ConfigError;
use querysmith_configuration::logging::LogFormat;
use querysmith_configuration::read;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

pub use instance::{CollectorSettings, Instance, SslMode};

/// Where the configuration is, unless told otherwise.
pub const DEFAULT_PATH: &str = "/etc/querysmith/agent.toml";

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The controller.
    pub controller: Controller,
    /// What the agent keeps on its own disk.
    pub state: State,
    /// Reports that wait for the controller.
    pub spool: Spool,
    /// What the agent may cost.
    pub budget: Budget,
    /// Logging.
    pub log: Log,
    /// What may be changed.
    pub apply: Apply,
    /// The watched servers.
    #[serde(rename = "instance")]
    pub instances: Vec<Instance>,
}

/// The controller.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Controller {
    /// Where it listens for agents, `host:port`.
    pub address: String,
}

/// What the agent keeps on its own disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The directory of its key, journal and spool.
    pub directory: PathBuf,
}

impl Default for State {
    fn default() -> Self {
        Self { directory: "/var/lib/querysmith-agent".into() }
    }
}

/// Reports that wait for the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spool {
    /// Most bytes of telemetry that wait; then reports are merged, and at last the oldest are dropped.
    pub max_bytes: u64,
    /// Most bytes of reports about changes that wait.
    pub max_change_bytes: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_change_bytes: 16 << 20 }
    }
}

/// What the agent may cost; above it, the intervals are stretched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// CPU time, as a share of one core.
    pub cpu_fraction: f64,
    /// Resident memory, bytes. Above it the agent warns: longer intervals would free none.
    pub rss_bytes: u64,
    /// Time of its statements on the databases, as a share of one core.
    pub database_fraction: f64,
    /// Bytes sent per second.
    pub sent_bytes_per_s: f64,
}

impl Default for Budget {
    // Three times what the agent needs at 5,000 statements: normal operation never stretches an interval.
    fn default() -> Self {
        Self {
            cpu_fraction: 0.01,
            rss_bytes: 64 << 20,
            database_fraction: 0.015,
            sent_bytes_per_s: 30.0 * 1024.0,
        }
    }
}

/// Logging, to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged: `info`, or a filter such as `info,agent::link=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: "info".into() }
    }
}

/// What may be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Apply {
    /// The allow-list; a file that is missing allows nothing.
    pub allow_list: PathBuf,
}

impl Default for Apply {
    fn default() -> Self {
        Self { allow_list: "/etc/querysmith/allow.toml".into() }
    }
}

impl Config {
    /// Reads the file at `path` and the variables in `environment`, and checks all of it. A `path` that does
    /// not exist is an error unless `optional`.
    pub fn load(
        path: &Path,
        optional: bool,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        read::load(path, optional, |text| Self::parse(text, environment))
    }

    fn parse(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let config: Self = read::parse(text, &schema::schema(), environment)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        EnvFilter::try_new(&self.log.level)
            .map_err(|error| ConfigError::Invalid(format!("`log.level` is no filter: {error}")))?;
        let mut names = std::collections::BTreeSet::new();
        for instance in &self.instances {
            instance.check()?;
            if !names.insert(&instance.name) {
                return Err(ConfigError::Invalid(format!("two instances are named `{}`", instance.name)));
            }
        }
        if self.instances.len() > querysmith_shared::wire::link::MAX_INSTANCES {
            return Err(ConfigError::Invalid("one agent watches at most 100 instances".into()));
        }
        Ok(())
    }

    /// Checks what is needed to run, beyond what every command needs.
    pub fn check_for_run(&self) -> Result<(), ConfigError> {
        if self.controller.address.is_empty() {
            return Err(ConfigError::Invalid("`controller.address` is not configured".into()));
        }
        if self.instances.is_empty() {
            return Err(ConfigError::Invalid(
                "no [[instance]] is configured: there is nothing to watch".into(),
            ));
        }
        Ok(())
    }

    /// The configuration as it takes effect, as TOML, with every secret masked.
    pub fn effective(&self) -> String {
        let mut effective = self.clone();
        for instance in &mut effective.instances {
            instance.collectors = instance.effective_collectors();
        }
        read::shown(&effective)
    }
}
