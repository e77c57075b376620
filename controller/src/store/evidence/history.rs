//! The past beyond some hours changes slowly and is large: it is read now and then, and kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use querysmith_shared::id::InstanceId;
use querysmith_shared::timestamp::Timestamp;

use super::windows::{SumRow, floor};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::hours::Grain;
use crate::store::value::moment;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3_600);
/// By ten minutes for this long, by hours for a week.
const TENS: Duration = Duration::from_secs(86_400);
const HOURS: Duration = Duration::from_secs(7 * 86_400);
/// Statements kept of one instance before what is kept is thrown away: some times those looked at together.
const MOST_STATEMENTS: usize = 1_000;

/// What was read last of each instance. Bounded: two entries for each watched instance, of at most
/// [`MOST_STATEMENTS`] statements. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct HistoryCache {
    kept: Arc<Mutex<BTreeMap<(InstanceId, Duration), Kept>>>,
}

/// One stretch of one instance's past on one grid.
#[derive(Debug, Clone)]
struct Kept {
    span: (Timestamp, Timestamp),
    statements: BTreeSet<i64>,
    /// What was read, part by part: the totals and the first statements, then the statements that were
    /// asked for later.
    parts: Vec<Arc<Vec<SumRow>>>,
}

impl HistoryCache {
    fn get(&self, instance: InstanceId, grid: Duration, span: (Timestamp, Timestamp)) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(instance, grid)).filter(|kept| kept.span == span).cloned()
    }

    fn put(&self, instance: InstanceId, grid: Duration, new: Kept) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert((instance, grid), new);
    }
}

/// What the sums on a grid are made of: for one of hours, what is summed by the hour already.
fn grain(grid: Duration, (from, to): (Timestamp, Timestamp)) -> Grain {
    let (from, to) = (moment(from), moment(to));
    if grid == HOUR { Grain::hours(from, to) } else { Grain::minutes(from, to) }
}

impl Store {
    /// Sums by hours for a week and by ten minutes for a day, ascending, up to `up_to`, which lies on the grid of
    /// ten minutes. What is not of `chosen` may be among them.
    pub(super) async fn history(
        &self,
        instance: InstanceId,
        chosen: &[i64],
        cache: &HistoryCache,
        up_to: Timestamp,
    ) -> Result<Vec<Arc<Vec<SumRow>>>, StoreError> {
        let tens_from = floor(up_to.before(TENS), HOUR);
        let hours_from = floor(up_to.before(HOURS), HOUR);
        let mut parts = self.kept_part(instance, chosen, cache, HOUR, (hours_from, tens_from)).await?;
        parts.extend(self.kept_part(instance, chosen, cache, TEN_MINUTES, (tens_from, up_to)).await?);
        Ok(parts)
    }

    async fn kept_part(
        &self,
        instance: InstanceId,
        chosen: &[i64],
        cache: &HistoryCache,
        grid: Duration,
        span: (Timestamp, Timestamp),
    ) -> Result<Vec<Arc<Vec<SumRow>>>, StoreError> {
        let kept = cache.get(instance, grid, span).filter(|kept| kept.statements.len() < MOST_STATEMENTS);
        let mut kept = match kept {
            Some(kept) => kept,
            None => {
                let totals = self.coarse_totals(instance, grid, span).await?;
                Kept { span, statements: BTreeSet::new(), parts: vec![Arc::new(totals)] }
            }
        };
        let missing: Vec<i64> =
            chosen.iter().filter(|statement| !kept.statements.contains(statement)).copied().collect();
        if !missing.is_empty() {
            let rows = self.coarse(instance, &missing, grid, span).await?;
            kept.statements.extend(missing);
            kept.parts.push(Arc::new(rows));
            cache.put(instance, grid, kept.clone());
        }
        Ok(kept.parts)
    }

    async fn coarse(
        &self,
        instance: InstanceId,
        statements: &[i64],
        grid: Duration,
        span: (Timestamp, Timestamp),
    ) -> Result<Vec<SumRow>, StoreError> {
        let grain = grain(grid, span);
        let rows = sqlx::query_as(
            "SELECT statement_id, date_bin($5, at, '2000-01-01T00:00:00Z') AS window_start,
                    date_bin($5, at, '2000-01-01T00:00:00Z') + $5 AS window_end,
                    LEAST(sum(calls), 1e15)::bigint AS calls, sum(total_ms) AS total_ms,
                    sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit), 1e15)::bigint AS blocks_hit,
                    LEAST(sum(blocks_read), 1e15)::bigint AS blocks_read,
                    LEAST(sum(row_count), 1e15)::bigint AS row_count,
                    LEAST(sum(temp_blocks), 1e15)::bigint AS temp_blocks,
                    LEAST(sum(wal_bytes), 1e15)::bigint AS wal_bytes
             FROM sums_between(ARRAY[$1], $3, $6, $7, $4)
             WHERE statement_id = ANY ($2)
             GROUP BY statement_id, window_start
             ORDER BY window_start",
        )
        .bind(instance.0)
        .bind(statements)
        .bind(grain.from)
        .bind(grain.to)
        .bind(grid)
        .bind(grain.hours_from)
        .bind(grain.hours_to)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    async fn coarse_totals(
        &self,
        instance: InstanceId,
        grid: Duration,
        span: (Timestamp, Timestamp),
    ) -> Result<Vec<SumRow>, StoreError> {
        let grain = grain(grid, span);
        let rows = sqlx::query_as(
            "SELECT NULL::bigint AS statement_id, date_bin($4, at, '2000-01-01T00:00:00Z') AS window_start,
                    date_bin($4, at, '2000-01-01T00:00:00Z') + $4 AS window_end,
                    LEAST(sum(calls), 1e15)::bigint AS calls, sum(total_ms) AS total_ms,
                    sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit), 1e15)::bigint AS blocks_hit,
                    LEAST(sum(blocks_read), 1e15)::bigint AS blocks_read,
                    LEAST(sum(row_count), 1e15)::bigint AS row_count,
                    LEAST(sum(temp_blocks), 1e15)::bigint AS temp_blocks,
                    LEAST(sum(wal_bytes), 1e15)::bigint AS wal_bytes
             FROM sums_between(ARRAY[$1], $2, $5, $6, $3)
             GROUP BY window_start
             ORDER BY window_start",
        )
        .bind(instance.0)
        .bind(grain.from)
        .bind(grain.to)
        .bind(grid)
        .bind(grain.hours_from)
        .bind(grain.hours_to)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
