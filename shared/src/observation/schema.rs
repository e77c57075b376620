//! Tables, columns, constraints and indexes, and how much they are used.

use serde::{Deserialize, Serialize};

use crate::change::TableName;
use crate::timestamp::Timestamp;
use crate::wire::bounded;

/// Most tables of one message; a larger schema is sent as several.
pub const MAX_TABLES: usize = 2_000;
/// Most relations named in one complete list.
pub const MAX_RELATIONS: usize = 200_000;
/// Most columns, indexes or constraints of one table (PostgreSQL's own limit is 1,600 columns).
pub const MAX_PARTS: usize = 2_000;

/// The tables of one database that are new or differ from what was last sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SchemaChanges {
    /// Which database.
    pub database: String,
    /// The object ids of every table that exists now; one that is missing here was dropped.
    #[serde(deserialize_with = "bounded::vec::<MAX_RELATIONS, _, _>")]
    pub present: Vec<u32>,
    /// The tables that are new or changed.
    #[serde(deserialize_with = "bounded::vec::<MAX_TABLES, _, _>")]
    pub changed: Vec<Table>,
}

/// One table, partitioned table or materialised view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Object id in its database.
    pub oid: u32,
    /// Its name.
    pub name: TableName,
    /// What it is.
    pub kind: TableKind,
    /// Columns in their order.
    #[serde(deserialize_with = "bounded::vec::<MAX_PARTS, _, _>")]
    pub columns: Vec<Column>,
    /// Primary key, unique, foreign key and check constraints.
    #[serde(deserialize_with = "bounded::vec::<MAX_PARTS, _, _>")]
    pub constraints: Vec<Constraint>,
    /// Indexes, valid or not.
    #[serde(deserialize_with = "bounded::vec::<MAX_PARTS, _, _>")]
    pub indexes: Vec<Index>,
    /// Whether automatic vacuum and analyze are switched off for this table.
    pub autovacuum_off: bool,
}

/// What kind of relation a [`Table`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableKind {
    /// An ordinary table.
    Ordinary,
    /// The parent of partitions.
    Partitioned,
    /// One partition.
    Partition,
    /// A materialised view.
    MaterializedView,
}

/// One column, with the statistics the planner has of it, but never a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as the server writes it.
    pub data_type: String,
    /// Whether NULL is impossible.
    pub not_null: bool,
    /// Statistics; `None` where the table was never analysed or they are not readable.
    pub statistics: Option<ColumnStatistics>,
    /// Its own statistics target; `None` is the server's default.
    #[serde(default)]
    pub statistics_target: Option<i32>,
}

/// The planner's statistics of a column, without values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ColumnStatistics {
    /// Share of NULLs, 0 to 1.
    pub null_fraction: f32,
    /// Distinct values: a count if positive, minus the share of the rows if negative.
    pub distinct: f32,
    /// Average width, bytes.
    pub average_width: i32,
    /// Correlation of physical and logical order, -1 to 1.
    pub correlation: Option<f32>,
    /// Frequency of the most common value, 0 to 1.
    pub top_frequency: Option<f32>,
}

/// One constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// What it demands.
    pub kind: ConstraintKind,
    /// Columns it is over.
    #[serde(deserialize_with = "bounded::vec::<MAX_PARTS, _, _>")]
    pub columns: Vec<String>,
    /// For a foreign key, the table it refers to.
    pub references: Option<TableName>,
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConstraintKind {
    /// PRIMARY KEY.
    PrimaryKey,
    /// UNIQUE.
    Unique,
    /// FOREIGN KEY.
    ForeignKey,
    /// CHECK.
    Check,
    /// EXCLUDE.
    Exclusion,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Object id in its database.
    pub oid: u32,
    /// Its name, in its table's schema.
    pub name: String,
    /// The server's own CREATE INDEX text.
    pub definition: String,
    /// Access method: btree, gin …
    pub method: String,
    /// Key columns in order; an expression stands as its text in parentheses.
    #[serde(deserialize_with = "bounded::vec::<MAX_PARTS, _, _>")]
    pub keys: Vec<IndexKeyDescription>,
    /// INCLUDE columns.
    #[serde(deserialize_with = "bounded::vec::<MAX_PARTS, _, _>")]
    pub include: Vec<String>,
    /// The WHERE of a partial index, with its literals (schema, not data).
    pub predicate: Option<String>,
    /// Enforces uniqueness.
    pub unique: bool,
    /// Usable by the planner.
    pub valid: bool,
    /// The constraint that owns it, which makes it undroppable by itself.
    pub constraint: Option<String>,
    /// Serves as the table's replica identity.
    pub replica_identity: bool,
}

/// One key of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKeyDescription {
    /// Column name, or an expression in parentheses.
    pub column: String,
    /// Whether `column` is an expression.
    pub expression: bool,
    /// Sorted descending.
    pub descending: bool,
    /// NULLs first.
    pub nulls_first: bool,
    /// Operator class, where it is not the type's default.
    pub operator_class: Option<String>,
    /// Collation, where it is not the column's.
    pub collation: Option<String>,
}

/// Sizes and activity of the tables and indexes of one database: totals since `stats_since`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableUsage {
    /// Which database.
    pub database: String,
    /// When the counters were read.
    pub read_at: Timestamp,
    /// Since when the server counts; `None` if it does not say.
    pub stats_since: Option<Timestamp>,
    /// Tables whose figures changed since they were last sent.
    #[serde(deserialize_with = "bounded::vec::<MAX_TABLES, _, _>")]
    pub tables: Vec<TableActivity>,
}

/// One table's size and activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableActivity {
    /// Object id of the table.
    pub oid: u32,
    /// Rows as the planner believes; -1 where it was never counted.
    pub planner_rows: f32,
    /// Pages as the planner believes.
    pub planner_pages: u32,
    /// Size of the table's main data, bytes, read from the file system.
    pub size_bytes: u64,
    /// Live rows by the server's counters.
    pub live_rows: u64,
    /// Dead rows by the server's counters.
    pub dead_rows: u64,
    /// Rows changed since statistics were last gathered.
    pub changed_since_analyze: u64,
    /// Last ANALYZE by hand.
    pub last_analyze: Option<Timestamp>,
    /// Last ANALYZE by the server itself.
    pub last_autoanalyze: Option<Timestamp>,
    /// Sequential scans.
    pub sequential_scans: u64,
    /// Rows read by them.
    pub sequential_rows: u64,
    /// Index scans.
    pub index_scans: u64,
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows updated without touching an index.
    pub hot_updated: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Its indexes.
    #[serde(deserialize_with = "bounded::vec::<MAX_PARTS, _, _>")]
    pub indexes: Vec<IndexActivity>,
}

/// One index's size and activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexActivity {
    /// Object id of the index.
    pub oid: u32,
    /// Size, bytes.
    pub size_bytes: u64,
    /// Scans begun on it.
    pub scans: u64,
    /// Entries read from it.
    pub entries_read: u64,
    /// Last scan, where the server says (PostgreSQL 16 and later).
    pub last_scan: Option<Timestamp>,
}
