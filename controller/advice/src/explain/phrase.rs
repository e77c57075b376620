//! What each kind of node does, in words.

use querysmith_shared::observation::plan::PlanNode;

use crate::words;

/// As EXPLAIN's text form calls it.
pub(super) fn name(node: &PlanNode) -> String {
    let mut text = node.node_type.clone();
    if let Some(join) = node.join_type.as_deref().filter(|join| *join != "Inner") {
        text = match text.strip_suffix(" Join") {
            Some(kind) => format!("{kind} {join} Join"),
            None => format!("{text} {join} Join"),
        };
    }
    if let Some(index) = &node.index {
        text.push_str(&format!(" using {index}"));
    }
    if let Some(relation) = &node.relation {
        text.push_str(&format!(" on {relation}"));
        if let Some(alias) = node.alias.as_ref().filter(|alias| *alias != relation) {
            text.push_str(&format!(" {alias}"));
        }
    }
    text
}

/// The condition it checks, the most telling one.
pub(super) fn condition(node: &PlanNode) -> Option<String> {
    let conditions = [&node.index_condition, &node.join_condition, &node.filter, &node.recheck_condition];
    let all: Vec<String> = conditions.into_iter().flatten().cloned().collect();
    (!all.is_empty()).then(|| {
        let mut once: Vec<String> = Vec::new();
        for condition in all {
            if !once.contains(&condition) {
                once.push(condition);
            }
        }
        once.join(" and ")
    })
}

/// What the node does.
pub(super) fn words(node: &PlanNode) -> String {
    let table = node.relation.as_deref().unwrap_or("its table");
    let index = node.index.as_deref().unwrap_or("an index");
    let filter = if node.filter.is_some() { ", keeping those that pass the filter" } else { "" };
    match node.node_type.as_str() {
        "Seq Scan" => format!("Reads all of {table}{filter}."),
        "Sample Scan" => format!("Reads a sample of {table}{filter}."),
        "Index Scan" => match &node.index_condition {
            Some(_) => format!("Finds rows of {table} by {index} and fetches them{filter}."),
            None => format!("Reads {table} in the order of {index}{filter}."),
        },
        "Index Only Scan" => {
            format!("Answers from {index} alone, visiting {table} only for recently changed pages{filter}.")
        }
        "Bitmap Index Scan" => format!("Collects the addresses of matching rows from {index}."),
        "Bitmap Heap Scan" => {
            format!("Fetches the collected rows of {table} in the order they are stored{filter}.")
        }
        "BitmapAnd" => "Keeps the addresses that all of its inputs have.".to_owned(),
        "BitmapOr" => "Joins the addresses of its inputs.".to_owned(),
        "Tid Scan" | "Tid Range Scan" => format!("Fetches rows of {table} by their address."),
        "Nested Loop" => "For each row of the first input, looks for its partners in the second.".to_owned(),
        "Hash Join" => {
            "Puts the second input into a hash table and looks up each row of the first.".to_owned()
        }
        "Merge Join" => "Walks through both inputs in the same order, side by side.".to_owned(),
        "Hash" => "Builds the hash table for the join above.".to_owned(),
        "Memoize" => "Remembers what it found, for rows with the same key.".to_owned(),
        "Materialize" => "Keeps its input, to read it again.".to_owned(),
        "Sort" => format!("Sorts by {}.", keys(&node.sort_keys)),
        "Incremental Sort" => {
            format!("Sorts by {}; the first keys are in order already.", keys(&node.sort_keys))
        }
        "Aggregate" if node.group_keys.is_empty() => "Computes one result over all rows.".to_owned(),
        "Aggregate" | "Group" => format!("Groups by {}.", keys(&node.group_keys)),
        "WindowAgg" => "Computes window functions.".to_owned(),
        "Unique" => "Drops duplicates of neighbouring rows.".to_owned(),
        "Limit" => format!("Stops after {}.", words::rows(node.rows)),
        "Gather" => format!("Collects the rows of {} parallel workers.", words::number(node.workers)),
        "Gather Merge" => {
            format!("Collects the rows of {} parallel workers, in order.", words::number(node.workers))
        }
        "Append" => "Puts out its inputs one after the other.".to_owned(),
        "Merge Append" => "Merges its sorted inputs.".to_owned(),
        "ModifyTable" => format!("Writes the rows to {table}."),
        "LockRows" => "Locks the rows it puts out.".to_owned(),
        "Subquery Scan" => "Puts out the rows of a sub-query.".to_owned(),
        "CTE Scan" => "Reads what the common table expression gave.".to_owned(),
        "Function Scan" => "Reads what a function returns.".to_owned(),
        "Values Scan" => "Reads a list of values.".to_owned(),
        "SetOp" => "Compares two inputs row by row.".to_owned(),
        "Result" => "Computes a row without reading a table.".to_owned(),
        other => format!("{other}."),
    }
}

fn keys(keys: &[String]) -> String {
    if keys.is_empty() { "its keys".to_owned() } else { words::list(keys) }
}
