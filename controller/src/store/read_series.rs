//! Reads a server's figures over time, in steps.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::hours::Grain;
use crate::store::error::StoreError;

const HOUR_S: i64 = 3_600;
/// Marks of one chart; more could not be told apart.
const MOST_MARKS: i64 = 200;

/// A stretch of time in equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Start.
    pub from: DateTime<Utc>,
    /// End, not included.
    pub to: DateTime<Utc>,
    /// Length of a step, seconds.
    pub step_s: i64,
}

impl Steps {
    /// Where the first step begins: steps of full hours begin at one.
    pub fn origin(&self) -> DateTime<Utc> {
        if self.step_s % HOUR_S == 0 {
            self.from.duration_trunc(TimeDelta::hours(1)).unwrap_or(self.from)
        } else {
            self.from
        }
    }

    /// By the hour where the steps are of full hours, else by the minute.
    pub(super) fn grain(&self) -> Grain {
        if self.step_s % HOUR_S == 0 {
            Grain::hours(self.from, self.to)
        } else {
            Grain::minutes(self.from, self.to)
        }
    }
}

/// One step of one line.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct StepValue {
    /// Start of the step.
    pub at: DateTime<Utc>,
    /// Which line; empty where there is one only.
    pub name: String,
    /// Its value.
    pub value: f64,
}

/// Something worth a mark.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct MarkRow {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: String,
    /// In words.
    pub label: String,
    /// The change it belongs to.
    pub change_id: Option<Uuid>,
}

/// A figure of the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFigure {
    /// Average number of sessions at work.
    SessionsAtWork,
    /// Calls per second.
    CallsPerSecond,
}

impl Store {
    /// What the statements did, for each step in which statistics came. The sums are divided by the time
    /// that the statistics cover, so that a step that is not over yet is not low.
    pub async fn load_series(
        &self,
        instance: Uuid,
        steps: Steps,
        figure: LoadFigure,
    ) -> Result<Vec<StepValue>, StoreError> {
        let grain = steps.grain();
        Ok(sqlx::query_as(
            "WITH covered AS (
                 SELECT date_bin(make_interval(secs => $4), at, $6) AS at, sum(covered_s) AS covered_s
                 FROM coverage_between(ARRAY[$1], $2, $7, $8, $3)
                 GROUP BY 1
             ), loads AS (
                 SELECT date_bin(make_interval(secs => $4), at, $6) AS at, sum(calls)::float8 AS calls,
                        sum(total_ms) AS total_ms
                 FROM sums_between(ARRAY[$1], $2, $7, $8, $3)
                 GROUP BY 1
             )
             SELECT at, '' AS name,
                    COALESCE(CASE WHEN $5 THEN loads.calls ELSE loads.total_ms / 1000 END, 0) / covered.covered_s
                        AS value
             FROM covered
             LEFT JOIN loads USING (at)
             WHERE covered.covered_s > 0
             ORDER BY at",
        )
        .bind(instance)
        .bind(steps.from)
        .bind(steps.to)
        .bind(steps.step_s as f64)
        .bind(figure == LoadFigure::CallsPerSecond)
        .bind(steps.origin())
        .bind(grain.hours_from)
        .bind(grain.hours_to)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Share of the host's CPUs in use.
    pub async fn cpu_series(&self, instance: Uuid, steps: Steps) -> Result<Vec<StepValue>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT date_bin(make_interval(secs => $4), read_at, $5) AS at, '' AS name,
                    avg(cpu_fraction)::float8 AS value
             FROM host_sample
             WHERE instance_id = $1
               AND read_at >= $2
               AND read_at < $3
             GROUP BY 1
             ORDER BY 1",
        )
        .bind(instance)
        .bind(steps.from)
        .bind(steps.to)
        .bind(steps.step_s as f64)
        .bind(steps.origin())
        .fetch_all(&self.pool)
        .await?)
    }

    /// Connections by state; the line without a name is all of them.
    pub async fn connection_series(
        &self,
        instance: Uuid,
        steps: Steps,
    ) -> Result<Vec<StepValue>, StoreError> {
        Ok(sqlx::query_as(
            "WITH steps AS (
                 SELECT date_bin(make_interval(secs => $4), read_at, $5) AS at,
                        avg(active)::float8 AS active, avg(idle)::float8 AS idle,
                        avg(idle_in_transaction)::float8 AS idle_in_transaction, avg(blocked)::float8 AS blocked
                 FROM activity_sample
                 WHERE instance_id = $1
                   AND read_at >= $2
                   AND read_at < $3
                 GROUP BY 1
             )
             SELECT steps.at, line.name, line.value
             FROM steps
             CROSS JOIN LATERAL (VALUES
                 ('', steps.active + steps.idle + steps.idle_in_transaction),
                 ('active', steps.active),
                 ('idle', steps.idle),
                 ('idle in transaction', steps.idle_in_transaction),
                 ('blocked', steps.blocked)
             ) AS line (name, value)
             ORDER BY steps.at, line.name",
        )
        .bind(instance)
        .bind(steps.from)
        .bind(steps.to)
        .bind(steps.step_s as f64)
        .bind(steps.origin())
        .fetch_all(&self.pool)
        .await?)
    }

    /// Active sessions by what they wait for; the line without a name is all of them.
    pub async fn wait_series(&self, instance: Uuid, steps: Steps) -> Result<Vec<StepValue>, StoreError> {
        Ok(sqlx::query_as(
            "WITH samples AS (
                 SELECT date_bin(make_interval(secs => $4), read_at, $5) AS at, sample
                 FROM activity_sample
                 WHERE instance_id = $1
                   AND read_at >= $2
                   AND read_at < $3
             ), steps AS (
                 SELECT at, count(*)::float8 AS samples
                 FROM samples
                 GROUP BY at
             ), waits AS (
                 SELECT samples.at, wait.item ->> 'class' AS name, sum((wait.item ->> 'count')::float8) AS sessions
                 FROM samples
                 CROSS JOIN LATERAL jsonb_array_elements(samples.sample -> 'waits') AS wait (item)
                 GROUP BY GROUPING SETS ((samples.at), (samples.at, wait.item ->> 'class'))
             )
             SELECT steps.at, COALESCE(waits.name, '') AS name, COALESCE(waits.sessions, 0) / steps.samples AS value
             FROM steps
             LEFT JOIN waits USING (at)
             ORDER BY steps.at, name",
        )
        .bind(instance)
        .bind(steps.from)
        .bind(steps.to)
        .bind(steps.step_s as f64)
        .bind(steps.origin())
        .fetch_all(&self.pool)
        .await?)
    }

    /// Marks of a server as a whole.
    pub async fn instance_marks(
        &self,
        instance: Uuid,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<MarkRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT at, kind, label, change_id
             FROM (
                 SELECT at, kind, label, change_id
                 FROM mark
                 WHERE instance_id = $1
                   AND at >= $2
                   AND at < $3
                   AND statement_id IS NULL
                 ORDER BY at DESC
                 LIMIT $4
             ) AS newest
             ORDER BY at",
        )
        .bind(instance)
        .bind(from)
        .bind(to)
        .bind(MOST_MARKS)
        .fetch_all(&self.pool)
        .await?)
    }
}
