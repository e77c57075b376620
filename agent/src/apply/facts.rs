//! What a database says of the things a change touches. Read by the engine, judged by [`super::ground`].

use querysmith_shared::parameter::ParameterType;
use querysmith_shared::timestamp::Timestamp;

/// The server, as it answers now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Identity of its data.
    pub system_identifier: String,
    /// It is a standby that replays.
    pub in_recovery: bool,
    /// Where its data is, if the role may know and the server is on this host.
    pub data_directory: Option<String>,
}

/// One table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFacts {
    /// The server's number of it, which survives renaming.
    pub oid: u32,
    /// What it is, in words, if it isn't an ordinary table or a materialized view.
    pub unsuitable: Option<String>,
    /// Its owner.
    pub owner: String,
    /// The role the agent works as.
    pub role: String,
    /// The role may build and drop indexes on it.
    pub may_index: bool,
    /// The role may create things in its schema.
    pub may_create: bool,
    /// The role may gather its statistics.
    pub may_analyze: bool,
    /// Rows, as the planner believes; `None` if it was never counted.
    pub rows: Option<f64>,
    /// Size without indexes, bytes.
    pub bytes: u64,
    /// Its columns.
    pub columns: Vec<ColumnFacts>,
    /// When it was last analyzed by command.
    pub last_analyze: Option<Timestamp>,
    /// Rows changed since it was last analyzed.
    pub changed_since_analyze: i64,
    /// Its indexes.
    pub indexes: Vec<IndexFacts>,
    /// Its extended statistics, and those of any table that have the name a change wants.
    pub statistics: Vec<StatisticsFacts>,
}

/// Extended statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsFacts {
    /// Their schema.
    pub schema: String,
    /// Their name in it.
    pub name: String,
    /// Their table's number.
    pub table_oid: u32,
    /// Their columns' numbers.
    pub columns: Vec<i16>,
    /// They are of every kind, and of columns only.
    pub whole: bool,
    /// Their definition in the server's words.
    pub definition: String,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFacts {
    /// Its number in the table, which survives renaming.
    pub number: i16,
    /// Its name.
    pub name: String,
    /// Mean width of a value, bytes.
    pub width: u32,
    /// Its own statistics target; `None` is the server's default.
    pub target: Option<i32>,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFacts {
    /// Its name.
    pub name: String,
    /// Its table's number.
    pub table_oid: u32,
    /// Queries use it and writes keep it up.
    pub usable: bool,
    /// Its values must be unique.
    pub unique: bool,
    /// It is a b-tree of whole columns over all rows, in the columns' own order.
    pub plain: bool,
    /// Its key columns.
    pub keys: Vec<KeyFacts>,
    /// Its INCLUDE columns' numbers.
    pub include: Vec<i16>,
    /// Its definition in the server's words.
    pub definition: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// How often it was read since the server counts.
    pub scans: u64,
    /// What would be lost with it for good, in words: a constraint's index can't be dropped, a comment not be
    /// brought back. `None` if its keys and INCLUDE columns are all there is to it.
    pub holds: Option<String>,
}

/// One key column of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFacts {
    /// The column's number; 0 is an expression.
    pub column: i16,
    /// Sorted descending.
    pub descending: bool,
    /// NULL sorts before everything else.
    pub nulls_first: bool,
}

/// What has the name that a change wants for its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Nothing.
    Nothing,
    /// An index.
    Index(IndexFacts),
    /// Something else, in words.
    Other(String),
}

/// Room on the disk that an index would be on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskRoom {
    /// Bytes free for the server.
    Free(u64),
    /// It can't be known from here, and why.
    Unknown(String),
}

/// How far an index build is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildProgress {
    /// What it is doing, in the server's words.
    pub phase: String,
    /// Share of the phase that is done, per cent, where the phase knows.
    pub percent: Option<u8>,
    /// The process it waits for.
    pub waits_for: Option<i32>,
}

/// One parameter of the server, and what decides whether it can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterFacts {
    /// What values it takes.
    pub value_type: ParameterType,
    /// Unit of a bare number.
    pub unit: Option<String>,
    /// What it takes to change it: `sighup`, `user`, `postmaster` …
    pub context: String,
    /// The value in force, in `unit`.
    pub value: String,
    /// Where that comes from: `default`, `configuration file` …
    pub source: String,
    /// The role the agent works as.
    pub role: String,
    /// The role may set it with ALTER SYSTEM; `None` before PostgreSQL 15, where only a superuser may.
    pub may_set: Option<bool>,
    /// The role is a superuser.
    pub is_superuser: bool,
    /// The role may have the server read its files again.
    pub may_reload: bool,
    /// The server's owner left ALTER SYSTEM on.
    pub alter_system_is_on: bool,
    /// What the server's files say; `None` if the role may not read that.
    pub files: Option<FileFacts>,
    /// Roles and databases with a value of their own, whose sessions keep it.
    pub overrides: Vec<String>,
}

/// What the server's configuration files say, whether or not it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFacts {
    /// What `postgresql.auto.conf`, which ALTER SYSTEM writes, has for the parameter.
    pub by_alter_system: Option<String>,
    /// Parameters whose value in the files waits for a reload.
    pub waiting: Vec<String>,
    /// The place of an error, because of which a reload would do nothing.
    pub broken: Option<String>,
    /// The files are Patroni's.
    pub of_patroni: bool,
}
