//! What is worth noticing about a node.

use querysmith_shared::observation::plan::PlanNode;

use super::{Remark, RemarkSeverity, Surroundings};
use crate::evidence::TableEvidence;
use crate::words;

/// Tables smaller than this are read in no time, pages.
const SMALL_TABLE_PAGES: f64 = 128.0;
/// A filter that keeps no more than this share is selective.
const SELECTIVE: f64 = 0.1;
/// Runs of the inner side from which on a nested loop is worth a look.
const MANY_LOOPS: f64 = 1_000.0;
/// The planner's rows and the real ones differ by this factor.
const FAR_OFF: f64 = 10.0;

/// The remarks on a node that runs `loops` times.
pub(super) fn remarks(node: &PlanNode, loops: f64, surroundings: &Surroundings<'_>) -> Vec<Remark> {
    let table = table(node, surroundings);
    let mut found = Vec::new();
    found.extend(sequential(node, loops, table, surroundings));
    found.extend(nested_loop(node));
    found.extend(spill(node, surroundings));
    found.extend(whole_index(node));
    found.extend(belief(node, table));
    if node.parent_relationship.as_deref() == Some("SubPlan") {
        found.push(info("Runs again for every row of the query around it.".to_owned()));
    }
    found
}

fn table<'a>(node: &PlanNode, surroundings: &Surroundings<'a>) -> Option<&'a TableEvidence> {
    let name = node.relation.as_deref()?;
    let fits = |table: &&TableEvidence| {
        table.table.name.name == name
            && node.schema.as_ref().is_none_or(|schema| *schema == table.table.name.schema)
    };
    surroundings.tables.iter().find(fits)
}

fn sequential(
    node: &PlanNode,
    loops: f64,
    table: Option<&TableEvidence>,
    surroundings: &Surroundings<'_>,
) -> Option<Remark> {
    if node.node_type != "Seq Scan" {
        return None;
    }
    let table = table?;
    let (rows, pages) = (table.rows(), table.pages());
    if pages < SMALL_TABLE_PAGES {
        return Some(info("A small table: reading all of it is the fastest way.".to_owned()));
    }
    if loops >= 2.0 {
        return Some(warning(format!(
            "Reads the whole table again for each of {} outer rows.",
            words::number(loops)
        )));
    }
    let kept = node.rows / rows.max(1.0);
    if node.filter.is_none() || kept > SELECTIVE {
        let share = if node.filter.is_none() { "all".to_owned() } else { words::percent(kept.min(1.0)) };
        return Some(info(format!(
            "Needs {share} of the {} rows, so no index would help.",
            words::number(rows)
        )));
    }
    let measured = surroundings.blocks_per_call.map_or_else(String::new, |blocks| {
        if blocks >= pages / 2.0 {
            format!(" Calls really read {} blocks.", words::number(blocks))
        } else {
            format!(" But calls read only {} blocks, so most run by another plan.", words::number(blocks))
        }
    });
    Some(warning(format!(
        "Reads {} rows to keep about {}.{measured}",
        words::number(rows),
        words::number(node.rows.max(1.0))
    )))
}

fn nested_loop(node: &PlanNode) -> Option<Remark> {
    let [outer, inner, ..] = node.children.as_slice() else { return None };
    if node.node_type != "Nested Loop" || outer.rows < MANY_LOOPS {
        return None;
    }
    let remembered = matches!(inner.node_type.as_str(), "Materialize" | "Memoize");
    let text = format!("Runs its second input {} times.", words::number(outer.rows));
    Some(if remembered { info(text) } else { warning(text) })
}

/// A sort or a hash table that does not fit into work_mem goes to disk.
fn spill(node: &PlanNode, surroundings: &Surroundings<'_>) -> Option<Remark> {
    let settings = surroundings.settings?;
    let hash = node.node_type == "Hash";
    if !hash && node.node_type != "Sort" {
        return None;
    }
    // A row in memory has a header and pointers besides its columns.
    let bytes = node.rows * (node.width + if hash { 40.0 } else { 24.0 });
    let limit = settings.work_mem_bytes as f64 * if hash { 2.0 } else { 1.0 };
    (bytes > limit).then(|| {
        warning(format!(
            "Needs about {} of memory, more than work_mem allows ({}): it goes to disk.",
            words::bytes(bytes),
            words::bytes(limit)
        ))
    })
}

fn whole_index(node: &PlanNode) -> Option<Remark> {
    let filtered = node.filter.is_some() && node.node_type.starts_with("Index");
    match (&node.index_condition, filtered) {
        (None, true) => Some(warning(
            "The index gives only the order: every row is read until enough pass the filter.".to_owned(),
        )),
        (Some(_), true) => {
            Some(info("Part of the condition is checked only after the rows are fetched.".to_owned()))
        }
        _ => None,
    }
}

/// The planner believes in another size of the table than the server counts.
fn belief(node: &PlanNode, table: Option<&TableEvidence>) -> Option<Remark> {
    let table = table.filter(|_| node.node_type.ends_with("Scan"))?;
    let activity = table.activity.as_ref().filter(|activity| activity.live_rows > 0)?;
    let (believed, real) = (f64::from(activity.planner_rows).max(1.0), table.rows().max(1.0));
    let apart = (believed / real).max(real / believed);
    (apart >= FAR_OFF).then(|| {
        warning(format!(
            "The statistics are of a time when the table had {} rows; it has {}: estimates here are not to be trusted.",
            words::number(believed),
            words::number(real)
        ))
    })
}

fn info(text: String) -> Remark {
    Remark { severity: RemarkSeverity::Info, text }
}

fn warning(text: String) -> Remark {
    Remark { severity: RemarkSeverity::Warning, text }
}
