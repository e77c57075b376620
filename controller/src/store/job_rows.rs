//! Claims of jobs, and how they are doing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};

use super::Store;
use super::value::text;
use crate::store::error::StoreError;

/// Whether this controller may run a job now.
#[derive(Debug)]
pub enum Claim {
    /// It may, until this is dropped or the connection breaks.
    Taken(JobClaim),
    /// Another controller is at it.
    Busy,
}

/// The right to run a job: a lock that ends with its transaction, so it can't outlive its holder.
#[derive(Debug)]
pub struct JobClaim {
    _transaction: Transaction<'static, Postgres>,
}

impl Store {
    /// Claims a job for this controller.
    pub async fn claim_job(&self, name: &str) -> Result<Claim, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let is_mine: bool = sqlx::query_scalar(
            "SELECT pg_try_advisory_xact_lock(hashtextextended('querysmith job ' || $1, 0))",
        )
        .bind(name)
        .fetch_one(&mut *transaction)
        .await?;
        Ok(if is_mine { Claim::Taken(JobClaim { _transaction: transaction }) } else { Claim::Busy })
    }

    /// Notes that a run of a job began.
    pub async fn job_started(&self, name: &str, schedule: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO job (name, schedule, last_started_at)
             VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE
             SET schedule = EXCLUDED.schedule, last_started_at = EXCLUDED.last_started_at",
        )
        .bind(name)
        .bind(schedule)
        .bind(at)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes that a run of a job ended, and how.
    pub async fn job_finished(
        &self,
        name: &str,
        at: DateTime<Utc>,
        took: Duration,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE job
             SET last_finished_at = $2,
                 last_duration_ms = $3,
                 last_error = $4,
                 runs = runs + 1,
                 failures = failures + CASE WHEN $4 IS NULL THEN 0 ELSE 1 END
             WHERE name = $1",
        )
        .bind(name)
        .bind(at)
        .bind(took.as_secs_f64() * 1_000.0)
        .bind(error.map(text))
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
