//! What PostgreSQL gathers about a table's columns beyond what it gathers by itself.

use serde::{Deserialize, Serialize};

use super::TableName;
use crate::wire::bounded;

/// Fewest and most columns of extended statistics (`STATS_MAX_DIMENSIONS`).
pub const STATISTICS_COLUMNS: std::ops::RangeInclusive<usize> = 2..=8;
/// Smallest and largest statistics target of a column. At 0 nothing is gathered, which is no tuning.
pub const STATISTICS_TARGETS: std::ops::RangeInclusive<u16> = 1..=10_000;

/// Extended statistics of every kind about plain columns, gathered at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateStatistics {
    /// Database.
    pub database: String,
    /// Table.
    pub table: TableName,
    /// Name of the statistics, in the table's schema. It is made by [`super::object_name`], so that it says which change
    /// they belong to.
    pub name: String,
    /// Columns, in any order.
    #[serde(deserialize_with = "bounded::vec::<8, _, _>")]
    pub columns: Vec<String>,
}

/// How closely a column is sampled, sampled anew at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SetStatisticsTarget {
    /// Database.
    pub database: String,
    /// Table.
    pub table: TableName,
    /// Column.
    pub column: String,
    /// The new target.
    pub target: u16,
    /// The column's own target before, which the undo sets again; `None`: it had none.
    pub before: Option<u16>,
}
