//! Plans: conditions without literals, and without the lists of output columns.

use serde_json::Value;

use super::expression;

/// Properties that are names or the server's own words.
const SAFE: [&str; 28] = [
    "Node Type",
    "Relation Name",
    "Schema",
    "Alias",
    "Index Name",
    "Parent Relationship",
    "Subplan Name",
    "CTE Name",
    "Join Type",
    "Strategy",
    "Partial Mode",
    "Scan Direction",
    "Operation",
    "Command",
    "Sort Method",
    "Sort Space Type",
    "Cache Mode",
    "Function Name",
    "Table Function Name",
    "Tuplestore Name",
    "Custom Plan Provider",
    "Conflict Resolution",
    "Conflict Arbiter Indexes",
    "Trigger Name",
    "Constraint Name",
    "Heap Fetches",
    "Query Identifier",
    "Storage",
];

/// Properties that say nothing about how a plan runs and are long.
const DROPPED: [&str; 2] = ["Output", "Query Identifier"];

/// Properties that are nearly always false, and then say nothing.
const DROPPED_IF_FALSE: [&str; 2] = ["Async Capable", "Parallel Aware"];

/// `EXPLAIN (FORMAT JSON)` in compact form, without literals unless `literals`. `None` if it is no JSON.
pub(crate) fn plan_json(text: &str, literals: bool) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    clean(&mut value, literals);
    serde_json::to_string(&value).ok()
}

// The depth is limited by serde_json, which reads no deeper than 128.
fn clean(value: &mut Value, literals: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, literals)),
        Value::Object(properties) => {
            for dropped in DROPPED {
                properties.remove(dropped);
            }
            for unless_true in DROPPED_IF_FALSE {
                if properties.get(unless_true) == Some(&Value::Bool(false)) {
                    properties.remove(unless_true);
                }
            }
            for (key, property) in properties.iter_mut() {
                if !SAFE.contains(&key.as_str()) {
                    clean(property, literals);
                }
            }
        }
        Value::String(text) if !literals => *text = expression(text),
        _ => {}
    }
}
