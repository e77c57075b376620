//! Where the store is.

use std::path::PathBuf;

use querysmith_configuration::error::ConfigError;
use querysmith_configuration::secret::Secret;
use serde::{Deserialize, Serialize};

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// `postgres://…`; without it the controller runs a private PostgreSQL below its data directory. Also by
    /// `DATABASE_URL`, or by `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_DB`, `POSTGRES_USER` and
    /// `POSTGRES_PASSWORD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// Most connections of the jobs and of ingest; the API has 16 of its own.
    pub max_connections: u32,
    /// The `bin` directory of the PostgreSQL that the embedded store uses; without it the newest one found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binaries: Option<PathBuf>,
    /// `shared_buffers` of the embedded store, MiB.
    pub shared_buffers_mib: u32,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { url: None, max_connections: 20, binaries: None, shared_buffers_mib: 128 }
    }
}

impl StoreSettings {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // Each job that runs holds a claim on one connection and works on others.
        const LEAST: u32 = 8;
        if !(LEAST..=200).contains(&self.max_connections) {
            let message = format!("`store.max_connections` must be between {LEAST} and 200");
            return Err(ConfigError::Invalid(message));
        }
        if !(16..=65_536).contains(&self.shared_buffers_mib) {
            let message = "`store.shared_buffers_mib` must be between 16 and 65536".to_owned();
            return Err(ConfigError::Invalid(message));
        }
        if let Some(url) = &self.url {
            let is_postgres =
                ["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme));
            if !is_postgres {
                return Err(ConfigError::Invalid("`store.url` must begin with postgres://".to_owned()));
            }
        }
        Ok(())
    }
}
