//! Whether the ground is fit for a change, and what it was like before: pure judgement of what was read.

mod drop_index;
pub mod parameter;
mod pre_image;
pub mod statistics;

pub use drop_index::is_the_dropped;
pub use pre_image::{KindOfPreImage, ParameterPreImage, PreImage, TablePreImage};
use querysmith_shared::change::{Change, CreateIndex, TableName};

use super::amount;
use super::facts::{DiskRoom, IndexFacts, KeyFacts, Named, TableFacts};

/// Judges the ground for a `change` of a table: what it was like, or why the change must not begin, with the remedy.
pub fn survey(
    change: &Change,
    table: Option<&TableFacts>,
    named: &Named,
    disk: &DiskRoom,
) -> Result<PreImage, String> {
    let name = change.table().ok_or("the change is of no table")?;
    let Some(table) = table else {
        return Err(format!("table {name} does not exist in database {}", change.database()));
    };
    if let Some(kind) = &table.unsuitable {
        return Err(format!("{name} is {kind}: this change is for ordinary tables and materialized views"));
    }
    let rows = table.rows.map(|rows| rows.max(0.0) as u64);
    let kind = match change {
        Change::CreateIndex(index) => survey_index(index, table, named, disk)?,
        Change::Analyze(_) => survey_statistics(table)?,
        Change::DropIndex(drop) => drop_index::survey(drop, table, named)?,
        Change::CreateStatistics(create) => statistics::survey_create(create, table)?,
        Change::SetStatisticsTarget(set) => statistics::survey_target(set, table)?,
        Change::SetParameter(set) => return Err(format!("parameter {} is no matter of a table", set.name)),
    };
    Ok(PreImage::Table(TablePreImage { table_oid: table.oid, rows, bytes: table.bytes, kind }))
}

fn survey_index(
    index: &CreateIndex,
    table: &TableFacts,
    named: &Named,
    disk: &DiskRoom,
) -> Result<KindOfPreImage, String> {
    check_rights(INDEXES_ON, &index.table, table)?;
    match named {
        Named::Nothing => {}
        Named::Index(_) => {
            return Err(format!("an index {} is there already, not made by this change", index.name));
        }
        Named::Other(what) => return Err(format!("the name {} belongs to {what}", index.name)),
    }
    let (keys, include) = numbers_of(index, table)?;
    let wanted = wanted_keys(index, &keys);
    if let Some(other) = table.indexes.iter().find(|other| does_the_work(other, &wanted, &include)) {
        return Err(format!("index {} does its work already", other.name));
    }
    let estimated_bytes = estimated_bytes(table, keys.iter().chain(&include));
    let (free_bytes, note) = match disk {
        DiskRoom::Free(free) if *free / 2 < estimated_bytes => {
            return Err(format!(
                "the index will take at most about {}, and twice that must be free: {} are",
                amount::bytes(estimated_bytes),
                amount::bytes(*free)
            ));
        }
        DiskRoom::Free(free) => (Some(*free), None),
        DiskRoom::Unknown(why) => (None, Some(format!("free disk space was not checked: {why}"))),
    };
    Ok(KindOfPreImage::NoIndex { keys, include, estimated_bytes, free_bytes, note })
}

/// Whoever drops an index must be able to build it again, so both need the same rights.
const INDEXES_ON: &str = "build or drop indexes on";

/// What only a table's owner may do.
fn check_rights(what: &str, name: &TableName, table: &TableFacts) -> Result<(), String> {
    if !table.may_index {
        return Err(format!(
            "role {role} may not {what} {name}, which belongs to {owner}: GRANT {owner} TO {role}",
            role = table.role,
            owner = table.owner,
        ));
    }
    if !table.may_create {
        return Err(format!(
            "role {role} may not create anything in schema {schema}: GRANT CREATE ON SCHEMA {schema} TO {role}",
            role = table.role,
            schema = name.schema,
        ));
    }
    Ok(())
}

fn survey_statistics(table: &TableFacts) -> Result<KindOfPreImage, String> {
    if !table.may_analyze {
        return Err(format!(
            "role {role} may not analyze this table, which belongs to {owner}: GRANT {owner} TO {role}",
            role = table.role,
            owner = table.owner,
        ));
    }
    Ok(KindOfPreImage::Statistics {
        last_analyze: table.last_analyze,
        changed_since_analyze: table.changed_since_analyze,
    })
}

/// Numbers of the key columns and of the INCLUDE columns.
fn numbers_of(index: &CreateIndex, table: &TableFacts) -> Result<(Vec<i16>, Vec<i16>), String> {
    let keys = index.keys.iter().map(|key| number_of(table, &key.column)).collect::<Result<_, _>>()?;
    let include = index.include.iter().map(|column| number_of(table, column)).collect::<Result<_, _>>()?;
    Ok((keys, include))
}

fn number_of(table: &TableFacts, column: &str) -> Result<i16, String> {
    let found = table.columns.iter().find(|facts| facts.name == column);
    found.map(|facts| facts.number).ok_or_else(|| format!("the table has no column {column}"))
}

/// What PostgreSQL makes of the keys: descending columns have their NULLs first.
fn wanted_keys(index: &CreateIndex, numbers: &[i16]) -> Vec<KeyFacts> {
    let key = |(key, number): (&querysmith_shared::change::IndexKey, &i16)| KeyFacts {
        column: *number,
        descending: key.descending,
        nulls_first: key.descending,
    };
    index.keys.iter().zip(numbers).map(key).collect()
}

/// Whether `other` answers every query that the wanted index would: it begins with the same keys (or all of
/// them the other way round, as it can be read backwards) and holds the same columns.
fn does_the_work(other: &IndexFacts, wanted: &[KeyFacts], include: &[i16]) -> bool {
    let Some(head) = other.keys.get(..wanted.len()) else { return false };
    let turned =
        |key: &KeyFacts| KeyFacts { descending: !key.descending, nulls_first: !key.nulls_first, ..*key };
    let same_order = head == wanted || head.iter().map(turned).eq(wanted.iter().copied());
    let holds =
        |column: &i16| other.keys.iter().any(|key| key.column == *column) || other.include.contains(column);
    other.usable && other.plain && same_order && include.iter().all(holds)
}

/// Whether `found` is the index that a change with this pre-image builds.
pub fn is_ours(index: &CreateIndex, pre_image: &PreImage, found: &IndexFacts) -> bool {
    let PreImage::Table(TablePreImage {
        table_oid, kind: KindOfPreImage::NoIndex { keys, include, .. }, ..
    }) = pre_image
    else {
        return false;
    };
    found.table_oid == *table_oid
        && found.plain
        && !found.unique
        && found.keys == wanted_keys(index, keys)
        && found.include == *include
}

/// Bytes of an index tuple beside its values: header and line pointer.
const TUPLE_OVERHEAD: u64 = 12;
/// Bytes of a row where nobody ever counted: small, so that the estimate is rather too high.
const SMALL_ROW: u64 = 60;

/// The size of a b-tree of these columns without deduplication, 90 % full: rather too high than too low.
fn estimated_bytes<'a>(table: &TableFacts, columns: impl Iterator<Item = &'a i16>) -> u64 {
    let width_of =
        |number: &i16| table.columns.iter().find(|c| c.number == *number).map_or(8, |c| c.width.into());
    let width: u64 = columns.map(width_of).sum();
    let tuple = TUPLE_OVERHEAD + width.next_multiple_of(8);
    let rows = table.rows.map_or(table.bytes / SMALL_ROW, |rows| rows.max(0.0) as u64);
    rows.saturating_mul(tuple) / 9 * 10 + 16_384
}

#[cfg(test)]
mod tests;
