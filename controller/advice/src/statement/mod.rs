//! A statement's text as the advice sees it: which tables it uses, and which of their columns how.

mod block;
mod condition;
mod output;
mod parse;
#[cfg(test)]
mod tests;

use querysmith_shared::change::TableName;

use crate::catalog::Catalog;

/// Longest text that is parsed, bytes. The parser is recursive C code: a text of a megabyte is no query a
/// person wrote, and its tree would be a hundred times as large.
pub(crate) const MAX_PARSED_BYTES: usize = 1 << 20;

/// What a statement does to which tables.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct StatementShape {
    /// One entry for each mention of a table in a FROM list, or as the target of a write.
    pub(crate) uses: Vec<TableUse>,
}

/// One mention of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableUse {
    /// The table.
    pub(crate) table: TableName,
    /// The name it goes by in the statement.
    pub(crate) alias: String,
    /// Columns that must equal a value.
    pub(crate) equalities: Vec<Equality>,
    /// Columns that must lie in a range.
    pub(crate) ranges: Vec<String>,
    /// Columns that must equal a column of another table.
    pub(crate) joins: Vec<String>,
    /// The ORDER BY of its block, if all of it is columns of this table.
    pub(crate) order: Vec<OrderKey>,
    /// Its block has a LIMIT.
    pub(crate) limited: bool,
    /// Columns of the table that the statement mentions; `None` where it takes them all.
    pub(crate) mentioned: Option<Vec<String>>,
    /// What is written to it, if it is a target.
    pub(crate) write: Option<Write>,
}

/// A column that must equal a value, or one of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Equality {
    /// The column.
    pub(crate) column: String,
    /// One of several values: rows found through it don't come in the order of the next key.
    pub(crate) several: bool,
    /// IS NULL.
    pub(crate) is_null: bool,
}

/// One key of an ORDER BY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderKey {
    /// The column.
    pub(crate) column: String,
    /// Descending.
    pub(crate) descending: bool,
    /// NULLS FIRST or LAST, where it is not what an index of that direction has by itself.
    pub(crate) unusual_nulls: bool,
}

/// How a table is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    /// INSERT.
    Insert,
    /// UPDATE of these columns.
    Update(Vec<String>),
    /// DELETE.
    Delete,
}

impl TableUse {
    /// Whether the column must equal a value.
    pub(crate) fn has_equality(&self, column: &str) -> bool {
        self.equalities.iter().any(|equality| equality.column == column)
    }
}

/// The shape of a text; `None` where it can't be parsed or is no query. `planned` are the tables of its
/// plans, which tell schemas that the text leaves out.
pub(crate) fn shape(text: &str, catalog: &Catalog<'_>, planned: &[TableName]) -> Option<StatementShape> {
    let tree = parse::parse(text)?;
    Some(block::shape(&tree, catalog, planned))
}
