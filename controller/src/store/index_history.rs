//! Writes which indexes came and went, seen from one description of the schema to the next.

use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::schema::Table;
use querysmith_shared::timestamp::Timestamp;

use super::value::{json, moment, text};
use super::writing::Writing;
use crate::store::error::StoreError;

impl Writing {
    /// Notes the indexes of `tables` as present, those of the same tables that are missing as gone, and
    /// those of tables that are not among `present` as gone; each that went gets a mark. Idempotent.
    pub async fn follow_indexes(
        &mut self,
        instance: InstanceId,
        database: &str,
        tables: &[Table],
        present: &[u32],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.note_present(instance, database, tables, at).await?;
        let described: Vec<i64> = tables.iter().map(|table| i64::from(table.oid)).collect();
        let indexes: Vec<i64> =
            tables.iter().flat_map(|table| &table.indexes).map(|index| i64::from(index.oid)).collect();
        let present: Vec<i64> = present.iter().map(|oid| i64::from(*oid)).collect();
        // The product's own undo is marked as such, not as an index that someone took away.
        sqlx::query(
            "WITH gone AS (
                 UPDATE index_history
                 SET gone_at = $3
                 WHERE instance_id = $1
                   AND database = $2
                   AND gone_at IS NULL
                   AND (table_oid <> ALL ($4) OR (table_oid = ANY ($5) AND index_oid <> ALL ($6)))
                 RETURNING schema_name, index_name
             )
             INSERT INTO mark (instance_id, at, kind, label)
             SELECT $1, $3, 'index_gone', 'index ' || schema_name || '.' || index_name || ' is gone'
             FROM gone
             WHERE NOT EXISTS (
                 SELECT 1
                 FROM change
                 WHERE change.instance_id = $1
                   AND change.object_name = gone.schema_name || '.' || gone.index_name
                   AND change.state IN ('applying', 'reverting', 'reverted')
             )",
        )
        .bind(instance.0)
        .bind(text(database))
        .bind(moment(at))
        .bind(present)
        .bind(described)
        .bind(indexes)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn note_present(
        &mut self,
        instance: InstanceId,
        database: &str,
        tables: &[Table],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut index_oids, mut table_oids) = (Vec::new(), Vec::new());
        let (mut schemas, mut table_names, mut names) = (Vec::new(), Vec::new(), Vec::new());
        let (mut definitions, mut descriptions) = (Vec::new(), Vec::new());
        for table in tables {
            for index in &table.indexes {
                index_oids.push(i64::from(index.oid));
                table_oids.push(i64::from(table.oid));
                schemas.push(text(&table.name.schema));
                table_names.push(text(&table.name.name));
                names.push(text(&index.name));
                definitions.push(text(&index.definition));
                descriptions.push(json(index).map_err(|error| StoreError::Unreadable {
                    what: "index's description",
                    source: Box::new(error),
                })?);
            }
        }
        sqlx::query(
            "INSERT INTO index_history (instance_id, database, index_oid, table_oid, schema_name, table_name,
                                        index_name, definition, description, first_seen_at)
             SELECT DISTINCT ON (index_oid) $1, $2, index_oid, table_oid, schema_name, table_name, index_name,
                    definition, description::jsonb, $3
             FROM UNNEST($4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
                 AS i (index_oid, table_oid, schema_name, table_name, index_name, definition, description)
             ORDER BY index_oid
             ON CONFLICT (instance_id, database, index_oid) DO UPDATE
             SET table_oid = EXCLUDED.table_oid, schema_name = EXCLUDED.schema_name,
                 table_name = EXCLUDED.table_name, index_name = EXCLUDED.index_name,
                 definition = EXCLUDED.definition, description = EXCLUDED.description, gone_at = NULL",
        )
        .bind(instance.0)
        .bind(text(database))
        .bind(moment(at))
        .bind(index_oids)
        .bind(table_oids)
        .bind(schemas)
        .bind(table_names)
        .bind(names)
        .bind(definitions)
        .bind(descriptions)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
