//! Reads how the controller's jobs are doing.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::Store;
use crate::store::error::StoreError;

/// One job.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct ReadJob {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub schedule: String,
    /// When it last started.
    pub last_started_at: Option<DateTime<Utc>>,
    /// When it last ended.
    pub last_finished_at: Option<DateTime<Utc>>,
    /// How long it took.
    pub last_duration_ms: Option<f64>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// Runs.
    pub runs: i64,
    /// Failed ones.
    pub failures: i64,
}

impl Store {
    /// Jobs by name, after that of `after`, and how many there are.
    pub async fn read_jobs(
        &self,
        after: Option<&str>,
        limit: i64,
    ) -> Result<(Vec<ReadJob>, i64), StoreError> {
        let rows = sqlx::query_as(
            "SELECT name, schedule, last_started_at, last_finished_at, last_duration_ms, last_error, runs, failures
             FROM job
             WHERE $1::text IS NULL
                OR name > $1
             ORDER BY name
             LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar("SELECT count(*) FROM job").fetch_one(&self.pool).await?;
        Ok((rows, total))
    }
}
