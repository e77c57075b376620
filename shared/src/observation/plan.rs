//! Query plans: as they travel (the server's JSON, redacted) and as a tree to read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::StatementId;
use crate::timestamp::Timestamp;
use crate::wire::bounded;

/// Most plans of one message.
pub const MAX_PLANS: usize = 500;
/// Deepest plan that is read; deeper ones are refused instead of overflowing the stack.
pub const MAX_DEPTH: usize = 200;

/// Plans of one instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plans {
    /// The plans, or why there is none.
    #[serde(deserialize_with = "bounded::vec::<MAX_PLANS, _, _>")]
    pub plans: Vec<PlanObservation>,
}

/// The plan of one statement, or why it could not be had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanObservation {
    /// Which statement.
    pub statement: StatementId,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// What the parameters were.
    pub origin: PlanOrigin,
    /// `EXPLAIN (FORMAT JSON)` without literals, or the redacted reason why there is none.
    pub plan: Result<String, String>,
}

/// What stood for the parameters of a planned statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOrigin {
    /// None: the statement has none, or the planner was asked for a plan for any values.
    Generic,
    /// Values picked on the host from the column statistics.
    Representative,
}

/// One node of a plan, engine-neutral. Costs and rows are the planner's estimates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanNode {
    /// What it does: `Seq Scan`, `Nested Loop` … as the server calls it.
    pub node_type: String,
    /// Table it reads.
    pub relation: Option<String>,
    /// Schema of that table.
    pub schema: Option<String>,
    /// Alias of that table in the statement.
    pub alias: Option<String>,
    /// Index it uses.
    pub index: Option<String>,
    /// Role in its parent: `Outer`, `Inner`, `SubPlan`, `InitPlan` …
    pub parent_relationship: Option<String>,
    /// Name of the sub-plan or common table expression.
    pub subplan: Option<String>,
    /// Join type: `Inner`, `Left`, `Anti` …
    pub join_type: Option<String>,
    /// Condition checked on each row.
    pub filter: Option<String>,
    /// Condition answered by the index.
    pub index_condition: Option<String>,
    /// Condition rechecked on the heap.
    pub recheck_condition: Option<String>,
    /// Condition of a hash or merge join, or of a join filter.
    pub join_condition: Option<String>,
    /// Keys it sorts by.
    pub sort_keys: Vec<String>,
    /// Keys it groups by.
    pub group_keys: Vec<String>,
    /// Columns it puts out, where the plan is verbose.
    pub output: Vec<String>,
    /// Cost before the first row.
    pub startup_cost: f64,
    /// Cost of everything, children included.
    pub total_cost: f64,
    /// Rows it puts out, for one execution.
    pub rows: f64,
    /// Width of a row, bytes.
    pub width: f64,
    /// Workers planned.
    pub workers: f64,
    /// Nodes it takes its rows from, and sub-plans.
    pub children: Vec<PlanNode>,
}

/// The text is not a plan that can be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is not JSON.
    #[error("the plan is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// It is JSON, but not of EXPLAIN.
    #[error("the JSON has no plan in it")]
    NoPlan,
    /// It is deeper than [`MAX_DEPTH`].
    #[error("the plan is deeper than {MAX_DEPTH} nodes")]
    TooDeep,
}

impl PlanNode {
    /// Reads PostgreSQL's `EXPLAIN (FORMAT JSON)`, of any version; unknown properties are passed over.
    pub fn from_postgres_json(text: &str) -> Result<Self, PlanError> {
        let value: Value = serde_json::from_str(text).map_err(PlanError::NotJson)?;
        let root = match &value {
            Value::Array(items) => items.first().ok_or(PlanError::NoPlan)?,
            other => other,
        };
        let plan = root.get("Plan").ok_or(PlanError::NoPlan)?;
        node(plan, 0)
    }

    /// Cost of this node alone: its total less its children's, never below zero. A LIMIT stops its child
    /// early, so there the child's full cost is not charged to it.
    pub fn own_cost(&self) -> f64 {
        let children: f64 = self.children.iter().map(|child| child.total_cost).sum();
        (self.total_cost - children).max(0.0)
    }

    /// Visits this node and everything below it, parents first, with the depth of each.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self, usize)) {
        self.walk_from(0, visit);
    }

    fn walk_from<'a>(&'a self, depth: usize, visit: &mut dyn FnMut(&'a Self, usize)) {
        visit(self, depth);
        for child in &self.children {
            child.walk_from(depth + 1, visit);
        }
    }

    /// A hash of what the plan does (nodes, tables, indexes, join types), not of costs or conditions: two
    /// plans of equal shape run the same way.
    pub fn shape_hash(&self) -> u64 {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        self.walk(&mut |node, depth| {
            hash.update((depth as u64).to_le_bytes());
            for part in [
                Some(&node.node_type),
                node.schema.as_ref(),
                node.relation.as_ref(),
                node.index.as_ref(),
                node.join_type.as_ref(),
            ] {
                hash.update(part.map_or("", String::as_str).as_bytes());
                hash.update([0]);
            }
        });
        let digest = hash.finalize();
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        u64::from_le_bytes(head)
    }
}

fn node(value: &Value, depth: usize) -> Result<PlanNode, PlanError> {
    if depth > MAX_DEPTH {
        return Err(PlanError::TooDeep);
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let number = |key: &str| value.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let list = |key: &str| -> Vec<String> {
        let items = value.get(key).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let children = match value.get("Plans").and_then(Value::as_array) {
        Some(plans) => plans.iter().map(|plan| node(plan, depth + 1)).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    Ok(PlanNode {
        node_type: text("Node Type").ok_or(PlanError::NoPlan)?,
        relation: text("Relation Name"),
        schema: text("Schema"),
        alias: text("Alias"),
        index: text("Index Name"),
        parent_relationship: text("Parent Relationship"),
        subplan: text("Subplan Name").or_else(|| text("CTE Name")),
        join_type: text("Join Type"),
        filter: text("Filter").or_else(|| text("One-Time Filter")),
        index_condition: text("Index Cond"),
        recheck_condition: text("Recheck Cond"),
        join_condition: text("Hash Cond").or_else(|| text("Merge Cond")).or_else(|| text("Join Filter")),
        sort_keys: list("Sort Key"),
        group_keys: list("Group Key"),
        output: list("Output"),
        startup_cost: number("Startup Cost"),
        total_cost: number("Total Cost"),
        rows: number("Plan Rows"),
        width: number("Plan Width"),
        workers: number("Workers Planned"),
        children,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"[{"Plan": {"Node Type": "Limit", "Startup Cost": 1.0, "Total Cost": 10.0, "Plan Rows": 20,
        "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "orders", "Schema": "public",
        "Alias": "o", "Total Cost": 8.0, "Plan Rows": 40, "Filter": "(customer_id = $1)", "Something New": {"a": 1}}]}}]"#;

    #[test]
    fn a_plan_is_read_and_unknown_properties_are_passed_over() {
        let plan = PlanNode::from_postgres_json(PLAN).unwrap();
        assert_eq!(plan.node_type, "Limit");
        assert_eq!(plan.children[0].relation.as_deref(), Some("orders"));
        assert!((plan.own_cost() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_shape_does_not_depend_on_costs_or_conditions() {
        let plan = PlanNode::from_postgres_json(PLAN).unwrap();
        let dearer = PlanNode::from_postgres_json(&PLAN.replace("10.0", "99.0").replace("$1", "$2")).unwrap();
        let other = PlanNode::from_postgres_json(&PLAN.replace("Seq Scan", "Index Scan")).unwrap();
        assert_eq!(plan.shape_hash(), dearer.shape_hash());
        assert_ne!(plan.shape_hash(), other.shape_hash());
    }

    #[test]
    fn what_is_not_a_plan_is_an_error() {
        for text in ["", "null", "[]", "{}", r#"{"Plan": 3}"#, r#"[{"Plan": {}}]"#] {
            assert!(PlanNode::from_postgres_json(text).is_err(), "{text}");
        }
        // serde_json itself refuses what is nested deeper than 128; our own limit stands behind it.
        let deep = format!(
            "{}{{\"Node Type\":\"Result\"}}{}",
            "{\"Node Type\":\"Append\",\"Plans\":[".repeat(5000),
            "]}".repeat(5000)
        );
        assert!(PlanNode::from_postgres_json(&format!("[{{\"Plan\":{deep}}}]")).is_err());
    }
}
