//! Loads tables, how they are used, and the indexes that vanished.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::{DroppedIndex, TableEvidence, WriteRate};
use querysmith_shared::change::TableName;
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::schema::TableActivity;
use querysmith_shared::timestamp::Timestamp;
use serde::de::DeserializeOwned;

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::value::{moment, timestamp};

/// Indexes that vanished longer ago explain no regression any more.
const DROPPED: Duration = Duration::from_secs(7 * 86_400);

#[derive(sqlx::FromRow)]
struct TableRow {
    database: String,
    table_oid: i64,
    structure: String,
    usage: Option<String>,
    stats_since: Option<DateTime<Utc>>,
    read_at: Option<DateTime<Utc>>,
    previous_usage: Option<String>,
    previous_read_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct DroppedRow {
    database: String,
    schema_name: String,
    table_name: String,
    description: String,
    seen_until: DateTime<Utc>,
    gone_at: DateTime<Utc>,
}

impl Store {
    pub(super) async fn tables(&self, instance: InstanceId) -> Result<Vec<TableEvidence>, StoreError> {
        let rows: Vec<TableRow> = sqlx::query_as(
            "SELECT schema_table.database, schema_table.table_oid, schema_table.structure::text AS structure,
                    table_usage.usage::text AS usage, table_usage.stats_since, table_usage.read_at,
                    table_usage.previous_usage::text AS previous_usage, table_usage.previous_read_at
             FROM schema_table
             LEFT JOIN table_usage USING (instance_id, database, table_oid)
             WHERE schema_table.instance_id = $1
             ORDER BY schema_table.database, schema_table.table_oid",
        )
        .bind(instance.0)
        .fetch_all(&self.pool)
        .await?;
        let mut first_seen = self.later_indexes(instance).await?;
        let mut tables = Vec::with_capacity(rows.len());
        for row in rows {
            let activity: Option<TableActivity> = parse_maybe("usage of a table", row.usage.as_deref())?;
            let before: Option<TableActivity> =
                parse_maybe("usage of a table", row.previous_usage.as_deref())?;
            let between = row.read_at.zip(row.previous_read_at);
            let writes = match (&activity, &before, between) {
                (Some(after), Some(before), Some((to, from))) => {
                    write_rate(before, after, timestamp(to).since(timestamp(from)))
                }
                _ => None,
            };
            tables.push(TableEvidence {
                table: parse("structure of a table", &row.structure)?,
                activity,
                read_at: row.read_at.map(timestamp),
                stats_since: row.stats_since.map(timestamp),
                index_first_seen: first_seen
                    .remove(&(row.database.clone(), row.table_oid))
                    .unwrap_or_default(),
                database: row.database,
                writes,
            });
        }
        Ok(tables)
    }

    /// The indexes that came after their table was first described, by table.
    async fn later_indexes(
        &self,
        instance: InstanceId,
    ) -> Result<BTreeMap<(String, i64), Vec<(u32, Timestamp)>>, StoreError> {
        let rows: Vec<(String, i64, i64, DateTime<Utc>)> = sqlx::query_as(
            "SELECT index_history.database, index_history.table_oid, index_history.index_oid,
                    index_history.first_seen_at
             FROM index_history
             JOIN schema_table USING (instance_id, database, table_oid)
             WHERE index_history.instance_id = $1
               AND index_history.gone_at IS NULL
               AND index_history.first_seen_at > schema_table.first_seen_at",
        )
        .bind(instance.0)
        .fetch_all(&self.pool)
        .await?;
        let mut by_table: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (database, table, index, first_seen) in rows {
            let index = u32::try_from(index).unwrap_or(0);
            by_table.entry((database, table)).or_default().push((index, timestamp(first_seen)));
        }
        Ok(by_table)
    }

    pub(super) async fn dropped_indexes(
        &self,
        instance: InstanceId,
        now: Timestamp,
    ) -> Result<Vec<DroppedIndex>, StoreError> {
        // An index was last there at the latest look before it was missed. The agent looks every interval and
        // tells only what changed, so that look was one interval of its schema collector earlier.
        let rows: Vec<DroppedRow> = sqlx::query_as(
            "WITH looks AS (
                 SELECT COALESCE(max((collector ->> 'interval_ms')::float8), 300000) AS interval_ms
                 FROM instance
                 CROSS JOIN jsonb_array_elements(instance.collectors) AS collector
                 WHERE instance.instance_id = $1
                   AND collector ->> 'name' = 'schema'
             )
             SELECT database, schema_name, table_name, description::text AS description, gone_at,
                    GREATEST(first_seen_at, gone_at - make_interval(secs => looks.interval_ms / 1000)) AS seen_until
             FROM index_history
             CROSS JOIN looks
             WHERE instance_id = $1
               AND gone_at >= $2",
        )
        .bind(instance.0)
        .bind(moment(now.before(DROPPED)))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(DroppedIndex {
                    database: row.database,
                    table: TableName { schema: row.schema_name, name: row.table_name },
                    index: parse("description of an index", &row.description)?,
                    seen_until: timestamp(row.seen_until),
                    gone_at: timestamp(row.gone_at),
                })
            })
            .collect()
    }
}

/// The rate of writes between two readings; `None` where the counters were reset between them.
fn write_rate(before: &TableActivity, after: &TableActivity, between: Duration) -> Option<WriteRate> {
    let hours = between.as_secs_f64() / 3_600.0;
    if hours <= 0.0 {
        return None;
    }
    let rate = |before: u64, after: u64| after.checked_sub(before).map(|rows| rows as f64 / hours);
    Some(WriteRate {
        inserted: rate(before.inserted, after.inserted)?,
        updated: rate(before.updated, after.updated)?,
        hot_updated: rate(before.hot_updated, after.hot_updated)?,
        deleted: rate(before.deleted, after.deleted)?,
    })
}

pub(super) fn parse<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable { what, source: Box::new(error) })
}

fn parse_maybe<T: DeserializeOwned>(what: &'static str, text: Option<&str>) -> Result<Option<T>, StoreError> {
    text.map(|text| parse(what, text)).transpose()
}
