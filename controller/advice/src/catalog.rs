//! The tables of one database, found by the names that statements and plans use.

use std::collections::HashMap;

use querysmith_shared::change::TableName;
use querysmith_shared::observation::schema::{Column, TableKind};

use crate::evidence::TableEvidence;
use crate::statement::Equality;

/// Bytes of one block. PostgreSQL can be built with another size, hardly anybody does.
pub(crate) const BLOCK_BYTES: f64 = 8192.0;

/// If live and dead rows together are less than this share of what the file should hold, not all were counted.
const COUNTED_IN_PART: f64 = 0.5;

/// The tables of one database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog<'a> {
    by_name: HashMap<&'a str, Vec<&'a TableEvidence>>,
}

impl<'a> Catalog<'a> {
    /// The tables of `database`.
    pub(crate) fn of(tables: &'a [TableEvidence], database: &str) -> Self {
        let mut by_name: HashMap<&str, Vec<&TableEvidence>> = HashMap::new();
        for table in tables.iter().filter(|table| table.database == database) {
            by_name.entry(&table.table.name.name).or_default().push(table);
        }
        Self { by_name }
    }

    /// The table a statement means. Without a schema the search path decides on the server; here it is
    /// the schema its plan names, then `public`, then the only one there is.
    pub(crate) fn find(
        &self,
        schema: Option<&str>,
        name: &str,
        planned: &[TableName],
    ) -> Option<&'a TableEvidence> {
        let tables = self.by_name.get(name)?;
        let in_schema = |schema: &str| tables.iter().copied().find(|table| table.table.name.schema == schema);
        if let Some(schema) = schema {
            return in_schema(schema);
        }
        let planned = planned.iter().find(|planned| planned.name == name);
        if let Some(table) = planned.and_then(|planned| in_schema(&planned.schema)) {
            return Some(table);
        }
        match tables.as_slice() {
            [only] => Some(only),
            _ => in_schema("public"),
        }
    }
}

impl TableEvidence {
    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.table.columns.iter().find(|column| column.name == name)
    }

    /// Rows it really has, as far as is known: what the server counts, unless its counters were lost (a crash, a
    /// reset) and have seen only a part of the table since; then the planner's belief scaled by the file's size.
    pub(crate) fn rows(&self) -> f64 {
        let Some(activity) = &self.activity else { return 0.0 };
        let (live, counted) = (activity.live_rows as f64, (activity.live_rows + activity.dead_rows) as f64);
        let planned = self.planned_rows();
        if live > 0.0 && counted >= COUNTED_IN_PART * planned { live } else { planned }
    }

    /// Rows the planner reckons with: its density times the file's size.
    pub(crate) fn planned_rows(&self) -> f64 {
        let Some(activity) = &self.activity else { return 0.0 };
        let rows = f64::from(activity.planner_rows).max(0.0);
        if activity.planner_pages == 0 {
            return rows;
        }
        rows / f64::from(activity.planner_pages) * self.pages()
    }

    /// Pages of its main data.
    pub(crate) fn pages(&self) -> f64 {
        self.activity.as_ref().map_or(0.0, |activity| activity.size_bytes as f64 / BLOCK_BYTES)
    }

    /// Whether an index can be proposed on it: not the server's own, not a parent of partitions (its index
    /// can't be built without blocking writers).
    pub(crate) fn indexable(&self) -> bool {
        let schema = self.table.name.schema.as_str();
        let system = matches!(schema, "pg_catalog" | "information_schema" | "pg_toast")
            || schema.starts_with("pg_temp")
            || schema.starts_with("pg_toast_temp");
        !system && self.table.kind != TableKind::Partitioned
    }

    /// Distinct values of a column; `None` without statistics.
    pub(crate) fn distinct(&self, column: &str) -> Option<f64> {
        let statistics = self.column(column)?.statistics?;
        let distinct = f64::from(statistics.distinct);
        // Statistics gathered long ago count values of then; a share scales with the rows.
        Some(if distinct < 0.0 { -distinct * self.rows().max(1.0) } else { distinct }.max(1.0))
    }

    /// Share of the rows that an equality leaves, on average; `None` without statistics.
    pub(crate) fn share_left(&self, equality: &Equality) -> Option<f64> {
        if equality.is_null {
            let statistics = self.column(&equality.column)?.statistics?;
            return Some(f64::from(statistics.null_fraction).clamp(0.0, 1.0));
        }
        self.equality_selectivity(&equality.column)
    }

    /// Share of the rows that have one given value of a column, on average; `None` without statistics.
    pub(crate) fn equality_selectivity(&self, column: &str) -> Option<f64> {
        let statistics = self.column(column)?.statistics?;
        let not_null = 1.0 - f64::from(statistics.null_fraction).clamp(0.0, 1.0);
        Some((not_null / self.distinct(column)?).clamp(0.0, 1.0))
    }
}
