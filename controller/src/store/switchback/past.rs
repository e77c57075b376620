//! What an instance did before a trial by switchback.

use std::time::Duration;

use chrono::{DateTime, Utc};
use querysmith_advice::measure::switchback::mix::Usual;
use querysmith_advice::measure::switchback::window::StatementSums;
use querysmith_shared::id::{InstanceId, StatementId};
use querysmith_shared::timestamp::Timestamp;

use super::{StatementRow, SumsRow, by_moment};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::value::{moment, timestamp};

/// The usual workload is that of a week.
const USUAL: Duration = Duration::from_secs(7 * 86_400);
const DAY_S: i64 = 86_400;
/// Statements looked at one by one: the busiest two hundred are all but a few hundredths of the time.
const MOST_STATEMENTS: i64 = 200;

/// What the statements did in one minute.
#[derive(Debug, Clone, PartialEq)]
pub struct PastMinute {
    /// When it ended.
    pub end: Timestamp,
    /// What they did.
    pub sums: StatementSums,
}

impl Store {
    /// The usual workload before `before`: of the last seven days, those hours of the day that the next `span` will
    /// have, as far as they were watched.
    pub async fn usual(
        &self,
        instance: InstanceId,
        before: Timestamp,
        span: Duration,
    ) -> Result<Usual, StoreError> {
        let span_s = i64::try_from(span.as_secs()).unwrap_or(i64::MAX).min(DAY_S);
        let from = moment(before.before(USUAL));
        let rows: Vec<SumsRow> = sqlx::query_as(
            "SELECT statement_id, LEAST(sum(calls), 1e15)::bigint AS calls, sum(total_ms) AS total_ms,
                    sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit) + sum(blocks_read), 1e15)::bigint AS blocks
             FROM query_stats_minute
             WHERE instance_id = $1
               AND minute >= $2
               AND minute < $3
               AND mod(extract(epoch FROM minute - $2)::bigint, 86400) < $4
             GROUP BY statement_id
             ORDER BY sum(total_ms) DESC
             LIMIT $5",
        )
        .bind(instance.0)
        .bind(from)
        .bind(moment(before))
        .bind(span_s)
        .bind(MOST_STATEMENTS)
        .fetch_all(&self.pool)
        .await?;
        let (watched_s, db_time_ms): (f64, f64) = sqlx::query_as(
            "WITH minutes AS (
                 SELECT minute, sum(total_ms) AS total_ms
                 FROM query_stats_minute
                 WHERE instance_id = $1
                   AND minute >= $2
                   AND minute < $3
                   AND mod(extract(epoch FROM minute - $2)::bigint, 86400) < $4
                 GROUP BY minute
             )
             SELECT count(*) * 60::float8, COALESCE(sum(total_ms), 0)
             FROM minutes",
        )
        .bind(instance.0)
        .bind(from)
        .bind(moment(before))
        .bind(span_s)
        .fetch_one(&self.pool)
        .await?;
        let statements = rows.iter().map(SumsRow::window).collect();
        Ok(Usual { watched_s, sums: StatementSums::new(db_time_ms, statements) })
    }

    /// The minutes from `from` to `before` that were watched, oldest first, with these statements.
    pub async fn past_minutes(
        &self,
        instance: InstanceId,
        statements: &[StatementId],
        from: Timestamp,
        before: Timestamp,
    ) -> Result<Vec<PastMinute>, StoreError> {
        let asked: Vec<i64> = statements.iter().map(|statement| statement.0).collect();
        let rows: Vec<StatementRow> = sqlx::query_as(
            "SELECT minute + interval '1 minute' AS at, statement_id, calls, total_ms, sum_squares_ms2,
                    blocks_hit + blocks_read AS blocks
             FROM query_stats_minute
             WHERE instance_id = $1
               AND minute >= $2
               AND minute < $3
               AND statement_id = ANY ($4)",
        )
        .bind(instance.0)
        .bind(moment(from))
        .bind(moment(before))
        .bind(asked)
        .fetch_all(&self.pool)
        .await?;
        let minutes = by_moment(&rows).into_iter().map(|(end, statements)| {
            let db_time_ms = statements.iter().map(|statement| statement.total_ms).sum();
            PastMinute { end: timestamp(end), sums: StatementSums::new(db_time_ms, statements) }
        });
        Ok(minutes.collect())
    }

    /// The time of all statements in each hour of the week before `before`, that were watched, ms.
    pub async fn past_hours(
        &self,
        instance: InstanceId,
        before: Timestamp,
    ) -> Result<Vec<(Timestamp, f64)>, StoreError> {
        let rows: Vec<(DateTime<Utc>, f64)> = sqlx::query_as(
            "SELECT hour, sum(total_ms)
             FROM query_stats_hour
             WHERE instance_id = $1
               AND hour >= $2
               AND hour < $3
             GROUP BY hour
             ORDER BY hour",
        )
        .bind(instance.0)
        .bind(moment(before.before(USUAL)))
        .bind(moment(before))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(hour, total_ms)| (timestamp(hour), total_ms)).collect())
    }
}
