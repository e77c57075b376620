//! Sums of statement statistics by minute.
//!
//! A sum is never added to: whenever rows for a minute were stored, the whole minute is summed anew from
//! the rows. So it does not matter how often that happens, or where it was interrupted. A window counts
//! for the minute in which it ends.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Store;
use super::hours::note_due;
use crate::store::error::StoreError;

/// Entries taken in one transaction, so that none runs for long.
const BATCH: i64 = 5_000;

impl Store {
    /// Sums the minutes that are due, up to a bound; returns how many entries it took, 0 when none was due.
    ///
    /// Also gives each statement that has statistics a row in `statement`, whose text may come later.
    pub async fn roll_up(&self) -> Result<usize, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // Under READ COMMITTED the sums below see at least the rows whose entries were taken here. Rows
        // that come in between are counted too; their own entry then only brings the same sum again.
        let due: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(
            "DELETE FROM rollup_due
             WHERE due_id IN (SELECT due_id FROM rollup_due ORDER BY due_id DESC LIMIT $1 FOR UPDATE SKIP LOCKED)
             RETURNING instance_id, minute",
        )
        .bind(BATCH)
        .fetch_all(&mut *transaction)
        .await?;
        let taken = due.len();
        note_due(&mut transaction, &due).await?;
        let mut minutes: BTreeMap<DateTime<Utc>, Vec<Uuid>> = BTreeMap::new();
        for (instance, minute) in due {
            minutes.entry(minute).or_default().push(instance);
        }
        for (minute, mut instances) in minutes {
            instances.sort_unstable();
            instances.dedup();
            sum_minute(&mut transaction, minute, &instances).await?;
        }
        transaction.commit().await?;
        Ok(taken)
    }
}

async fn sum_minute(
    connection: &mut PgConnection,
    minute: DateTime<Utc>,
    instances: &[Uuid],
) -> Result<(), StoreError> {
    sqlx::query(
        "WITH sums AS (
             SELECT instance_id, statement_id,
                    LEAST(sum(calls), 1e15)::bigint AS calls, LEAST(sum(row_count), 1e15)::bigint AS row_count,
                    sum(total_ms) AS total_ms, sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit), 1e15)::bigint AS blocks_hit,
                    LEAST(sum(blocks_read), 1e15)::bigint AS blocks_read,
                    LEAST(sum(temp_blocks_read), 1e15)::bigint AS temp_blocks_read,
                    LEAST(sum(temp_blocks_written), 1e15)::bigint AS temp_blocks_written,
                    sum(io_ms) AS io_ms, LEAST(sum(wal_bytes), 1e15)::bigint AS wal_bytes
             FROM query_stats
             WHERE window_end >= $1
               AND window_end < $1 + interval '1 minute'
               AND instance_id = ANY ($2)
             GROUP BY instance_id, statement_id
         ), seen AS (
             INSERT INTO statement (instance_id, statement_id, first_seen_at, last_seen_at)
             SELECT sums.instance_id, sums.statement_id, $1, $1
             FROM sums
             JOIN instance USING (instance_id)
             ON CONFLICT (instance_id, statement_id) DO UPDATE
             SET last_seen_at = EXCLUDED.last_seen_at
             WHERE statement.last_seen_at < EXCLUDED.last_seen_at
         )
         INSERT INTO query_stats_minute (instance_id, statement_id, minute, calls, row_count, total_ms,
                                         sum_squares_ms2, blocks_hit, blocks_read, temp_blocks_read,
                                         temp_blocks_written, io_ms, wal_bytes)
         SELECT instance_id, statement_id, $1, calls, row_count, total_ms,
                sum_squares_ms2, blocks_hit, blocks_read, temp_blocks_read,
                temp_blocks_written, io_ms, wal_bytes
         FROM sums
         ON CONFLICT (instance_id, statement_id, minute) DO UPDATE
         SET calls = EXCLUDED.calls, row_count = EXCLUDED.row_count, total_ms = EXCLUDED.total_ms,
             sum_squares_ms2 = EXCLUDED.sum_squares_ms2, blocks_hit = EXCLUDED.blocks_hit,
             blocks_read = EXCLUDED.blocks_read, temp_blocks_read = EXCLUDED.temp_blocks_read,
             temp_blocks_written = EXCLUDED.temp_blocks_written, io_ms = EXCLUDED.io_ms,
             wal_bytes = EXCLUDED.wal_bytes",
    )
    .bind(minute)
    .bind(instances)
    .execute(connection)
    .await?;
    Ok(())
}
