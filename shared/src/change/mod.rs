//! Everything that may ever be done to a watched server.
//!
//! The enum is closed on purpose: there is no free SQL on the wire, and what is not a variant here
//! cannot be asked of an agent.

pub mod coins;
pub mod lifecycle;
pub mod limits;
pub mod parameter;
pub mod statistics;
pub mod switchback;
pub mod trial;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::parameter::{SETTINGS_DATABASE, SetParameter};
use self::statistics::{CreateStatistics, SetStatisticsTarget};
use crate::id::ChangeId;
use crate::wire::bounded;

/// Most key columns of a proposed index (PostgreSQL allows 32).
pub const MAX_INDEX_COLUMNS: usize = 32;

/// A table's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// Schema.
    pub schema: String,
    /// Name within the schema.
    pub name: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// One thing to do to one server. Appended to, never reordered: the position is on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Build a b-tree index without blocking writers.
    CreateIndex(CreateIndex),
    /// Gather a table's statistics.
    Analyze(Analyze),
    /// Drop an index that another one makes superfluous, without blocking writers.
    DropIndex(DropIndex),
    /// Set a parameter of the server.
    SetParameter(SetParameter),
    /// Gather statistics about columns together.
    CreateStatistics(CreateStatistics),
    /// Sample a column more or less closely.
    SetStatisticsTarget(SetStatisticsTarget),
}

impl Change {
    /// The database it happens in; of a parameter, the one it is set from.
    pub fn database(&self) -> &str {
        match self {
            Self::CreateIndex(change) => &change.database,
            Self::Analyze(change) => &change.database,
            Self::DropIndex(change) => &change.index.database,
            Self::SetParameter(_) => SETTINGS_DATABASE,
            Self::CreateStatistics(change) => &change.database,
            Self::SetStatisticsTarget(change) => &change.database,
        }
    }

    /// The table it touches; `None` of a parameter, which is of the whole server.
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Self::CreateIndex(change) => Some(&change.table),
            Self::Analyze(change) => Some(&change.table),
            Self::DropIndex(change) => Some(&change.index.table),
            Self::SetParameter(_) => None,
            Self::CreateStatistics(change) => Some(&change.table),
            Self::SetStatisticsTarget(change) => Some(&change.table),
        }
    }

    /// Its kind, as in the store, the API and the agent's allow-list.
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::CreateIndex(_) => ChangeKind::CreateIndex,
            Self::Analyze(_) => ChangeKind::Analyze,
            Self::DropIndex(_) => ChangeKind::DropIndex,
            Self::SetParameter(_) => ChangeKind::SetParameter,
            Self::CreateStatistics(_) => ChangeKind::CreateStatistics,
            Self::SetStatisticsTarget(_) => ChangeKind::SetStatisticsTarget,
        }
    }
}

/// The kinds of [`Change`], for allow-lists and policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// [`Change::CreateIndex`].
    CreateIndex,
    /// [`Change::Analyze`].
    Analyze,
    /// [`Change::DropIndex`].
    DropIndex,
    /// [`Change::SetParameter`].
    SetParameter,
    /// [`Change::CreateStatistics`].
    CreateStatistics,
    /// [`Change::SetStatisticsTarget`].
    SetStatisticsTarget,
}

impl ChangeKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CreateIndex,
        Self::Analyze,
        Self::DropIndex,
        Self::SetParameter,
        Self::CreateStatistics,
        Self::SetStatisticsTarget,
    ];

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name used in the store, the API and the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateIndex => "create_index",
            Self::Analyze => "analyze",
            Self::DropIndex => "drop_index",
            Self::SetParameter => "set_parameter",
            Self::CreateStatistics => "create_statistics",
            Self::SetStatisticsTarget => "set_statistics_target",
        }
    }

    /// Whether the agent can put things back as they were. Old statistics can't be restored.
    pub fn can_be_undone(self) -> bool {
        match self {
            // A dropped index is built again.
            Self::CreateIndex
            | Self::DropIndex
            | Self::SetParameter
            | Self::CreateStatistics
            | Self::SetStatisticsTarget => true,
            Self::Analyze => false,
        }
    }
}

/// A b-tree index over all rows of a table, in its columns' own order: to build, or to build again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateIndex {
    /// Database.
    pub database: String,
    /// Table.
    pub table: TableName,
    /// Name of the index. Of one to build it is made by [`index_name`], so that it says which change it
    /// belongs to.
    pub name: String,
    /// Key columns in order.
    #[serde(deserialize_with = "bounded::vec::<MAX_INDEX_COLUMNS, _, _>")]
    pub keys: Vec<IndexKey>,
    /// INCLUDE columns.
    #[serde(deserialize_with = "bounded::vec::<MAX_INDEX_COLUMNS, _, _>")]
    pub include: Vec<String>,
}

/// One key column of a [`CreateIndex`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IndexKey {
    /// Column.
    pub column: String,
    /// Sort it descending.
    pub descending: bool,
}

/// An index to drop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropIndex {
    /// Everything that is needed to find it, to tell that it is still the same, and to build it again.
    pub index: CreateIndex,
    /// Name of another index of the table that does all of its work, and stays.
    pub covered_by: String,
}

/// Statistics to gather.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Analyze {
    /// Database.
    pub database: String,
    /// Table.
    pub table: TableName,
}

/// Every index and every statistics object the product makes starts with this.
pub const OBJECT_PREFIX: &str = "qs_";
/// Longest identifier of PostgreSQL, bytes.
const MAX_IDENTIFIER_BYTES: usize = 63;

/// The name of the index that `change` builds: readable, at most 63 bytes, and the same on every
/// attempt, so that the name is the idempotency key of the build.
pub fn index_name(change: ChangeId, table: &TableName, keys: &[IndexKey]) -> String {
    object_name(change, table, keys.iter().map(|key| key.column.as_str()))
}

/// The name of what `change` makes of these columns of a table, as [`index_name`] has it for indexes.
pub fn object_name<'a>(
    change: ChangeId,
    table: &TableName,
    columns: impl IntoIterator<Item = &'a str>,
) -> String {
    let tail = format!("_{}", change.short());
    let mut name = format!("{OBJECT_PREFIX}{}", table.name);
    for column in columns {
        name.push('_');
        name.push_str(column);
    }
    let mut room = MAX_IDENTIFIER_BYTES - tail.len();
    while !name.is_char_boundary(room.min(name.len())) {
        room -= 1;
    }
    name.truncate(room);
    name.push_str(&tail);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_name_fits_and_tells_its_change() {
        let change = ChangeId(uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_dead_beef));
        let keys = [IndexKey { column: "ä".repeat(60), descending: false }];
        let table = TableName { schema: "public".into(), name: "orders".into() };
        let name = index_name(change, &table, &keys);
        assert!(name.len() <= 63, "{name}");
        assert!(name.starts_with("qs_orders_ä"), "{name}");
        assert!(name.ends_with("_deadbeef"), "{name}");
    }
}
