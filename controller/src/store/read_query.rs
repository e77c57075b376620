//! Reads one statement in full.

use chrono::{DateTime, Utc};
use querysmith_shared::id::StatementId;
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::hours::Grain;
use super::read_series::{MarkRow, Steps};
use crate::store::error::StoreError;

/// Plans of one statement that are shown, newest first.
const MOST_PLANS: i64 = 20;
/// Marks of one chart.
const MOST_MARKS: i64 = 200;

/// What is known of a statement, and what it did in a stretch.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct StatementDetail {
    /// Name of its server.
    pub instance_name: String,
    /// Its database.
    pub database: String,
    /// Its user.
    pub user_name: String,
    /// Its text, if it is known.
    pub text: Option<String>,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// Calls in the stretch.
    pub calls: i64,
    /// Rows in the stretch.
    pub row_count: i64,
    /// Time of all calls in the stretch.
    pub total_ms: f64,
    /// Blocks in the stretch.
    pub blocks: i64,
    /// Share of the server's statement time in the stretch.
    pub time_share: f64,
    /// Findings about it that are not resolved.
    pub open_findings: i64,
    /// Why it has no plan.
    pub plan_problem: Option<String>,
}

/// One step of a statement.
#[derive(Debug, Clone, Copy, PartialEq, FromRow)]
pub struct LatencyStep {
    /// Start of the step.
    pub at: DateTime<Utc>,
    /// Calls, at least one.
    pub calls: i64,
    /// Time of all calls.
    pub total_ms: f64,
    /// Sum of the squared times.
    pub sum_squares_ms2: f64,
    /// Blocks.
    pub blocks: i64,
    /// Rows.
    pub row_count: i64,
}

/// One plan.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct ReadPlan {
    /// Where it comes from.
    pub origin: String,
    /// What it does.
    pub shape_hash: i64,
    /// The plan as EXPLAIN wrote it.
    pub plan: String,
    /// The planner's cost.
    pub total_cost: f64,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
}

impl Store {
    /// What is known of a statement, and what it did in a stretch.
    pub async fn read_statement(
        &self,
        instance: Uuid,
        id: StatementId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Option<StatementDetail>, StoreError> {
        let grain = Grain::hours(from, to);
        Ok(sqlx::query_as(
            "SELECT instance.name AS instance_name, statement.database, statement.user_name, statement.text,
                    statement.first_seen_at, statement.last_seen_at, sums.calls, sums.row_count, sums.total_ms,
                    sums.blocks, COALESCE(sums.total_ms / NULLIF(whole.total_ms, 0), 0) AS time_share,
                    (SELECT count(*) FROM finding
                     WHERE finding.instance_id = statement.instance_id
                       AND finding.statement_id = statement.statement_id
                       AND finding.resolved_at IS NULL) AS open_findings,
                    plan_problem.problem AS plan_problem
             FROM statement
             JOIN instance USING (instance_id)
             LEFT JOIN plan_problem USING (instance_id, statement_id)
             CROSS JOIN LATERAL (
                 SELECT LEAST(COALESCE(sum(calls), 0), 9e18)::bigint AS calls,
                        LEAST(COALESCE(sum(row_count), 0), 9e18)::bigint AS row_count,
                        COALESCE(sum(total_ms), 0) AS total_ms,
                        LEAST(COALESCE(sum(blocks_hit) + sum(blocks_read), 0), 9e18)::bigint AS blocks
                 FROM sums_between(ARRAY[$1], $3, $5, $6, $4) AS stats
                 WHERE stats.statement_id = $2
             ) AS sums
             CROSS JOIN LATERAL (
                 SELECT sum(total_ms) AS total_ms
                 FROM sums_between(ARRAY[$1], $3, $5, $6, $4)
             ) AS whole
             WHERE statement.instance_id = $1
               AND statement.statement_id = $2",
        )
        .bind(instance)
        .bind(id.0)
        .bind(from)
        .bind(to)
        .bind(grain.hours_from)
        .bind(grain.hours_to)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// A statement's latency in steps; steps without calls are left out.
    pub async fn read_latency(
        &self,
        instance: Uuid,
        id: StatementId,
        steps: Steps,
    ) -> Result<Vec<LatencyStep>, StoreError> {
        let grain = steps.grain();
        Ok(sqlx::query_as(
            "SELECT date_bin(make_interval(secs => $5), at, $6) AS at, LEAST(sum(calls), 9e18)::bigint AS calls,
                    sum(total_ms) AS total_ms, sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit) + sum(blocks_read), 9e18)::bigint AS blocks,
                    LEAST(sum(row_count), 9e18)::bigint AS row_count
             FROM sums_between(ARRAY[$1], $3, $7, $8, $4)
             WHERE statement_id = $2
               AND calls > 0
             GROUP BY 1
             ORDER BY 1",
        )
        .bind(instance)
        .bind(id.0)
        .bind(steps.from)
        .bind(steps.to)
        .bind(steps.step_s as f64)
        .bind(steps.origin())
        .bind(grain.hours_from)
        .bind(grain.hours_to)
        .fetch_all(&self.pool)
        .await?)
    }

    /// A statement's plans, newest first.
    pub async fn read_plans(&self, instance: Uuid, id: StatementId) -> Result<Vec<ReadPlan>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT origin, shape_hash, plan::text AS plan, total_cost, first_seen_at, last_seen_at
             FROM plan
             WHERE instance_id = $1
               AND statement_id = $2
             ORDER BY last_seen_at DESC, origin, shape_hash
             LIMIT $3",
        )
        .bind(instance)
        .bind(id.0)
        .bind(MOST_PLANS)
        .fetch_all(&self.pool)
        .await?)
    }

    /// What happened to a statement: to itself, and to its whole server.
    pub async fn statement_marks(
        &self,
        instance: Uuid,
        id: StatementId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<MarkRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT at, kind, label, change_id
             FROM (
                 SELECT at, kind, label, change_id
                 FROM mark
                 WHERE instance_id = $1
                   AND at >= $3
                   AND at < $4
                   AND (statement_id IS NULL OR statement_id = $2)
                 ORDER BY at DESC
                 LIMIT $5
             ) AS newest
             ORDER BY at",
        )
        .bind(instance)
        .bind(id.0)
        .bind(from)
        .bind(to)
        .bind(MOST_MARKS)
        .fetch_all(&self.pool)
        .await?)
    }
}
