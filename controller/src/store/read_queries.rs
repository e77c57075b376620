//! Reads statements by what they cost, over a stretch of time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::hours::Grain;
use super::read_activity::SHORT_TEXT_CHARS;
use super::read_series::Steps;
use super::read_text::within;
use crate::store::error::StoreError;

/// What to sort statements by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatementOrder {
    /// Time of all calls.
    Time,
    /// Time of a call.
    Mean,
    /// Calls.
    Calls,
    /// Blocks of a call.
    Blocks,
}

impl StatementOrder {
    fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Mean => "mean",
            Self::Calls => "calls",
            Self::Blocks => "blocks",
        }
    }
}

/// Which statements, over which stretch.
#[derive(Debug, Clone)]
pub struct StatementFilter {
    /// On these servers.
    pub instances: Vec<Uuid>,
    /// Only in this database.
    pub database: Option<String>,
    /// Only of this user.
    pub user: Option<String>,
    /// Only texts that contain this.
    pub search: Option<String>,
    /// Start of the stretch.
    pub from: DateTime<Utc>,
    /// Its end, not included.
    pub to: DateTime<Utc>,
    /// By what.
    pub order: StatementOrder,
    /// Highest first.
    pub descending: bool,
}

/// Where a page of statements ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementKey {
    /// What it was sorted by, in thousandths.
    pub rank: i64,
    /// Which server.
    pub instance: Uuid,
    /// Which statement.
    pub statement: i64,
}

/// One statement over a stretch of time.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct StatementRow {
    /// Which server.
    pub instance_id: Uuid,
    /// That server's name.
    pub instance_name: String,
    /// Which statement.
    pub statement_id: i64,
    /// Its database.
    pub database: String,
    /// Its user.
    pub user_name: String,
    /// The start of its text.
    pub text: String,
    /// Calls.
    pub calls: i64,
    /// Rows.
    pub row_count: i64,
    /// Time of all calls.
    pub total_ms: f64,
    /// Blocks of all calls.
    pub blocks: i64,
    /// Share of the time of everything on these servers.
    pub time_share: f64,
    /// What it was sorted by, in thousandths.
    pub rank: i64,
    /// Findings about it that are not resolved.
    pub open_findings: i64,
    /// Rows of all pages.
    pub total: i64,
}

/// A page of statements.
#[derive(Debug, Clone, PartialEq)]
pub struct Statements {
    /// The rows.
    pub rows: Vec<StatementRow>,
    /// Rows of all pages.
    pub total: i64,
}

/// One step of one statement.
#[derive(Debug, Clone, Copy, PartialEq, FromRow)]
pub struct TrendStep {
    /// Which server.
    pub instance_id: Uuid,
    /// Which statement.
    pub statement_id: i64,
    /// Number of the step, from 0.
    pub step: i32,
    /// Mean time of a call.
    pub mean_ms: f64,
}

/// How complete one server's statistics are over a stretch.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct CoverageRow {
    /// Which server.
    pub instance_id: Uuid,
    /// Its name.
    pub name: String,
    /// When it was first heard of: what was before can't be covered.
    pub first_seen_at: DateTime<Utc>,
    /// Seconds of the stretch for which statistics came.
    pub covered_s: f64,
    /// Entries the server evicted for want of room.
    pub evictions: i64,
    /// Entries it has room for; 0 where it does not say.
    pub capacity: i32,
    /// Its counters were reset meanwhile.
    pub was_reset: bool,
}

impl Store {
    /// Ids of every server.
    pub async fn instance_ids(&self) -> Result<Vec<Uuid>, StoreError> {
        Ok(sqlx::query_scalar("SELECT instance_id FROM instance").fetch_all(&self.pool).await?)
    }

    /// Statements that were called in the stretch, after `after`.
    ///
    /// Ranks are whole thousandths: the last bits of a sum depend on the order of adding, and a page must
    /// not begin in the middle of them.
    pub async fn read_statements(
        &self,
        filter: &StatementFilter,
        after: Option<StatementKey>,
        limit: i64,
    ) -> Result<Statements, StoreError> {
        let grain = Grain::hours(filter.from, filter.to);
        // The sums are made once and used three times: for the page, its total, and the whole time.
        let rows: Vec<StatementRow> = sqlx::query_as(
            "WITH sums AS MATERIALIZED (
                 SELECT instance_id, statement_id, LEAST(sum(calls), 9e18)::bigint AS calls,
                        LEAST(sum(row_count), 9e18)::bigint AS row_count, sum(total_ms) AS total_ms,
                        LEAST(sum(blocks_hit) + sum(blocks_read), 9e18)::bigint AS blocks
                 FROM sums_between($1, $2, $14, $15, $3)
                 GROUP BY instance_id, statement_id
             ), ranked AS MATERIALIZED (
                 SELECT sums.*, statement.database, statement.user_name,
                        LEAST(CASE $7
                                  WHEN 'time' THEN sums.total_ms * 1000
                                  WHEN 'mean' THEN sums.total_ms * 1000 / sums.calls
                                  WHEN 'calls' THEN sums.calls * 1000::float8
                                  ELSE sums.blocks * 1000::float8 / sums.calls
                              END, 9e18)::bigint * $8 AS rank
                 FROM sums
                 JOIN statement USING (instance_id, statement_id)
                 WHERE sums.calls > 0
                   AND ($4::text IS NULL OR statement.database = $4)
                   AND ($5::text IS NULL OR statement.user_name = $5)
                   AND ($6::text IS NULL OR statement.text ILIKE $6)
             ), page AS (
                 SELECT *
                 FROM ranked
                 WHERE $9::bigint IS NULL
                    OR (-rank, instance_id, statement_id) > (-$9, $10, $11)
                 ORDER BY rank DESC, instance_id, statement_id
                 LIMIT $12
             )
             SELECT page.instance_id, instance.name AS instance_name, page.statement_id, page.database,
                    page.user_name, COALESCE(left(statement.text, $13), '') AS text, page.calls, page.row_count,
                    page.total_ms, page.blocks,
                    COALESCE(page.total_ms / NULLIF((SELECT sum(total_ms) FROM sums), 0), 0) AS time_share,
                    page.rank,
                    (SELECT count(*) FROM finding
                     WHERE finding.instance_id = page.instance_id
                       AND finding.statement_id = page.statement_id
                       AND finding.resolved_at IS NULL) AS open_findings,
                    (SELECT count(*) FROM ranked) AS total
             FROM page
             JOIN instance USING (instance_id)
             JOIN statement USING (instance_id, statement_id)
             ORDER BY page.rank DESC, page.instance_id, page.statement_id",
        )
        .bind(&filter.instances)
        .bind(filter.from)
        .bind(filter.to)
        .bind(&filter.database)
        .bind(&filter.user)
        .bind(filter.search.as_deref().map(within))
        .bind(filter.order.as_str())
        .bind(if filter.descending { 1_i64 } else { -1 })
        .bind(after.map(|key| key.rank))
        .bind(after.map(|key| key.instance))
        .bind(after.map(|key| key.statement))
        .bind(limit)
        .bind(SHORT_TEXT_CHARS)
        .bind(grain.hours_from)
        .bind(grain.hours_to)
        .fetch_all(&self.pool)
        .await?;
        let total = match rows.first() {
            Some(row) => row.total,
            // What followed is gone; the rest is still there to be counted.
            None if after.is_some() => Box::pin(self.read_statements(filter, None, 1)).await?.total,
            None => 0,
        };
        Ok(Statements { rows, total })
    }

    /// Mean times of statements in equal steps of a stretch, where they were called. Statements are given by
    /// server and number.
    pub async fn read_trends(
        &self,
        statements: &[(Uuid, i64)],
        steps: Steps,
    ) -> Result<Vec<TrendStep>, StoreError> {
        let (instances, ids): (Vec<Uuid>, Vec<i64>) = statements.iter().copied().unzip();
        let grain = steps.grain();
        Ok(sqlx::query_as(
            "SELECT stats.instance_id, stats.statement_id,
                    floor(extract(epoch FROM stats.at - $8) / $5)::integer AS step,
                    sum(stats.total_ms) / sum(stats.calls) AS mean_ms
             FROM sums_between($1, $3, $6, $7, $4) AS stats
             JOIN UNNEST($1::uuid[], $2::bigint[]) AS asked (instance_id, statement_id)
                 USING (instance_id, statement_id)
             WHERE stats.statement_id = ANY ($2)
               AND stats.calls > 0
             GROUP BY 1, 2, 3",
        )
        .bind(instances)
        .bind(ids)
        .bind(steps.from)
        .bind(steps.to)
        .bind(steps.step_s as f64)
        .bind(grain.hours_from)
        .bind(grain.hours_to)
        .bind(steps.origin())
        .fetch_all(&self.pool)
        .await?)
    }

    /// How complete the statistics of servers are over a stretch.
    pub async fn read_coverage(
        &self,
        instances: &[Uuid],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<CoverageRow>, StoreError> {
        let grain = Grain::hours(from, to);
        Ok(sqlx::query_as(
            "SELECT instance.instance_id, instance.name, instance.first_seen_at,
                    COALESCE(covered.seconds, 0) AS covered_s, COALESCE(covered.evictions, 0) AS evictions,
                    COALESCE(covered.capacity, 0) AS capacity, COALESCE(covered.was_reset, false) AS was_reset
             FROM instance
             LEFT JOIN (
                 SELECT instance_id, sum(LEAST(covered_s, extract(epoch FROM ends_at - $2))) AS seconds,
                        LEAST(sum(evictions), 9e18)::bigint AS evictions, max(capacity) AS capacity,
                        bool_or(was_reset) AS was_reset
                 FROM coverage_between($1, $2, $4, $5, $3)
                 GROUP BY instance_id
             ) AS covered USING (instance_id)
             WHERE instance.instance_id = ANY ($1)
             ORDER BY instance.name, instance.instance_id",
        )
        .bind(instances)
        .bind(from)
        .bind(to)
        .bind(grain.hours_from)
        .bind(grain.hours_to)
        .fetch_all(&self.pool)
        .await?)
    }
}
