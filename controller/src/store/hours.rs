//! Sums by hour: made once an hour is over, made anew when a minute of it was, and read instead of minutes
//! where a stretch is long.
//!
//! As with minutes, a sum is never added to: an hour that is due is summed anew from its minutes. While it is due
//! it is read from them, see `sums_between` in the schema, so summing early, late or twice changes no answer.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Store;
use super::error::StoreError;

/// Hours taken in one transaction, so that none runs for long: with 5,000 statements at work in each minute one
/// hour takes about a second.
const BATCH: i64 = 20;
/// An hour is summed this long after the last of its minutes was: those of one stretch that comes late come together.
pub const SETTLED: TimeDelta = TimeDelta::minutes(1);
/// Shorter stretches are read by the minute.
const LONG: TimeDelta = TimeDelta::hours(3);

/// A stretch of time, and the part of it that is read by the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grain {
    /// Start.
    pub from: DateTime<Utc>,
    /// From here on by the hour.
    pub hours_from: DateTime<Utc>,
    /// From here on by the minute again.
    pub hours_to: DateTime<Utc>,
    /// End, not included.
    pub to: DateTime<Utc>,
}

impl Grain {
    /// By the minute throughout.
    pub fn minutes(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self { from, hours_from: from, hours_to: from, to }
    }

    /// The full hours by the hour, if the stretch is long.
    pub fn hours(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let hour = TimeDelta::hours(1);
        let (Ok(begun), Ok(hours_to)) = (from.duration_trunc(hour), to.duration_trunc(hour)) else {
            return Self::minutes(from, to);
        };
        let hours_from = if begun < from { begun + hour } else { begun };
        if to - from < LONG { Self::minutes(from, to) } else { Self { from, hours_from, hours_to, to } }
    }
}

impl Store {
    /// Sums hours that are over and due since `settled`, up to a bound; returns how many, 0 when none was due.
    pub async fn sum_hours(&self, now: DateTime<Utc>, settled: TimeDelta) -> Result<usize, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // Under READ COMMITTED the sums below see at least the minutes whose hours were taken here. Who notes one of
        // these hours meanwhile waits for our end and notes it anew; one that is being noted is left for the next time.
        let due: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(
            "DELETE FROM hour_due
             WHERE (instance_id, hour) IN (
                 SELECT instance_id, hour
                 FROM hour_due
                 WHERE hour <= $1
                   AND noted_at <= $2
                 ORDER BY hour DESC
                 LIMIT $3
                 FOR UPDATE SKIP LOCKED
             )
             RETURNING instance_id, hour",
        )
        .bind(now - TimeDelta::hours(1))
        .bind(now - settled)
        .bind(BATCH)
        .fetch_all(&mut *transaction)
        .await?;
        for (instance, hour) in &due {
            sum_hour(&mut transaction, *instance, *hour).await?;
            sum_coverage(&mut transaction, *instance, *hour).await?;
        }
        transaction.commit().await?;
        Ok(due.len())
    }
}

/// Notes that hours have to be summed anew, because minutes of them are. `minutes` may repeat.
///
/// Before the minutes are summed: then whoever takes an hour either sees them, or leaves it due.
pub(super) async fn note_due(
    connection: &mut PgConnection,
    minutes: &[(Uuid, DateTime<Utc>)],
) -> Result<(), StoreError> {
    let (instances, minutes): (Vec<Uuid>, Vec<DateTime<Utc>>) = minutes.iter().copied().unzip();
    // In order, so that two who do so can't block each other.
    sqlx::query(
        "INSERT INTO hour_due (instance_id, hour, noted_at)
         SELECT DISTINCT instance_id, date_trunc('hour', minute, 'UTC') AS hour, now()
         FROM UNNEST($1::uuid[], $2::timestamptz[]) AS summed (instance_id, minute)
         ORDER BY instance_id, hour
         ON CONFLICT (instance_id, hour) DO UPDATE
         SET noted_at = EXCLUDED.noted_at",
    )
    .bind(instances)
    .bind(minutes)
    .execute(connection)
    .await?;
    Ok(())
}

async fn sum_hour(
    connection: &mut PgConnection,
    instance: Uuid,
    hour: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO query_stats_hour (instance_id, statement_id, hour, calls, row_count, total_ms,
                                       sum_squares_ms2, blocks_hit, blocks_read, temp_blocks_read,
                                       temp_blocks_written, io_ms, wal_bytes)
         SELECT instance_id, statement_id, $2, LEAST(sum(calls), 9e18)::bigint,
                LEAST(sum(row_count), 9e18)::bigint, sum(total_ms), sum(sum_squares_ms2),
                LEAST(sum(blocks_hit), 9e18)::bigint, LEAST(sum(blocks_read), 9e18)::bigint,
                LEAST(sum(temp_blocks_read), 9e18)::bigint, LEAST(sum(temp_blocks_written), 9e18)::bigint,
                sum(io_ms), LEAST(sum(wal_bytes), 9e18)::bigint
         FROM query_stats_minute
         WHERE instance_id = $1
           AND minute >= $2
           AND minute < $2 + interval '1 hour'
         GROUP BY instance_id, statement_id
         ON CONFLICT (instance_id, statement_id, hour) DO UPDATE
         SET calls = EXCLUDED.calls, row_count = EXCLUDED.row_count, total_ms = EXCLUDED.total_ms,
             sum_squares_ms2 = EXCLUDED.sum_squares_ms2, blocks_hit = EXCLUDED.blocks_hit,
             blocks_read = EXCLUDED.blocks_read, temp_blocks_read = EXCLUDED.temp_blocks_read,
             temp_blocks_written = EXCLUDED.temp_blocks_written, io_ms = EXCLUDED.io_ms,
             wal_bytes = EXCLUDED.wal_bytes
         WHERE query_stats_hour.* IS DISTINCT FROM EXCLUDED.*",
    )
    .bind(instance)
    .bind(hour)
    .execute(connection)
    .await?;
    Ok(())
}

/// Windows are kept for a shorter time than minutes: what is known of an hour never gets less.
async fn sum_coverage(
    connection: &mut PgConnection,
    instance: Uuid,
    hour: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO stats_hour (instance_id, hour, covered_s, evictions, capacity, was_reset)
         SELECT instance_id, $2, sum(covered_s), LEAST(sum(evictions), 9e18)::bigint, max(capacity), bool_or(was_reset)
         FROM window_coverage
         WHERE instance_id = $1
           AND at >= $2
           AND at < $2 + interval '1 hour'
         GROUP BY instance_id
         ON CONFLICT (instance_id, hour) DO UPDATE
         SET covered_s = GREATEST(stats_hour.covered_s, EXCLUDED.covered_s),
             evictions = GREATEST(stats_hour.evictions, EXCLUDED.evictions),
             capacity = GREATEST(stats_hour.capacity, EXCLUDED.capacity),
             was_reset = stats_hour.was_reset OR EXCLUDED.was_reset",
    )
    .bind(instance)
    .bind(hour)
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64, minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_799_996_400, 0).unwrap()
            + TimeDelta::hours(hours)
            + TimeDelta::minutes(minutes)
    }

    #[test]
    fn the_full_hours_of_a_long_stretch_are_read_by_the_hour() {
        assert_eq!(at(0, 0).timestamp() % 3_600, 0);
        let hours = |from, to| {
            let grain = Grain::hours(from, to);
            assert_eq!((grain.from, grain.to), (from, to));
            (grain.hours_from, grain.hours_to)
        };
        assert_eq!(hours(at(0, 7), at(24, 7)), (at(1, 0), at(24, 0)));
        assert_eq!(hours(at(0, 0), at(24, 0)), (at(0, 0), at(24, 0)));
        assert_eq!(hours(at(0, 1), at(3, 1)), (at(1, 0), at(3, 0)));
        // Short: by the minute throughout.
        assert_eq!(hours(at(0, 1), at(3, 0)), (at(0, 1), at(0, 1)));
        assert_eq!(Grain::hours(at(0, 1), at(3, 0)), Grain::minutes(at(0, 1), at(3, 0)));
    }
}
