//! Reads a server's indexes: their description from the schema, their size and use from the counters.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use crate::store::error::StoreError;

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ReadIndex {
    /// Database.
    pub database: String,
    /// Schema.
    pub schema_name: String,
    /// Table.
    pub table_name: String,
    /// Its name.
    pub name: String,
    /// The server's own CREATE INDEX text.
    pub definition: String,
    /// It enforces uniqueness.
    pub is_unique: bool,
    /// The planner may use it.
    pub is_valid: bool,
    /// A constraint owns it.
    pub is_constraint: bool,
    /// Size; 0 where the counters have not come yet.
    pub size_bytes: i64,
    /// Scans; 0 where the counters have not come yet.
    pub scans: i64,
    /// Since when they are counted.
    pub stats_since: Option<DateTime<Utc>>,
}

/// Where a page of indexes ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    /// Size of the last one.
    pub size_bytes: i64,
    /// Database, schema, table and name of the last one.
    pub names: (String, String, String, String),
}

impl Store {
    /// Indexes, largest first, after `after`, and how many there are. With `unused`, only those whose scans
    /// are known and are none (true) or some (false).
    pub async fn read_indexes(
        &self,
        instance: Uuid,
        unused: Option<bool>,
        after: Option<&IndexKey>,
        limit: i64,
    ) -> Result<(Vec<ReadIndex>, i64), StoreError> {
        let names = after.map(|key| &key.names);
        let rows = sqlx::query_as(
            "SELECT database, schema_name, table_name, name, definition, is_unique, is_valid, is_constraint,
                    COALESCE(size_bytes, 0) AS size_bytes, COALESCE(scans, 0) AS scans, stats_since
             FROM described_index
             WHERE instance_id = $1
               AND ($2::boolean IS NULL OR (scans = 0) = $2)
               AND ($3::bigint IS NULL
                    OR (-COALESCE(size_bytes, 0), database, schema_name, table_name, name) > (-$3, $4, $5, $6, $7))
             ORDER BY COALESCE(size_bytes, 0) DESC, database, schema_name, table_name, name
             LIMIT $8",
        )
        .bind(instance)
        .bind(unused)
        .bind(after.map(|key| key.size_bytes))
        .bind(names.map(|names| names.0.as_str()))
        .bind(names.map(|names| names.1.as_str()))
        .bind(names.map(|names| names.2.as_str()))
        .bind(names.map(|names| names.3.as_str()))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar(
            "SELECT count(*)
             FROM described_index
             WHERE instance_id = $1
               AND ($2::boolean IS NULL OR (scans = 0) = $2)",
        )
        .bind(instance)
        .bind(unused)
        .fetch_one(&self.pool)
        .await?;
        Ok((rows, total))
    }
}
