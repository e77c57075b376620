//! Why a wish can't be proposed, and which part of it is at fault.

use querysmith_shared::change::{MAX_INDEX_COLUMNS, TableName};

use crate::evidence::TableEvidence;

/// Why a wish can't be proposed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its server takes no changes.
    #[error("this server is a standby; ask for it on its primary")]
    Standby,
    /// There is no such table, as far as the agent has read.
    #[error("the database {database} has no table {table}, as the agent last read it")]
    UnknownTable {
        /// The database.
        database: String,
        /// The table.
        table: TableName,
    },
    /// The server's own, or the parent of partitions.
    #[error("{0} is the server's own or the parent of partitions; name an ordinary table")]
    NotOrdinary(TableName),
    /// Too few or too many columns.
    #[error("an index has between 1 and {MAX_INDEX_COLUMNS} columns")]
    Columns,
    /// A column is named more than once.
    #[error("the column {column} is named twice")]
    Twice {
        /// The column.
        column: String,
        /// Where the second time.
        part: Part,
    },
    /// There is no such column.
    #[error("{table} has no column {column}; it has {columns}")]
    UnknownColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Those it has.
        columns: String,
        /// Where it is named.
        part: Part,
    },
    /// The column's type or width makes no b-tree key.
    #[error("{column} ({data_type}) can't be a b-tree key, or is too wide for one")]
    NoKey {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// An index does the same.
    #[error("the index {0} does this already")]
    Covered(String),
    /// An index that will do the same is under way.
    #[error("the index {0} will do this; it is proposed, being built or on trial")]
    Coming(String),
    /// There is no such index.
    #[error("{table} has no index {name}")]
    UnknownIndex {
        /// The table.
        table: TableName,
        /// The index.
        name: String,
    },
    /// No other index does its work.
    #[error(
        "no other index of the table does all that {0} does, so that its statements may become slow; drop it by hand \
         if you know better"
    )]
    Needed(String),
    /// The undo could not build it.
    #[error(
        "{0} is more than a plain b-tree index, so that the undo could not build it again; drop it by hand"
    )]
    NotRebuildable(String),
    /// Too few or too many columns for extended statistics.
    #[error("statistics about columns together are of 2 to 8 columns")]
    StatisticsColumns,
    /// No statistics target.
    #[error("a statistics target is from 1 to 10000; PostgreSQL's default is 100")]
    Target,
    /// It has the target.
    #[error("the statistics target of {column} is {target} already")]
    TargetAlready {
        /// The column.
        column: String,
        /// Its target.
        target: u16,
    },
    /// There is no such parameter.
    #[error("this server has no parameter {0}, as the agent last read it")]
    UnknownParameter(String),
    /// It isn't set from here.
    #[error("{name} {why}: it is not set from here")]
    NeverSet {
        /// The parameter.
        name: String,
        /// Why.
        why: String,
    },
    /// It has the value.
    #[error("{name} is {value} already")]
    SetAlready {
        /// The parameter.
        name: String,
        /// The value in force.
        value: String,
    },
    /// Something stronger than ALTER SYSTEM sets it.
    #[error("{name} is set by {setter}, which ALTER SYSTEM does not change")]
    SetElsewhere {
        /// The parameter.
        name: String,
        /// What sets it, in the server's words.
        setter: String,
    },
    /// Another change of it isn't finished.
    #[error("a change of {0} is under way; wait for its end")]
    UnderWay(String),
    /// It doesn't take the value.
    #[error("{name} can't be {value:?}; it takes {expected}")]
    Value {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
        /// What it takes.
        expected: String,
    },
}

/// The part of a wish that is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its server.
    Instance,
    /// Its table, with its schema and database.
    Table,
    /// Its key columns.
    Keys,
    /// The columns it includes.
    Include,
    /// The index to drop.
    Index,
    /// The columns of statistics.
    Columns,
    /// Their target.
    Target,
    /// The parameter.
    Parameter,
    /// Its value.
    Value,
}

impl Unfit {
    /// The table has no such column.
    pub(crate) fn unknown_column(table: &TableEvidence, column: &str, part: Part) -> Self {
        let columns: Vec<&str> = table.table.columns.iter().map(|column| column.name.as_str()).collect();
        Self::UnknownColumn {
            table: table.table.name.clone(),
            column: column.to_owned(),
            columns: columns.join(", "),
            part,
        }
    }

    /// Which part of the wish it is about.
    pub fn part(&self) -> Part {
        match self {
            Self::Standby => Part::Instance,
            Self::UnknownTable { .. } | Self::NotOrdinary(_) => Part::Table,
            Self::Twice { part, .. } | Self::UnknownColumn { part, .. } => *part,
            Self::Columns | Self::NoKey { .. } | Self::Covered(_) | Self::Coming(_) => Part::Keys,
            Self::UnknownIndex { .. } | Self::Needed(_) | Self::NotRebuildable(_) => Part::Index,
            Self::UnknownParameter(_)
            | Self::NeverSet { .. }
            | Self::SetElsewhere { .. }
            | Self::UnderWay(_) => Part::Parameter,
            Self::SetAlready { .. } | Self::Value { .. } => Part::Value,
            Self::StatisticsColumns => Part::Columns,
            Self::Target | Self::TargetAlready { .. } => Part::Target,
        }
    }
}
