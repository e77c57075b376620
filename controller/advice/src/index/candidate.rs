//! Indexes that could serve one use of a table.

use querysmith_shared::change::{CreateIndex, IndexKey};

use crate::evidence::TableEvidence;
use crate::statement::{Equality, TableUse};

/// Types whose columns make no useful b-tree key, or none at all.
const NOT_KEYS: [&str; 21] = [
    "json",
    "jsonb",
    "jsonpath",
    "xid",
    "cid",
    "aclitem",
    "pg_snapshot",
    "txid_snapshot",
    "xml",
    "tsvector",
    "tsquery",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "bytea",
    "geometry",
    "geography",
];
/// Wider keys risk the b-tree's limit of a third of a page for one entry, bytes.
const WIDEST_KEY: i32 = 400;
/// Most columns and bytes that are carried along so that the table need not be visited.
const MOST_INCLUDED: usize = 3;
const WIDEST_INCLUDED: i32 = 32;
/// From so many rows of one key on, not visiting the table is worth the larger index.
const LEAST_ROWS_TO_INCLUDE: f64 = 100.0;

/// An index that could be built.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Candidate {
    pub(crate) keys: Vec<IndexKey>,
    pub(crate) include: Vec<String>,
    /// How many of the first keys are compared for equality: their order and direction don't matter to the
    /// statement it was made for.
    pub(crate) equality_keys: usize,
}

impl Candidate {
    fn new(equalities: &[&str], others: &[(&str, bool)]) -> Self {
        let mut keys: Vec<IndexKey> = Vec::new();
        for column in equalities {
            keys.push(IndexKey { column: (*column).to_owned(), descending: false });
        }
        for (column, descending) in others {
            if !keys.iter().any(|key| key.column == *column) {
                keys.push(IndexKey { column: (*column).to_owned(), descending: *descending });
            }
        }
        Self { keys, include: Vec::new(), equality_keys: equalities.len() }
    }

    /// As a change without a name.
    pub(crate) fn to_change(&self, table: &TableEvidence) -> CreateIndex {
        CreateIndex {
            database: table.database.clone(),
            table: table.table.name.clone(),
            name: String::new(),
            keys: self.keys.clone(),
            include: self.include.clone(),
        }
    }
}

/// The candidates for one use, without regard to what exists. `popularity` tells how much time of all
/// statements goes by a column; the first key should be one that others can use too.
pub(crate) fn for_use(
    table: &TableEvidence,
    table_use: &TableUse,
    popularity: &dyn Fn(&str) -> f64,
    most_keys: usize,
) -> Vec<Candidate> {
    let usable = |column: &str| is_key(table, column);
    let distinct = |column: &str| table.distinct(column).unwrap_or(1.0);
    let mut equal: Vec<&Equality> =
        table_use.equalities.iter().filter(|equality| usable(&equality.column)).collect();
    // What leaves fewest rows first: of many NULLs, IS NULL leaves nearly all.
    let left = |equality: &Equality| table.share_left(equality).unwrap_or(1.0);
    equal.sort_by(|a, b| left(a).total_cmp(&left(b)));
    let mut equalities: Vec<&str> = equal.iter().map(|equality| equality.column.as_str()).collect();
    equalities.truncate(most_keys);
    let mut ranges: Vec<&str> = table_use.ranges.iter().map(String::as_str).filter(|c| usable(c)).collect();
    ranges.sort_by(|a, b| distinct(b).total_cmp(&distinct(a)));
    let joins: Vec<&str> = table_use.joins.iter().map(String::as_str).filter(|c| usable(c)).collect();
    let order = order_keys(table, table_use);

    let mut found = Vec::new();
    let mut orders = vec![equalities.clone()];
    let mut popular = equalities.clone();
    popular.sort_by(|a, b| popularity(b).total_cmp(&popularity(a)));
    orders.push(popular);
    for equalities in &orders {
        if let Some(first) = equalities.first() {
            found.push(Candidate::new(equalities, &[]));
            found.push(Candidate::new(&[*first], &[]));
            if let Some(range) = ranges.first() {
                found.push(Candidate::new(equalities, &[(*range, false)]));
            }
            if !order.is_empty() {
                found.push(Candidate::new(equalities, &order));
            }
        }
        for join in &joins {
            let mut joined = vec![*join];
            joined.extend(equalities.iter().filter(|column| **column != *join));
            found.push(Candidate::new(&joined, &[]));
            found.push(Candidate::new(&[*join], &[]));
            let mut last: Vec<&str> = equalities.iter().copied().filter(|column| column != join).collect();
            last.push(join);
            found.push(Candidate::new(&last, &[]));
        }
    }
    if equalities.is_empty() {
        for range in &ranges {
            found.push(Candidate::new(&[], &[(*range, false)]));
        }
        if table_use.limited && !order.is_empty() {
            found.push(Candidate::new(&[], &order));
        }
    }
    if let Some(widened) = found.first().and_then(|first| with_included(table, table_use, first)) {
        found.push(widened);
    }
    found.retain(|candidate| !candidate.keys.is_empty() && candidate.keys.len() <= most_keys);
    let mut once: Vec<Candidate> = Vec::new();
    for candidate in found {
        if !once.iter().any(|other| other.keys == candidate.keys && other.include == candidate.include) {
            once.push(candidate);
        }
    }
    once
}

/// Share of the rows that the candidate's equality keys leave for this use, on average.
pub(crate) fn equality_share(table: &TableEvidence, table_use: &TableUse, candidate: &Candidate) -> f64 {
    let equality =
        |key: &IndexKey| table_use.equalities.iter().find(|equality| equality.column == key.column);
    let leading = candidate.keys.iter().map_while(equality);
    leading.map(|equality| table.share_left(equality).unwrap_or(0.1)).product()
}

/// Whether a column can be a key.
pub(crate) fn is_key(table: &TableEvidence, column: &str) -> bool {
    let Some(column) = table.column(column) else { return false };
    let width = column.statistics.map_or(0, |statistics| statistics.average_width);
    let base = column.data_type.split('(').next().unwrap_or_default().trim();
    width <= WIDEST_KEY && !base.ends_with("[]") && !NOT_KEYS.contains(&base)
}

/// The ORDER BY as keys, if an index can give that order after the equality keys.
fn order_keys<'u>(table: &TableEvidence, table_use: &'u TableUse) -> Vec<(&'u str, bool)> {
    let several = table_use.equalities.iter().any(|equality| equality.several);
    let possible = table_use.order.iter().all(|key| !key.unusual_nulls && is_key(table, &key.column));
    if several || !possible {
        return Vec::new();
    }
    table_use.order.iter().map(|key| (key.column.as_str(), key.descending)).collect()
}

fn with_included(table: &TableEvidence, table_use: &TableUse, candidate: &Candidate) -> Option<Candidate> {
    let mentioned = table_use.mentioned.as_ref()?;
    let rows = table.rows() * equality_share(table, table_use, candidate);
    if rows < LEAST_ROWS_TO_INCLUDE || candidate.equality_keys == 0 {
        return None;
    }
    let is_in_keys = |column: &String| candidate.keys.iter().any(|key| key.column == *column);
    let include: Vec<String> = mentioned.iter().filter(|column| !is_in_keys(column)).cloned().collect();
    let mut width = 0;
    for column in &include {
        width += table.column(column)?.statistics?.average_width;
    }
    let narrow = !include.is_empty() && include.len() <= MOST_INCLUDED && width <= WIDEST_INCLUDED;
    narrow.then(|| Candidate { include, ..candidate.clone() })
}
