//! Reads what a plan is explained with: the tables it names, and the settings the planner reckons with.

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::{PlannerSettings, TableEvidence};
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::plan::PlanNode;
use serde_json::Value;
use sqlx::FromRow;

use super::Store;
use super::decisions::document;
use super::value::timestamp;
use crate::store::error::StoreError;

#[derive(FromRow)]
struct TableRow {
    database: String,
    structure: Value,
    usage: Option<Value>,
    stats_since: Option<DateTime<Utc>>,
    read_at: Option<DateTime<Utc>>,
}

impl Store {
    /// The tables of a database that plans name, and the planner's settings.
    pub async fn read_surroundings(
        &self,
        instance: InstanceId,
        database: &str,
        plans: &[PlanNode],
    ) -> Result<(Vec<TableEvidence>, PlannerSettings), StoreError> {
        let rows: Vec<TableRow> = sqlx::query_as(
            "SELECT schema_table.database, schema_table.structure, table_usage.usage, table_usage.stats_since,
                    table_usage.read_at
             FROM schema_table
             LEFT JOIN table_usage USING (instance_id, database, table_oid)
             WHERE schema_table.instance_id = $1
               AND schema_table.database = $2
               AND schema_table.table_name = ANY ($3)",
        )
        .bind(instance.0)
        .bind(database)
        .bind(relations(plans))
        .fetch_all(&self.pool)
        .await?;
        let tables = rows.into_iter().map(table).collect::<Result<_, _>>()?;
        Ok((tables, self.planner_settings(instance).await?))
    }
}

fn relations(plans: &[PlanNode]) -> Vec<String> {
    let mut names = Vec::new();
    for plan in plans {
        plan.walk(&mut |node, _| names.extend(node.relation.clone()));
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn table(row: TableRow) -> Result<TableEvidence, StoreError> {
    Ok(TableEvidence {
        database: row.database,
        table: document(row.structure, "structure of a table")?,
        activity: row.usage.map(|usage| document(usage, "usage of a table")).transpose()?,
        read_at: row.read_at.map(timestamp),
        stats_since: row.stats_since.map(timestamp),
        index_first_seen: Vec::new(),
        writes: None,
    })
}
