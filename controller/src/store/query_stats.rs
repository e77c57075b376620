//! Writes statement statistics.

use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::query_stats::{Coverage, StatementDelta};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::copy::Rows;
use super::value::{count, measure, moment};
use super::writing::Writing;
use crate::store::error::StoreError;

/// Bytes handed to the driver at a time, so that a large batch is not held twice.
const CHUNK_BYTES: usize = 1 << 20;
const COLUMNS: i16 = 16;
const COPY: &str = "COPY query_stats (instance_id, statement_id, window_start, window_end, calls, row_count,
    total_ms, sum_squares_ms2, blocks_hit, blocks_read, blocks_dirtied, blocks_written,
    temp_blocks_read, temp_blocks_written, io_ms, wal_bytes) FROM STDIN (FORMAT binary)";

/// One window of one instance, its times checked.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsWindow {
    /// Whose statements.
    pub instance: InstanceId,
    /// Start of the window.
    pub start: Timestamp,
    /// End of the window.
    pub end: Timestamp,
    /// What each statement did.
    pub rows: Vec<StatementDelta>,
    /// How complete it is.
    pub coverage: Coverage,
}

impl Writing {
    /// Adds windows of statement statistics, and notes that their minutes have to be summed anew.
    pub async fn add_query_stats(&mut self, windows: &[StatsWindow]) -> Result<(), StoreError> {
        if windows.is_empty() {
            return Ok(());
        }
        let bytes = encode(windows);
        let mut copy = self.connection().copy_in_raw(COPY).await?;
        for chunk in bytes.chunks(CHUNK_BYTES) {
            copy.send(chunk).await?;
        }
        copy.finish().await?;
        self.add_windows(windows).await
    }

    async fn add_windows(&mut self, windows: &[StatsWindow]) -> Result<(), StoreError> {
        let instances: Vec<Uuid> = windows.iter().map(|w| w.instance.0).collect();
        let starts: Vec<_> = windows.iter().map(|w| moment(w.start)).collect();
        let ends: Vec<_> = windows.iter().map(|w| moment(w.end)).collect();
        let rows: Vec<i32> =
            windows.iter().map(|w| i32::try_from(w.rows.len()).unwrap_or(i32::MAX)).collect();
        let tracked: Vec<i32> = windows.iter().map(|w| int(w.coverage.tracked)).collect();
        let capacity: Vec<i32> = windows.iter().map(|w| int(w.coverage.capacity)).collect();
        let evictions: Vec<i64> = windows.iter().map(|w| count(w.coverage.evictions)).collect();
        let resets: Vec<bool> = windows.iter().map(|w| w.coverage.reset).collect();
        // A window without rows is due as well: it says for how much of its hour statistics came.
        // A long window comes in several reports: their rows are added up. One statement sees its own
        // conflicts only once, so what this batch holds of one window is added up first.
        sqlx::query(
            "WITH came AS (
                 SELECT *
                 FROM UNNEST($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::int[], $5::int[], $6::int[],
                             $7::bigint[], $8::boolean[])
                     AS w (instance_id, window_start, window_end, row_count, tracked, capacity, evictions, was_reset)
             ), due AS (
                 INSERT INTO rollup_due (instance_id, minute)
                 SELECT DISTINCT instance_id, date_trunc('minute', window_end)
                 FROM came
             )
             INSERT INTO stats_window (instance_id, window_start, window_end, row_count, tracked, capacity,
                                       evictions, was_reset)
             SELECT instance_id, min(window_start), window_end, sum(row_count), max(tracked), max(capacity),
                    max(evictions), bool_or(was_reset)
             FROM came
             GROUP BY instance_id, window_end
             ON CONFLICT (instance_id, window_end) DO UPDATE
             SET window_start = LEAST(stats_window.window_start, EXCLUDED.window_start),
                 row_count = stats_window.row_count + EXCLUDED.row_count,
                 tracked = GREATEST(stats_window.tracked, EXCLUDED.tracked),
                 capacity = GREATEST(stats_window.capacity, EXCLUDED.capacity),
                 evictions = GREATEST(stats_window.evictions, EXCLUDED.evictions),
                 was_reset = stats_window.was_reset OR EXCLUDED.was_reset",
        )
        .bind(instances)
        .bind(starts)
        .bind(ends)
        .bind(rows)
        .bind(tracked)
        .bind(capacity)
        .bind(evictions)
        .bind(resets)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn encode(windows: &[StatsWindow]) -> Vec<u8> {
    let expected = windows.iter().map(|window| window.rows.len()).sum();
    let mut rows = Rows::new(COLUMNS, expected);
    for window in windows {
        let start = moment(window.start).timestamp_micros();
        let end = moment(window.end).timestamp_micros();
        for delta in &window.rows {
            rows.row()
                .uuid(window.instance.0)
                .bigint(delta.statement.0)
                .timestamptz(start)
                .timestamptz(end)
                .bigint(count(delta.calls))
                .bigint(count(delta.rows))
                .double(measure(delta.total_ms))
                .double(measure(delta.sum_squares_ms2))
                .bigint(count(delta.blocks_hit))
                .bigint(count(delta.blocks_read))
                .bigint(count(delta.blocks_dirtied))
                .bigint(count(delta.blocks_written))
                .bigint(count(delta.temp_blocks_read))
                .bigint(count(delta.temp_blocks_written))
                .double(measure(delta.io_ms))
                .bigint(count(delta.wal_bytes));
        }
    }
    rows.finish()
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
