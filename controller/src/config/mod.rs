//! Configuration of the controller: one TOML file, every value of it also by environment variable.
//!
//! No default points outside the machine.

pub mod environment;
pub mod http;
pub mod jobs;
pub mod link;
pub mod logging;
pub mod retention;
mod schema;
pub mod store;
#[cfg(test)]
mod tests;
pub mod trials;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use querysmith_configuration::error::ConfigError;
use querysmith_configuration::read;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use http::Http;
use jobs::Schedules;
use link::Link;
use logging::Log;
use retention::Retention;
use store::StoreSettings;
use trials::Trials;

use crate::schedule::Schedule;

/// Where the configuration is, unless told otherwise.
pub const DEFAULT_PATH: &str = "/etc/querysmith/controller.toml";

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What the controller keeps on its own disk.
    pub data: Data,
    /// The API and the console.
    pub http: Http,
    /// The link to the agents.
    pub link: Link,
    /// The store.
    pub store: StoreSettings,
    /// How long what is kept.
    pub retention: Retention,
    /// Proposals.
    pub proposals: Proposals,
    /// The terms of trials.
    pub trials: Trials,
    /// When the jobs run.
    pub jobs: Schedules,
    /// Logging.
    pub log: Log,
}

/// What the controller keeps on its own disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The directory of its authority's key and of the embedded store.
    pub directory: PathBuf,
    /// The console says that what it shows is a demonstration.
    pub demo: bool,
}

impl Default for Data {
    fn default() -> Self {
        Self { directory: "/var/lib/querysmith".into(), demo: false }
    }
}

/// Proposals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proposals {
    /// How long one waits for a decision, hours.
    pub expire_after_h: u32,
}

impl Default for Proposals {
    fn default() -> Self {
        Self { expire_after_h: 24 }
    }
}

impl Proposals {
    /// How long one waits for a decision.
    pub fn life(&self) -> Duration {
        Duration::from_secs(u64::from(self.expire_after_h) * 3_600)
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
        let variables: BTreeMap<String, String> = environment.into_iter().collect();
        let environment = environment::translate(variables.clone())?;
        let config: Self = read::parse(text, &schema::schema(), environment)?;
        if config.store.url.is_none() {
            environment::no_store_without_a_host(&variables)?;
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        EnvFilter::try_new(&self.log.level)
            .map_err(|error| ConfigError::Invalid(format!("`log.level` is no filter: {error}")))?;
        for expression in self.jobs.all() {
            Schedule::parse(expression).map_err(|error| ConfigError::Invalid(format!("[jobs]: {error}")))?;
        }
        if self.http.tls_certificate.is_some() != self.http.tls_key.is_some() {
            let message = "`http.tls_certificate` and `http.tls_key` go together".to_owned();
            return Err(ConfigError::Invalid(message));
        }
        if self.retention.query_stats_days > self.retention.minutes_days {
            let message =
                "`retention.query_stats_days` must not be more than `retention.minutes_days`".to_owned();
            return Err(ConfigError::Invalid(message));
        }
        if self.proposals.expire_after_h == 0 {
            return Err(ConfigError::Invalid("`proposals.expire_after_h` must be at least 1".to_owned()));
        }
        self.trials.check()?;
        self.store.check()
    }

    /// The configuration as it takes effect, as TOML, with every secret masked.
    pub fn effective(&self) -> String {
        read::shown(self)
    }
}
