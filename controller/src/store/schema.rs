//! Writes the structure of tables, and how much they are used.

use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::schema::{Table, TableActivity, TableUsage};
use querysmith_shared::timestamp::Timestamp;

use super::value::{json, moment, text};
use super::writing::Writing;
use crate::store::error::StoreError;

impl Writing {
    /// Adds or replaces descriptions of tables. Idempotent.
    pub async fn put_tables(
        &mut self,
        instance: InstanceId,
        database: &str,
        tables: &[Table],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if tables.is_empty() {
            return Ok(());
        }
        let oids: Vec<i64> = tables.iter().map(|t| i64::from(t.oid)).collect();
        let schemas: Vec<_> = tables.iter().map(|t| text(&t.name.schema)).collect();
        let names: Vec<_> = tables.iter().map(|t| text(&t.name.name)).collect();
        let structures = documents(tables)?;
        sqlx::query(
            "INSERT INTO schema_table (instance_id, database, table_oid, schema_name, table_name, structure,
                                       first_seen_at, changed_at)
             SELECT DISTINCT ON (table_oid) $1, $2, table_oid, schema_name, table_name, structure::jsonb, $3, $3
             FROM UNNEST($4::bigint[], $5::text[], $6::text[], $7::text[])
                 AS t (table_oid, schema_name, table_name, structure)
             ORDER BY table_oid
             ON CONFLICT (instance_id, database, table_oid) DO UPDATE
             SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name,
                 structure = EXCLUDED.structure, changed_at = EXCLUDED.changed_at",
        )
        .bind(instance.0)
        .bind(text(database))
        .bind(moment(at))
        .bind(oids)
        .bind(schemas)
        .bind(names)
        .bind(structures)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets the tables of a database that are not among `present`. Idempotent.
    pub async fn keep_tables(
        &mut self,
        instance: InstanceId,
        database: &str,
        present: &[u32],
    ) -> Result<(), StoreError> {
        let present: Vec<i64> = present.iter().map(|oid| i64::from(*oid)).collect();
        for forget in [
            "DELETE FROM schema_table WHERE instance_id = $1 AND database = $2 AND table_oid <> ALL ($3)",
            "DELETE FROM table_usage WHERE instance_id = $1 AND database = $2 AND table_oid <> ALL ($3)",
        ] {
            sqlx::query(forget)
                .bind(instance.0)
                .bind(text(database))
                .bind(&present)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// Adds or replaces sizes and counters of tables. Idempotent; an older reading never replaces a newer one.
    pub async fn put_usage(&mut self, instance: InstanceId, usage: &TableUsage) -> Result<(), StoreError> {
        let oids: Vec<i64> = usage.tables.iter().map(|t| i64::from(t.oid)).collect();
        let figures = documents::<TableActivity>(&usage.tables)?;
        sqlx::query(
            "INSERT INTO table_usage (instance_id, database, table_oid, usage, stats_since, read_at)
             SELECT DISTINCT ON (table_oid) $1, $2, table_oid, usage::jsonb, $3, $4
             FROM UNNEST($5::bigint[], $6::text[]) AS t (table_oid, usage)
             ORDER BY table_oid
             ON CONFLICT (instance_id, database, table_oid) DO UPDATE
             SET usage = EXCLUDED.usage, stats_since = EXCLUDED.stats_since, read_at = EXCLUDED.read_at,
                 previous_usage = table_usage.usage, previous_read_at = table_usage.read_at
             WHERE table_usage.read_at < EXCLUDED.read_at",
        )
        .bind(instance.0)
        .bind(text(&usage.database))
        .bind(usage.stats_since.map(moment))
        .bind(moment(usage.read_at))
        .bind(oids)
        .bind(figures)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn documents<T: serde::Serialize>(values: &[T]) -> Result<Vec<String>, StoreError> {
    values
        .iter()
        .map(|value| {
            json(value).map_err(|error| StoreError::Unreadable {
                what: "table's description",
                source: Box::new(error),
            })
        })
        .collect()
}
