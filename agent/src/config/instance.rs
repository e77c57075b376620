//! One watched server, as configured.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use querysmith_configuration::error::ConfigError;
use querysmith_configuration::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::collect::collector::Collector;

/// One watched server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instance {
    /// Its name; its identity in the controller is derived from it.
    pub name: String,
    /// Its environment label: `production`, `staging` …
    pub environment: String,
    /// Its address as `postgres://user@host:port/database?sslmode=…`, instead of the single values below.
    pub url: Option<Secret>,
    /// Host, or the directory of its Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The role that reads.
    pub user: String,
    /// Its password.
    pub password: Option<Secret>,
    /// A file that holds its password; read at every connect.
    pub password_file: Option<PathBuf>,
    /// The database to connect to first.
    pub database: String,
    /// Encryption of both connections; if not said, `require` to another host, `verify-full` with a root certificate.
    pub sslmode: Option<SslMode>,
    /// Authorities for `verify-ca` and `verify-full`, PEM.
    pub ssl_root_cert: Option<PathBuf>,
    /// The address for changes, with a role of its own; without it nothing can be changed.
    pub apply_url: Option<Secret>,
    /// A file that holds the apply role's password; read at every connect.
    pub apply_password_file: Option<PathBuf>,
    /// Databases to watch; `*` is all.
    pub databases: Vec<String>,
    /// Databases not to watch.
    pub exclude_databases: Vec<String>,
    /// Let literals of statements, plans and errors leave this host.
    pub literals: bool,
    /// The reading role is the agent's alone, so that everything it runs is the agent's own; found out if
    /// not said.
    pub dedicated_role: Option<bool>,
    /// Report the figures of this host for the server; found out from its address if not said.
    pub host_metrics: Option<bool>,
    /// Most tables of one database that are described.
    pub max_tables: u32,
    /// Transactions older than this are reported, seconds.
    pub long_transaction_s: f64,
    /// The collectors, by name.
    pub collectors: BTreeMap<Collector, CollectorSettings>,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            name: String::new(),
            environment: "production".into(),
            url: None,
            host: "localhost".into(),
            port: 5432,
            user: "querysmith_read".into(),
            password: None,
            password_file: None,
            database: "postgres".into(),
            sslmode: None,
            ssl_root_cert: None,
            apply_url: None,
            apply_password_file: None,
            databases: vec!["*".into()],
            exclude_databases: Vec::new(),
            literals: false,
            dedicated_role: None,
            host_metrics: None,
            max_tables: 5_000,
            long_transaction_s: 60.0,
            collectors: BTreeMap::new(),
        }
    }
}

/// Encryption of a connection, as libpq names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never.
    Disable,
    /// If the server wants it.
    Allow,
    /// If the server can.
    Prefer,
    /// Always.
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// Always, with a certificate of a known authority for this host.
    VerifyFull,
}

/// One collector, as configured; what is missing is the collector's default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectorSettings {
    /// Whether it runs.
    pub enabled: Option<bool>,
    /// Time from one run to the next, seconds.
    pub interval_s: Option<f64>,
    /// Longest run of one of its statements, seconds.
    pub timeout_s: Option<f64>,
}

impl Instance {
    /// Whether `collector` runs.
    pub fn enabled(&self, collector: Collector) -> bool {
        self.settings(collector).enabled.unwrap_or(true)
    }

    /// The configured interval of `collector`.
    pub fn interval(&self, collector: Collector) -> Duration {
        self.settings(collector).interval_s.map_or(collector.default_interval(), Duration::from_secs_f64)
    }

    /// The time limit of one statement of `collector`.
    pub fn timeout(&self, collector: Collector) -> Duration {
        self.settings(collector).timeout_s.map_or(collector.default_timeout(), Duration::from_secs_f64)
    }

    /// Every collector with its settings as they take effect.
    pub(super) fn effective_collectors(&self) -> BTreeMap<Collector, CollectorSettings> {
        let effective = |collector| CollectorSettings {
            enabled: Some(self.enabled(collector)),
            interval_s: Some(self.interval(collector).as_secs_f64()),
            timeout_s: Some(self.timeout(collector).as_secs_f64()),
        };
        Collector::ALL.into_iter().map(|collector| (collector, effective(collector))).collect()
    }

    fn settings(&self, collector: Collector) -> CollectorSettings {
        self.collectors.get(&collector).copied().unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let fail = |text: String| Err(ConfigError::Invalid(text));
        if self.name.is_empty() {
            return fail("an [[instance]] has no `name`".into());
        }
        let name = &self.name;
        if self.environment.is_empty() {
            return fail(format!("instance `{name}`: `environment` is empty"));
        }
        for (collector, settings) in &self.collectors {
            for (key, value, least) in
                [("interval_s", settings.interval_s, 0.1), ("timeout_s", settings.timeout_s, 0.01)]
            {
                // A day: longer ones are typing errors, and Duration would panic at the absurd ones.
                if value.is_some_and(|value| !(least..=86_400.0).contains(&value)) {
                    return fail(format!(
                        "instance `{name}`: `collectors.{}.{key}` must be between {least} and 86400",
                        collector.as_str()
                    ));
                }
            }
        }
        if !(0.0..=86_400.0 * 365.0).contains(&self.long_transaction_s) {
            return fail(format!("instance `{name}`: `long_transaction_s` must be between 0 and a year"));
        }
        if self.password.is_some() && self.password_file.is_some() {
            return fail(format!("instance `{name}`: give `password` or `password_file`, not both"));
        }
        Ok(())
    }
}
