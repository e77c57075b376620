//! Missing index: a statement reads many rows of a table to keep few.
//!
//! Judged by what an index could skip (rows of the table against rows the conditions leave), confirmed by the
//! blocks the statement really reads; never by the rows it puts out.

mod report;

use querysmith_shared::change::TableName;
use querysmith_shared::observation::plan::{PlanNode, PlanOrigin};
use querysmith_shared::observation::schema::Index;

use crate::evidence::{Evidence, TableEvidence};
use crate::finding::Finding;
use crate::index::candidate::{self, Candidate};
use crate::index::coverage;
use crate::overview::{Overview, StatementView};
use crate::scan::{self, Scan};
use crate::statement::TableUse;

/// What is wrong with one scan.
struct Waste<'a> {
    table: &'a TableEvidence,
    table_use: &'a TableUse,
    pattern: Pattern,
    /// Rows read by one execution.
    read: f64,
    /// Rows of those that the conditions keep.
    kept: f64,
    /// Share of the statement's time that goes into what could be skipped.
    lost_share: f64,
    blocks_per_call: f64,
    /// The index that would serve if it were valid.
    invalid: Option<&'a Index>,
}

/// How the rows are wasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    /// A sequential scan with a filter.
    Filter,
    /// A sequential scan that is sorted to put out the first few rows.
    Top,
    /// A sequential scan that a join needs few rows of.
    Join,
    /// An index that finds many rows of which a filter keeps few.
    WideIndex,
    /// An index that gives only the order in which rows are read until enough pass the filter.
    Walk,
}

/// The missing indexes that the evidence shows. Tables in `stale` are left out: what the planner says of them
/// is not to be believed before they are analysed.
pub(super) fn detect(overview: &Overview<'_>, stale: &[&TableEvidence]) -> Vec<Finding> {
    let thresholds = &overview.evidence.thresholds;
    let mut findings = Vec::new();
    for statement in &overview.statements {
        let enough = statement.time_share >= thresholds.missing_index.least_time_share
            && statement.ms_per_hour >= thresholds.sight.least_ms_per_hour
            && statement.recent.calls >= thresholds.missing_index.least_calls;
        if !enough {
            continue;
        }
        let mut worst: Vec<Waste<'_>> = Vec::new();
        for waste in wastes(overview, statement) {
            if stale.iter().any(|table| std::ptr::eq(*table, waste.table)) {
                continue;
            }
            match worst.iter_mut().find(|other| std::ptr::eq(other.table, waste.table)) {
                Some(other) if other.lost_share >= waste.lost_share => {}
                Some(other) => *other = waste,
                None => worst.push(waste),
            }
        }
        findings
            .extend(worst.iter().filter_map(|waste| report::finding(overview.evidence, statement, waste)));
    }
    findings
}

/// The table whose scan wastes most of a statement's time, if one does.
pub(super) fn worst_table(overview: &Overview<'_>, statement: &StatementView<'_>) -> Option<TableName> {
    let mut all = wastes(overview, statement);
    all.sort_by(|a, b| b.lost_share.total_cmp(&a.lost_share));
    all.first().map(|waste| waste.table.table.name.clone())
}

fn wastes<'a>(overview: &'a Overview<'a>, statement: &'a StatementView<'a>) -> Vec<Waste<'a>> {
    let (Some(plan), Some(shape)) = (statement.current_plan(), statement.shape.as_ref()) else {
        return Vec::new();
    };
    let Some(catalog) = overview.catalog(&statement.evidence.database) else { return Vec::new() };
    let mut found = Vec::new();
    for scan in scan::scans(&plan.plan) {
        let Some(name) = scan.node.relation.as_deref() else { continue };
        let Some(table) = catalog.find(scan.node.schema.as_deref(), name, &[]) else { continue };
        let alias = scan.node.alias.as_deref().unwrap_or(name);
        let mut uses = shape.uses.iter().filter(|table_use| table_use.table == table.table.name);
        let Some(table_use) = uses.clone().find(|table_use| table_use.alias == alias).or_else(|| uses.next())
        else {
            continue;
        };
        found.extend(judge(overview.evidence, statement, table, table_use, &scan, plan.origin));
    }
    found
}

fn judge<'a>(
    evidence: &Evidence,
    statement: &StatementView<'_>,
    table: &'a TableEvidence,
    table_use: &'a TableUse,
    scan: &Scan<'_>,
    origin: PlanOrigin,
) -> Option<Waste<'a>> {
    let thresholds = &evidence.thresholds.missing_index;
    let blocks_per_call = statement.latest.blocks_per_call();
    if !table.indexable() || table.pages() < thresholds.least_pages as f64 {
        return None;
    }
    let sequential = scan.node.node_type == "Seq Scan";
    let (pattern, read, kept, confirmed_by) = if sequential {
        let read = table.rows();
        let (pattern, kept) = sequential_waste(evidence, table, table_use, scan, origin, read)?;
        (pattern, read, kept, table.pages())
    } else if let Some(read) = rows_found(table, table_use, scan) {
        (Pattern::WideIndex, read, (scan.rows * scan.loops).max(1.0), (read * 0.2).min(table.pages()))
    } else {
        // At least one row was read from each block: so many can be told for certain.
        let kept = walked(table, table_use, scan)?;
        (Pattern::Walk, blocks_per_call, kept, 0.0)
    };
    let confirmed = blocks_per_call >= thresholds.blocks_confirm * confirmed_by;
    let wasteful = kept <= thresholds.most_kept * read && read - kept >= thresholds.least_removed;
    if !confirmed || !wasteful {
        return None;
    }
    let invalid = match served_by(evidence, table, table_use)? {
        Serves::New => None,
        Serves::Invalid(index) => Some(index),
    };
    let lost_share = scan.cost_share * (1.0 - kept / read.max(1.0));
    Some(Waste { table, table_use, pattern, read, kept, lost_share, blocks_per_call, invalid })
}

/// What a sequential scan is for, and how many of the rows an index would have to read.
fn sequential_waste(
    evidence: &Evidence,
    table: &TableEvidence,
    table_use: &TableUse,
    scan: &Scan<'_>,
    origin: PlanOrigin,
    read: f64,
) -> Option<(Pattern, f64)> {
    let most = evidence.thresholds.missing_index.most_kept * read;
    // The planner scales its estimate by the rows it believes in.
    let believed = table.planned_rows().max(1.0);
    let planned = scan.rows / believed * read;
    if scan.node.filter.is_some() {
        let usable =
            |column: &str| candidate::is_key(table, column) && !is_cast(scan.node, &table_use.alias, column);
        let equal: Vec<f64> = table_use
            .equalities
            .iter()
            .filter(|equality| usable(&equality.column))
            .map(|equality| table.share_left(equality).unwrap_or(0.0))
            .collect();
        // For a range of unknown ends the planner has nothing but a constant (a third, or 0.5 %): that is no
        // evidence. With values it has its histogram.
        let ranged = origin == PlanOrigin::Representative && table_use.ranges.iter().any(|c| usable(c));
        if !equal.is_empty() || ranged {
            // What the equality columns leave must be read at least, unless a range narrows it further.
            let by_equality = if ranged { 0.0 } else { equal.iter().product::<f64>() * read };
            let kept = planned.max(by_equality).max(1.0);
            if kept <= most {
                return Some((Pattern::Filter, kept));
            }
        }
    }
    if let Some(limit) = scan.sorted_limit
        && !table_use.order.is_empty()
    {
        // In the order of an index, rows are read until enough pass the filter.
        let passing = if scan.node.filter.is_some() { planned.clamp(1.0, read.max(1.0)) } else { read };
        let kept = (limit * read / passing.max(1.0)).max(1.0);
        if kept <= most {
            return Some((Pattern::Top, kept));
        }
    }
    if let Some(join) = scan.join
        && table_use.joins.iter().any(|column| candidate::is_key(table, column))
    {
        let distinct = table_use.joins.iter().filter_map(|column| table.distinct(column)).fold(1.0, f64::max);
        let kept = join.other_rows * (read / distinct).max(1.0);
        let lookups = join.other_rows <= evidence.thresholds.propose.outer_rows;
        if kept <= most * 0.1 && lookups && join.node.total_cost > 0.0 {
            return Some((Pattern::Join, kept));
        }
    }
    None
}

/// The filter compares the column as another type: `((o.customer_id)::numeric = $1)`. A plain index does not serve
/// that, except where the cast changes nothing but the name of a text.
fn is_cast(node: &PlanNode, alias: &str, column: &str) -> bool {
    let Some(filter) = &node.filter else { return false };
    let names = [format!("({column})::"), format!("({alias}.{column})::"), format!("(\"{column}\")::")];
    names.iter().any(|name| {
        let mut casts = filter.match_indices(name.as_str()).map(|(at, _)| &filter[at + name.len()..]);
        casts.any(|cast| !cast.starts_with("text") && !cast.starts_with("character varying"))
    })
}

/// Rows that the index of a scan finds before the filter looks at them; `None` where nothing is filtered, or
/// it can't be told.
fn rows_found(table: &TableEvidence, table_use: &TableUse, scan: &Scan<'_>) -> Option<f64> {
    scan.node.filter.as_ref()?;
    let bitmap = scan.node.children.iter().find(|child| child.node_type == "Bitmap Index Scan");
    let name = scan.node.index.as_ref().or_else(|| bitmap.and_then(|child| child.index.as_ref()))?;
    let index = table.table.indexes.iter().find(|index| index.name == *name)?;
    if index.predicate.is_some() || scan.sorted_limit.is_some() {
        return None;
    }
    if let Some(bitmap) = bitmap {
        return Some(bitmap.rows * scan.loops);
    }
    let compared =
        |column: &str| table_use.has_equality(column) || table_use.joins.iter().any(|j| j == column);
    let mut share = 1.0;
    for key in index.keys.iter().take_while(|key| compared(&key.column)) {
        share *= table.equality_selectivity(&key.column)?;
    }
    (share < 1.0).then(|| table.rows() * share * scan.loops)
}

/// Rows that the equality columns would leave, of a table that is read in the order of an index until enough rows
/// pass the filter; `None` where it is not read like that.
fn walked(table: &TableEvidence, table_use: &TableUse, scan: &Scan<'_>) -> Option<f64> {
    let walks = scan.node.node_type.starts_with("Index") && scan.node.index_condition.is_none();
    let usable: Vec<_> =
        table_use.equalities.iter().filter(|equality| candidate::is_key(table, &equality.column)).collect();
    if !walks || scan.node.filter.is_none() || usable.is_empty() {
        return None;
    }
    let share: Option<f64> = usable.iter().map(|equality| table.share_left(equality)).product();
    Some((share? * table.rows()).max(1.0))
}

/// What could serve a use.
enum Serves<'a> {
    /// An index that is not there.
    New,
    /// One that is there but not valid: its build goes on, or has failed.
    Invalid(&'a Index),
}

/// What could serve this use; `None` where nothing could, or the planner has all it needs.
fn served_by<'a>(evidence: &Evidence, table: &'a TableEvidence, table_use: &TableUse) -> Option<Serves<'a>> {
    let most_keys = evidence.thresholds.propose.most_keys;
    let candidates = candidate::for_use(table, table_use, &|_| 0.0, most_keys);
    // The fullest candidate decides: if that is there already, the planner has what it needs.
    let fullest = candidates.iter().find(|candidate: &&Candidate| candidate.include.is_empty())?;
    let mut there = table.table.indexes.iter().filter(|index| coverage::covers(index, fullest)).peekable();
    let Some(first) = there.peek().copied() else { return Some(Serves::New) };
    there.all(|index| !index.valid).then_some(Serves::Invalid(first))
}
