//! What is known of the time before a change.

use std::fmt;

use querysmith_shared::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::apply::amount;

/// The server before a change, as far as the change can alter it or rests on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
// A journal has it without a name of its kind.
#[serde(untagged)]
pub enum PreImage {
    /// Before a change of a table.
    Table(TablePreImage),
    /// Before a parameter was set.
    Parameter(ParameterPreImage),
}

/// A parameter before it was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterPreImage {
    /// The value in force, as a person writes it.
    pub value: String,
    /// Where it came from.
    pub source: String,
    /// What an earlier ALTER SYSTEM had set.
    pub by_alter_system: Option<String>,
    /// Roles and databases with a value of their own.
    pub overrides: Vec<String>,
}

/// A table before a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TablePreImage {
    /// The table's number, which survives renaming.
    pub table_oid: u32,
    /// Its rows, as the planner believed.
    pub rows: Option<u64>,
    /// Its size, bytes.
    pub bytes: u64,
    /// What the kind of change needs.
    pub kind: KindOfPreImage,
}

/// What a kind of change needs to know of the time before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KindOfPreImage {
    /// Nothing has the index's name, and no index does its work.
    NoIndex {
        /// Numbers of the key columns.
        keys: Vec<i16>,
        /// Numbers of the INCLUDE columns.
        include: Vec<i16>,
        /// How large the index will be, bytes.
        estimated_bytes: u64,
        /// Bytes free on its disk, where that can be known.
        free_bytes: Option<u64>,
        /// What could not be checked.
        note: Option<String>,
    },
    /// An index that another one makes superfluous.
    Index {
        /// Numbers of the key columns.
        keys: Vec<i16>,
        /// Numbers of the INCLUDE columns.
        include: Vec<i16>,
        /// What it is, in the server's words.
        definition: String,
        /// Its size, bytes.
        bytes: u64,
        /// How often it was read since the server counts.
        scans: u64,
    },
    /// No extended statistics do the work.
    NoExtendedStatistics {
        /// Numbers of the columns.
        columns: Vec<i16>,
        /// When the table was last analyzed by command.
        last_analyze: Option<Timestamp>,
    },
    /// How closely a column was sampled.
    StatisticsTarget {
        /// Number of the column.
        column: i16,
        /// Its own target; `None` is the server's default.
        target: Option<i32>,
        /// When the table was last analyzed by command.
        last_analyze: Option<Timestamp>,
    },
    /// Statistics of a certain age.
    Statistics {
        /// When the table was last analyzed by command.
        last_analyze: Option<Timestamp>,
        /// Rows changed since then.
        changed_since_analyze: i64,
    },
}

impl PreImage {
    /// Whether a change that was armed on `self` stands on the same ground in `other`. What always moves,
    /// like sizes, doesn't count.
    pub fn is_same_ground(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Table(table), Self::Table(other)) => table.is_same_ground(other),
            (Self::Parameter(parameter), Self::Parameter(other)) => {
                parameter.value == other.value && parameter.by_alter_system == other.by_alter_system
            }
            (Self::Table(_) | Self::Parameter(_), _) => false,
        }
    }

    /// How large the index will be, bytes; 0 where none is built.
    pub fn estimated_bytes(&self) -> u64 {
        match self {
            Self::Table(TablePreImage { kind: KindOfPreImage::NoIndex { estimated_bytes, .. }, .. }) => {
                *estimated_bytes
            }
            Self::Table(_) | Self::Parameter(_) => 0,
        }
    }
}

impl TablePreImage {
    fn is_same_ground(&self, other: &Self) -> bool {
        let kinds = match (&self.kind, &other.kind) {
            (
                KindOfPreImage::NoIndex { keys, include, .. },
                KindOfPreImage::NoIndex { keys: other_keys, include: other_include, .. },
            ) => keys == other_keys && include == other_include,
            (
                KindOfPreImage::Index { keys, include, definition, .. },
                KindOfPreImage::Index {
                    keys: other_keys,
                    include: other_include,
                    definition: other_definition,
                    ..
                },
            ) => keys == other_keys && include == other_include && definition == other_definition,
            (
                KindOfPreImage::Statistics { last_analyze, .. },
                KindOfPreImage::Statistics { last_analyze: other_last_analyze, .. },
            ) => last_analyze == other_last_analyze,
            (
                one @ (KindOfPreImage::NoExtendedStatistics { .. } | KindOfPreImage::StatisticsTarget { .. }),
                other,
            ) => one == other,
            (
                KindOfPreImage::NoIndex { .. }
                | KindOfPreImage::Index { .. }
                | KindOfPreImage::Statistics { .. },
                _,
            ) => false,
        };
        kinds && self.table_oid == other.table_oid
    }
}

impl fmt::Display for PreImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => table.fmt(f),
            Self::Parameter(parameter) => parameter.fmt(f),
        }
    }
}

impl fmt::Display for ParameterPreImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is in force ({})", self.value, self.source)?;
        match &self.by_alter_system {
            Some(value) => write!(f, "; the undo sets {value} again")?,
            None => f.write_str("; ALTER SYSTEM had not set it, and the undo takes it out")?,
        }
        if !self.overrides.is_empty() {
            write!(f, "; values of their own keep {}", self.overrides.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for TablePreImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rows {
            Some(rows) => write!(f, "about {} rows, {}", amount::count(rows), amount::bytes(self.bytes))?,
            None => write!(f, "{}, rows never counted", amount::bytes(self.bytes))?,
        }
        match &self.kind {
            KindOfPreImage::NoIndex { estimated_bytes, free_bytes, note, .. } => {
                write!(f, "; the index will take at most about {}", amount::bytes(*estimated_bytes))?;
                if let Some(free) = free_bytes {
                    write!(f, " of {} free", amount::bytes(*free))?;
                }
                if let Some(note) = note {
                    write!(f, "; {note}")?;
                }
                Ok(())
            }
            KindOfPreImage::Index { bytes, scans, definition, .. } => write!(
                f,
                "; the index takes {} and was read {} times; the undo builds it again: {definition}",
                amount::bytes(*bytes),
                amount::count(*scans)
            ),
            KindOfPreImage::NoExtendedStatistics { .. } => {
                f.write_str("; no statistics of these columns together")
            }
            KindOfPreImage::StatisticsTarget { target: Some(target), .. } => {
                write!(f, "; the column's statistics target is {target}")
            }
            KindOfPreImage::StatisticsTarget { target: None, .. } => {
                f.write_str("; the column's statistics target is the server's default")
            }
            KindOfPreImage::Statistics { changed_since_analyze, .. } => {
                let changed = u64::try_from(*changed_since_analyze).unwrap_or(0);
                write!(f, "; {} rows changed since the last ANALYZE", amount::count(changed))
            }
        }
    }
}
