//! The scans of a plan, with what is around each: how often it runs and what it really puts out.

use querysmith_shared::observation::plan::PlanNode;

/// One scan of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan<'p> {
    pub(crate) node: &'p PlanNode,
    /// Times it is run in one execution of the plan.
    pub(crate) loops: f64,
    /// Rows it puts out in one run, of all parallel workers together.
    pub(crate) rows: f64,
    /// The join it is a direct input of.
    pub(crate) join: Option<Join<'p>>,
    /// A LIMIT of this many rows takes from a sort that takes from this scan.
    pub(crate) sorted_limit: Option<f64>,
    /// Cost of all its runs as a share of the plan's cost, 0 to 1.
    pub(crate) cost_share: f64,
}

/// A join above a scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Join<'p> {
    pub(crate) node: &'p PlanNode,
    /// Rows of the other input.
    pub(crate) other_rows: f64,
}

#[derive(Clone, Copy)]
struct Context<'p> {
    loops: f64,
    workers: f64,
    join: Option<Join<'p>>,
    limit: Option<f64>,
    sorted_limit: Option<f64>,
}

/// The scans of tables in a plan, in its order.
pub(crate) fn scans(plan: &PlanNode) -> Vec<Scan<'_>> {
    let mut found = Vec::new();
    let top = Context { loops: 1.0, workers: 1.0, join: None, limit: None, sorted_limit: None };
    visit(plan, top, plan.total_cost.max(f64::MIN_POSITIVE), &mut found);
    found
}

fn visit<'p>(node: &'p PlanNode, context: Context<'p>, whole: f64, found: &mut Vec<Scan<'p>>) {
    if node.relation.is_some() && node.node_type.ends_with("Scan") {
        let cost_share = (node.total_cost * context.loops / whole).clamp(0.0, 1.0);
        found.push(Scan {
            node,
            loops: context.loops,
            rows: node.rows * context.workers,
            join: context.join,
            sorted_limit: context.sorted_limit,
            cost_share,
        });
    }
    let inputs: Vec<&PlanNode> = node.children.iter().filter(|child| !is_subplan(child)).collect();
    for child in &node.children {
        let mut below = Context { join: None, limit: None, ..context };
        match node.node_type.as_str() {
            "Limit" => below.limit = Some(node.rows),
            "Gather" | "Gather Merge" => {
                below.workers = parallel_divisor(node.workers);
                below.limit = context.limit;
            }
            "Sort" | "Incremental Sort" => below.sorted_limit = context.limit,
            "Hash" | "Materialize" | "Memoize" => below.join = context.join,
            "Result" | "Append" | "Subquery Scan" => below.limit = context.limit,
            _ => below.sorted_limit = None,
        }
        if let [outer, inner] = inputs.as_slice()
            && (node.node_type == "Nested Loop" || node.node_type.ends_with("Join"))
        {
            let is_inner = std::ptr::eq(*inner, child);
            let other = if is_inner { outer } else { inner };
            below.join = Some(Join { node, other_rows: other.rows * context.workers });
            // A materialised inner side is read from the table once.
            if node.node_type == "Nested Loop" && is_inner && child.node_type != "Materialize" {
                below.loops = context.loops * outer.rows.max(1.0);
            }
        }
        visit(child, below, whole, found);
    }
}

fn is_subplan(node: &PlanNode) -> bool {
    matches!(node.parent_relationship.as_deref(), Some("SubPlan" | "InitPlan"))
}

/// By how much a parallel plan divides its rows: the workers and the part the leader has time for, as the
/// planner itself reckons (`get_parallel_divisor`).
fn parallel_divisor(workers: f64) -> f64 {
    workers + (1.0 - 0.3 * workers).max(0.0)
}
