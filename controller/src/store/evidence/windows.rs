//! Loads what statements did, finer the newer.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::WindowSum;
use querysmith_shared::id::{InstanceId, StatementId};
use querysmith_shared::timestamp::Timestamp;

use super::history::HistoryCache;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::value::{moment, timestamp};

/// As collected for this long, by minutes before, and coarser before [`MINUTES`].
const RAW: Duration = Duration::from_secs(15 * 60);
/// By minutes for this long.
const MINUTES: Duration = Duration::from_secs(2 * 3_600);
/// Statements looked at of one instance: on real servers the first two hundred are all but a few
/// hundredths of the time, and each one costs reading a week of its windows.
const MOST_STATEMENTS: i64 = 200;
/// What is chosen by: the last hour.
const CHOICE: Duration = Duration::from_secs(3_600);

/// Windows of an instance.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// Of each statement that was asked for, ascending.
    pub(crate) by_statement: BTreeMap<StatementId, Vec<WindowSum>>,
    /// Of all statements together, ascending.
    pub(crate) totals: Vec<WindowSum>,
}

/// One row of sums; the statement is NULL in the total. Counts end at 1e15, beyond every real one: a week of
/// broken counters can then still be added up.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct SumRow {
    pub(crate) statement_id: Option<i64>,
    window_start: DateTime<Utc>,
    window_end: DateTime<Utc>,
    calls: i64,
    total_ms: f64,
    sum_squares_ms2: f64,
    blocks_hit: i64,
    blocks_read: i64,
    row_count: i64,
    temp_blocks: i64,
    wal_bytes: i64,
}

impl SumRow {
    pub(crate) fn sum(&self) -> WindowSum {
        WindowSum {
            start: timestamp(self.window_start),
            end: timestamp(self.window_end),
            calls: self.calls.unsigned_abs(),
            total_ms: self.total_ms,
            sum_squares_ms2: self.sum_squares_ms2,
            blocks_hit: self.blocks_hit.unsigned_abs(),
            blocks_read: self.blocks_read.unsigned_abs(),
            rows: self.row_count.unsigned_abs(),
            temp_blocks: self.temp_blocks.unsigned_abs(),
            wal_bytes: self.wal_bytes.unsigned_abs(),
        }
    }
}

impl Windows {
    pub(crate) fn add(&mut self, rows: &[SumRow]) {
        for row in rows {
            match row.statement_id {
                Some(statement) => {
                    self.by_statement.entry(StatementId(statement)).or_default().push(row.sum());
                }
                None => self.totals.push(row.sum()),
            }
        }
    }
}

/// The minute in which `at` lies.
pub(crate) fn floor(at: Timestamp, grid: Duration) -> Timestamp {
    let micros = i64::try_from(grid.as_micros()).expect("grids are at most hours");
    Timestamp(at.0.div_euclid(micros) * micros)
}

impl Store {
    /// The statements to look at: the busiest of the last hour, and those with an open finding or a
    /// change on trial.
    pub(super) async fn chosen_statements(
        &self,
        instance: InstanceId,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        let chosen = sqlx::query_scalar(
            "(SELECT statement_id
              FROM query_stats_minute
              WHERE instance_id = $1
                AND minute >= $2
              GROUP BY statement_id
              ORDER BY sum(total_ms) DESC
              LIMIT $3)
             UNION
             SELECT statement_id
             FROM finding
             WHERE instance_id = $1
               AND resolved_at IS NULL
               AND statement_id IS NOT NULL",
        )
        .bind(instance.0)
        .bind(moment(now.before(CHOICE)))
        .bind(MOST_STATEMENTS)
        .fetch_all(&self.pool)
        .await?;
        Ok(chosen)
    }

    pub(super) async fn windows(
        &self,
        instance: InstanceId,
        chosen: &[i64],
        history: &HistoryCache,
        now: Timestamp,
    ) -> Result<Windows, StoreError> {
        let raw_from = floor(now.before(RAW), Duration::from_secs(60));
        let minutes_from = floor(now.before(MINUTES), Duration::from_secs(600));
        let mut windows = Windows::default();
        for part in self.history(instance, chosen, history, minutes_from).await? {
            windows.add(&part);
        }
        windows.add(&self.minutes(instance, chosen, minutes_from, raw_from).await?);
        windows.add(&self.raw_windows(instance, chosen, raw_from).await?);
        Ok(windows)
    }

    async fn minutes(
        &self,
        instance: InstanceId,
        chosen: &[i64],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SumRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT CASE WHEN grouping(statement_id) = 0 THEN statement_id END AS statement_id,
                    minute AS window_start, minute + interval '1 minute' AS window_end,
                    LEAST(sum(calls), 1e15)::bigint AS calls, sum(total_ms) AS total_ms,
                    sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit), 1e15)::bigint AS blocks_hit,
                    LEAST(sum(blocks_read), 1e15)::bigint AS blocks_read,
                    LEAST(sum(row_count), 1e15)::bigint AS row_count,
                    LEAST(sum(temp_blocks_read) + sum(temp_blocks_written), 1e15)::bigint AS temp_blocks,
                    LEAST(sum(wal_bytes), 1e15)::bigint AS wal_bytes
             FROM query_stats_minute
             WHERE instance_id = $1
               AND minute >= $3
               AND minute < $4
             GROUP BY GROUPING SETS ((minute), (minute, statement_id))
             HAVING grouping(statement_id) = 1 OR statement_id = ANY ($2)
             ORDER BY minute",
        )
        .bind(instance.0)
        .bind(chosen)
        .bind(moment(from))
        .bind(moment(to))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    async fn raw_windows(
        &self,
        instance: InstanceId,
        chosen: &[i64],
        from: Timestamp,
    ) -> Result<Vec<SumRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT CASE WHEN grouping(statement_id) = 0 THEN statement_id END AS statement_id,
                    min(window_start) AS window_start, window_end,
                    LEAST(sum(calls), 1e15)::bigint AS calls, sum(total_ms) AS total_ms,
                    sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit), 1e15)::bigint AS blocks_hit,
                    LEAST(sum(blocks_read), 1e15)::bigint AS blocks_read,
                    LEAST(sum(row_count), 1e15)::bigint AS row_count,
                    LEAST(sum(temp_blocks_read) + sum(temp_blocks_written), 1e15)::bigint AS temp_blocks,
                    LEAST(sum(wal_bytes), 1e15)::bigint AS wal_bytes
             FROM query_stats
             WHERE instance_id = $1
               AND window_end >= $3
             GROUP BY GROUPING SETS ((window_end), (window_end, statement_id))
             HAVING grouping(statement_id) = 1 OR statement_id = ANY ($2)
             ORDER BY window_end",
        )
        .bind(instance.0)
        .bind(chosen)
        .bind(moment(from))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
