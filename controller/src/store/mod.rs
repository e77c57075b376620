//! The controller's own PostgreSQL. The only place that names sqlx.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::store::error::StoreError;

// Where it is.
pub mod embedded;

// How values look in the store.
pub mod copy;
pub mod error;
pub mod value;

// The writing side: one transaction, and what can be written in it.
pub mod agents;
pub mod changes;
pub mod hours;
pub mod index_history;
pub mod instances;
pub mod partitions;
pub mod plans;
pub mod query_stats;
pub mod rollup;
pub mod schema;
pub mod state;
pub mod statements;
pub mod writing;

// What the jobs read and write.
pub mod evidence;
pub mod fence;
pub mod findings;
pub mod job_rows;
pub mod keeping;
pub mod leases;
pub mod models;
pub mod orders;
pub mod proposals;
pub mod switchback;
pub mod trials;

// What people do, and the record of it.
pub mod accounts;
pub mod admission;
pub mod audit;
pub mod audit_chain;
pub mod audit_seal;
pub mod decisions;
pub mod people;
pub mod signatures;

// The reading side, for the API.
pub mod apart;
mod newest_first;
pub mod read_activity;
pub mod read_audit;
pub mod read_changes;
pub mod read_findings;
pub mod read_fleet;
pub mod read_indexes;
pub mod read_instances;
pub mod read_jobs;
pub mod read_outcomes;
pub mod read_proposals;
pub mod read_queries;
pub mod read_query;
pub mod read_series;
pub mod read_settings;
pub mod read_surroundings;
mod read_text;

/// The store: a pool of connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// The connections.
    pub pool: PgPool,
}

/// How to connect.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// Most connections at a time.
    pub max_connections: u32,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { max_connections: 20, acquire_timeout: Duration::from_secs(10) }
    }
}

impl Store {
    /// A store at `url`. Connections are made when they are needed, so this succeeds while it is away.
    pub fn connect(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let connect: PgConnectOptions = url.parse()?;
        Ok(Self::with(connect, options))
    }

    /// A store with connection parameters already parsed.
    pub fn with(connect: PgConnectOptions, options: StoreOptions) -> Self {
        let connect = connect.application_name("querysmith/controller");
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .connect_lazy_with(connect);
        Self { pool }
    }

    /// Brings the schema up to date. Several controllers may do so at once: an advisory lock lets one work.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(sqlx::migrate!("../migrations").run(&self.pool).await?)
    }

    /// Whether the store answers now.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}
