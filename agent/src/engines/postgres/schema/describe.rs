//! Reads everything about a few tables.

use std::collections::HashMap;

use querysmith_shared::change::TableName;
use querysmith_shared::observation::schema::{
    Column, ColumnStatistics, Constraint, ConstraintKind, Index, IndexKeyDescription, Table, TableKind,
};
use sqlx::postgres::PgRow;
use sqlx::postgres::types::Oid;

use crate::engines::CollectError;
use crate::engines::postgres::row;
use crate::engines::postgres::session::Session;

/// Describes the tables with these ids; one that was dropped in the meantime is left out.
pub(super) async fn tables(session: &mut Session, oids: &[u32]) -> Result<Vec<Table>, CollectError> {
    let ids: Vec<Oid> = oids.iter().map(|oid| Oid(*oid)).collect();
    let mut tables =
        session.all(sqlx::query(include_str!("../sql/schema_tables.sql")).bind(&ids), table).await?;
    let mut columns = grouped(session, include_str!("../sql/schema_columns.sql"), &ids, column).await?;
    let mut constraints =
        grouped(session, include_str!("../sql/schema_constraints.sql"), &ids, constraint).await?;
    let mut indexes = grouped(session, include_str!("../sql/schema_indexes.sql"), &ids, index).await?;
    let mut keys = grouped(session, include_str!("../sql/schema_index_keys.sql"), &ids, key).await?;
    let statistics = statistics(session, &tables).await?;
    for table in &mut tables {
        table.columns = columns.remove(&table.oid).unwrap_or_default();
        table.constraints = constraints.remove(&table.oid).unwrap_or_default();
        table.indexes = indexes.remove(&table.oid).unwrap_or_default();
        for index in &mut table.indexes {
            for (key, included) in keys.remove(&index.oid).unwrap_or_default() {
                if included {
                    index.include.push(key.column);
                } else {
                    index.keys.push(key);
                }
            }
        }
        let Some(of_table) = statistics.get(&table.name) else { continue };
        let inherited = table.kind == TableKind::Partitioned;
        for column in &mut table.columns {
            column.statistics = of_table.get(&(column.name.clone(), inherited)).copied();
        }
    }
    Ok(tables)
}

async fn grouped<T: Send>(
    session: &mut Session,
    sql: &'static str,
    ids: &[Oid],
    read: fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<HashMap<u32, Vec<T>>, CollectError> {
    let mut groups: HashMap<u32, Vec<T>> = HashMap::new();
    session
        .each(sqlx::query(sql).bind(ids), |row| {
            groups.entry(row::oid(row, 0)?).or_default().push(read(row)?);
            Ok(())
        })
        .await?;
    Ok(groups)
}

fn table(row: &PgRow) -> Result<Table, sqlx::Error> {
    let kind = match (row::string(row, 3)?.as_str(), row::bool(row, 4)?) {
        ("p", _) => TableKind::Partitioned,
        ("m", _) => TableKind::MaterializedView,
        (_, true) => TableKind::Partition,
        (_, false) => TableKind::Ordinary,
    };
    Ok(Table {
        oid: row::oid(row, 0)?,
        name: TableName { schema: row::string(row, 1)?, name: row::string(row, 2)? },
        kind,
        columns: Vec::new(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        autovacuum_off: row::bool(row, 5)?,
    })
}

fn column(row: &PgRow) -> Result<Column, sqlx::Error> {
    Ok(Column {
        name: row::string(row, 1)?,
        data_type: row::string(row, 2)?,
        not_null: row::bool(row, 3)?,
        statistics: None,
        statistics_target: row::int(row, 4)?.and_then(|target| i32::try_from(target).ok()),
    })
}

fn constraint(row: &PgRow) -> Result<Constraint, sqlx::Error> {
    let kind = match row::string(row, 2)?.as_str() {
        "p" => ConstraintKind::PrimaryKey,
        "u" => ConstraintKind::Unique,
        "f" => ConstraintKind::ForeignKey,
        "x" => ConstraintKind::Exclusion,
        _ => ConstraintKind::Check,
    };
    let references = match (row::text(row, 4)?, row::text(row, 5)?) {
        (Some(schema), Some(name)) => Some(TableName { schema, name }),
        _ => None,
    };
    Ok(Constraint { name: row::string(row, 1)?, kind, columns: row::strings(row, 3)?, references })
}

fn index(row: &PgRow) -> Result<Index, sqlx::Error> {
    Ok(Index {
        oid: row::oid(row, 1)?,
        name: row::string(row, 2)?,
        definition: row::string(row, 3)?,
        method: row::string(row, 4)?,
        keys: Vec::new(),
        include: Vec::new(),
        predicate: row::text(row, 5)?,
        unique: row::bool(row, 6)?,
        valid: row::bool(row, 7)?,
        constraint: row::text(row, 8)?,
        replica_identity: row::bool(row, 9)?,
    })
}

/// A key or included column, and whether it is the latter.
fn key(row: &PgRow) -> Result<(IndexKeyDescription, bool), sqlx::Error> {
    let key = IndexKeyDescription {
        column: row::string(row, 1)?,
        expression: row::bool(row, 2)?,
        descending: row::bool(row, 4)?,
        nulls_first: row::bool(row, 5)?,
        operator_class: row::text(row, 6)?,
        collation: row::text(row, 7)?,
    };
    Ok((key, row::bool(row, 3)?))
}

/// Statistics of one table by column, and whether they are of the whole hierarchy below it.
type OfTable = HashMap<(String, bool), ColumnStatistics>;

async fn statistics(
    session: &mut Session,
    tables: &[Table],
) -> Result<HashMap<TableName, OfTable>, CollectError> {
    let mut schemas: Vec<String> = tables.iter().map(|table| table.name.schema.clone()).collect();
    schemas.sort_unstable();
    schemas.dedup();
    let names: Vec<String> = tables.iter().map(|table| table.name.name.clone()).collect();
    let query = sqlx::query(include_str!("../sql/schema_statistics.sql")).bind(schemas).bind(names);
    let mut found: HashMap<TableName, OfTable> = HashMap::new();
    session
        .each(query, |row| {
            let table = TableName { schema: row::string(row, 0)?, name: row::string(row, 1)? };
            let column = (row::string(row, 2)?, row::bool(row, 3)?);
            found.entry(table).or_default().insert(column, column_statistics(row)?);
            Ok(())
        })
        .await?;
    Ok(found)
}

#[allow(clippy::cast_possible_truncation)]
fn column_statistics(row: &PgRow) -> Result<ColumnStatistics, sqlx::Error> {
    let float = |index| row::float(row, index).map(|value| value.map(|value| value as f32));
    Ok(ColumnStatistics {
        null_fraction: float(4)?.unwrap_or(0.0),
        distinct: float(5)?.unwrap_or(0.0),
        average_width: row::int(row, 6)?.and_then(|width| i32::try_from(width).ok()).unwrap_or(0),
        correlation: float(7)?,
        top_frequency: float(8)?,
    })
}
