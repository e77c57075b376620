//! The days' partitions of the series: made ahead, filled from the default partition, dropped when old.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use sqlx::{AssertSqlSafe, PgConnection};

use super::Store;
use crate::store::error::StoreError;

/// A series that is partitioned by day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// Its table.
    pub table: &'static str,
    /// The column it is partitioned by.
    pub time: &'static str,
    /// How full its pages are made, percent: rows that are replaced need room beside them.
    pub fill: u8,
}

/// Every partitioned series.
pub const SERIES: [Series; 5] = [
    Series { table: "query_stats", time: "window_end", fill: 100 },
    Series { table: "query_stats_minute", time: "minute", fill: 60 },
    Series { table: "query_stats_hour", time: "hour", fill: 100 },
    Series { table: "host_sample", time: "read_at", fill: 100 },
    Series { table: "activity_sample", time: "read_at", fill: 100 },
];

/// Longest wait for a lock on a series. Reports that come meanwhile wait behind it; the job comes again.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '3s'";

impl Store {
    /// Makes the partitions of `days` that are missing, and moves what waits for them in the default
    /// partition there. Several controllers may do so at once.
    pub async fn make_partitions(&self, series: Series, days: &[NaiveDate]) -> Result<(), StoreError> {
        let Series { table, .. } = series;
        for day in days {
            let name = partition_name(series, *day);
            let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
                .bind(&name)
                .fetch_one(&self.pool)
                .await?;
            if exists {
                continue;
            }
            let mut transaction = self.pool.begin().await?;
            sqlx::query(LOCK_WAIT).execute(&mut *transaction).await?;
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('querysmith partitions', 0))")
                .execute(&mut *transaction)
                .await?;
            // Not by to_regclass: the session may still remember that there was no such name before it waited.
            let made_meanwhile: bool = sqlx::query_scalar(
                "SELECT EXISTS (
                     SELECT FROM pg_class
                     WHERE relname = $1
                       AND relnamespace = current_schema()::regnamespace
                 )",
            )
            .bind(&name)
            .fetch_one(&mut *transaction)
            .await?;
            if !made_meanwhile {
                make_partition(&mut transaction, series, *day, &name).await?;
                tracing::debug!(table, partition = name, "made a partition");
            }
            transaction.commit().await?;
        }
        Ok(())
    }

    /// The days that the default partition holds rows for.
    pub async fn days_in_default(&self, series: Series) -> Result<Vec<NaiveDate>, StoreError> {
        let Series { table, time, .. } = series;
        let days = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT DISTINCT ({time} AT TIME ZONE 'UTC')::date FROM {table}_default LIMIT 1000"
        )))
        .fetch_all(&self.pool)
        .await?;
        Ok(days)
    }

    /// Drops the partitions that lie wholly before `oldest`; returns how many.
    pub async fn drop_partitions(&self, series: Series, oldest: NaiveDate) -> Result<usize, StoreError> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT child.relname::text
             FROM pg_inherits
             JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
             WHERE pg_inherits.inhparent = $1::regclass",
        )
        .bind(series.table)
        .fetch_all(&self.pool)
        .await?;
        let mut dropped = 0;
        for name in names {
            let is_old = partition_day(series, &name).is_some_and(|day| day < oldest);
            if !is_old {
                continue;
            }
            let mut transaction = self.pool.begin().await?;
            sqlx::query(LOCK_WAIT).execute(&mut *transaction).await?;
            // The name is one of ours: its prefix and its digits were read back above.
            sqlx::query(AssertSqlSafe(format!("DROP TABLE IF EXISTS {name}")))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            tracing::info!(table = series.table, partition = name, "dropped a partition");
            dropped += 1;
        }
        let Series { table, time, .. } = series;
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}_default WHERE {time} < $1")))
            .bind(midnight(oldest))
            .execute(&self.pool)
            .await?;
        Ok(dropped)
    }
}

async fn make_partition(
    connection: &mut PgConnection,
    series: Series,
    day: NaiveDate,
    name: &str,
) -> Result<(), StoreError> {
    let Series { table, time, fill } = series;
    let from = midnight(day).to_rfc3339();
    let to = midnight(day + Days::new(1)).to_rfc3339();
    // Attaching needs a weaker lock on the series than creating in place, and lets rows be moved first.
    for statement in [
        format!("CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS) WITH (fillfactor = {fill})"),
        format!("LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE"),
        format!(
            "WITH late AS (
                 DELETE FROM {table}_default
                 WHERE {time} >= '{from}' AND {time} < '{to}'
                 RETURNING *
             )
             INSERT INTO {name}
             SELECT *
             FROM late"
        ),
        format!("ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// The name of a day's partition.
pub fn partition_name(series: Series, day: NaiveDate) -> String {
    format!("{}_{}", series.table, day.format("%Y%m%d"))
}

/// The day of a partition, from its name; `None` for the default partition.
pub fn partition_day(series: Series, name: &str) -> Option<NaiveDate> {
    let digits = name.strip_prefix(series.table)?.strip_prefix('_')?;
    let is_digits = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits { NaiveDate::parse_from_str(digits, "%Y%m%d").ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_tells_its_day() {
        let day = NaiveDate::from_ymd_opt(2026, 2, 3).unwrap();
        for series in SERIES {
            let name = partition_name(series, day);
            assert_eq!(partition_day(series, &name), Some(day), "{name}");
            assert_eq!(partition_day(series, &format!("{}_default", series.table)), None);
        }
        // One series' name begins with another's.
        assert_eq!(partition_day(SERIES[0], "query_stats_minute_20260203"), None);
    }
}
