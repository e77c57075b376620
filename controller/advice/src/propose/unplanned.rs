//! A guess of the cost with an index where the planner can't be asked (no hypopg).

use crate::evidence::{Evidence, TableEvidence};
use crate::index::candidate::{self, Candidate};
use crate::overview::StatementView;
use crate::scan;

/// Pages read from the root of a b-tree to a leaf, at most, for tables that fit on a disk.
const DESCENT_PAGES: f64 = 4.0;
/// Share of the rows that a range leaves, where its ends are unknown: the planner's own constant.
const RANGE_SHARE: f64 = 0.3333;

/// The natural log of cost after / before for one statement; `None` where the index would not serve it.
pub(super) fn guess(
    evidence: &Evidence,
    table: &TableEvidence,
    candidate: &Candidate,
    statement: &StatementView<'_>,
) -> Option<f64> {
    let plan = &statement.current_plan()?.plan;
    let name = &table.table.name;
    let scan = scan::scans(plan).into_iter().find(|scan| {
        scan.node.node_type == "Seq Scan"
            && scan.node.relation.as_deref() == Some(name.name.as_str())
            && scan.node.schema.as_ref().is_none_or(|schema| *schema == name.schema)
    })?;
    let table_use = statement.uses(name).next()?;
    let first = &candidate.keys.first()?.column;
    if !table_use.has_equality(first) && !table_use.ranges.contains(first) {
        return None;
    }
    let mut share = candidate::equality_share(table, table_use, candidate);
    if candidate.keys.iter().any(|key| table_use.ranges.contains(&key.column)) {
        share *= RANGE_SHARE;
    }
    let rows = (table.rows() * share).max(1.0);
    let settings = &evidence.settings;
    let fetched = rows.min(table.pages());
    let lookup = (DESCENT_PAGES + fetched) * settings.random_page_cost
        + rows * (settings.cpu_tuple_cost + settings.cpu_index_tuple_cost + settings.cpu_operator_cost);
    let before = plan.total_cost;
    let after = (before - scan.cost_share * before + lookup * scan.loops).max(lookup);
    (before > 0.0 && after < before).then(|| (after / before).ln())
}
