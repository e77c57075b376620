//! Explain: a plan in words.

mod phrase;
mod remark;

use querysmith_shared::observation::plan::PlanNode;
use serde::{Deserialize, Serialize};

use crate::evidence::{PlannerSettings, TableEvidence};
use crate::words;

/// A plan in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanExplanation {
    /// What the plan does and where its cost is, in one sentence.
    pub headline: String,
    /// Its nodes, parents first.
    pub nodes: Vec<ExplainedNode>,
}

/// One node in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedNode {
    /// Its number, from 0 in order.
    pub id: usize,
    /// Its parent's number.
    pub parent: Option<usize>,
    /// Its depth.
    pub depth: usize,
    /// As the server calls it, `Seq Scan on orders`.
    pub node: String,
    /// What it does.
    pub words: String,
    /// Rows the planner expects of it.
    pub estimated_rows: f64,
    /// Its own cost, without its children's.
    pub cost_self: f64,
    /// Its own cost as a share of the whole, 0 to 1.
    pub cost_share: f64,
    /// The condition it checks.
    pub condition: Option<String>,
    /// What is worth noticing.
    pub remarks: Vec<Remark>,
}

/// Something worth noticing about a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// How much it matters.
    pub severity: RemarkSeverity,
    /// What it is.
    pub text: String,
}

/// How much a remark matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemarkSeverity {
    /// Good to know.
    Info,
    /// A likely cause of slowness.
    Warning,
}

/// What is known besides the plan; all of it may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// Tables of the statement's database.
    pub tables: &'a [TableEvidence],
    /// The planner's settings.
    pub settings: Option<&'a PlannerSettings>,
    /// Measured blocks of one call.
    pub blocks_per_call: Option<f64>,
    /// Measured rows of one call.
    pub rows_per_call: Option<f64>,
}

/// The plan in words.
pub fn explain(plan: &PlanNode, surroundings: &Surroundings<'_>) -> PlanExplanation {
    let mut nodes = Vec::new();
    let whole = plan.total_cost.max(f64::MIN_POSITIVE);
    add(plan, &Place { parent: None, depth: 0, loops: 1.0, whole }, surroundings, &mut nodes);
    PlanExplanation { headline: headline(plan, &nodes), nodes }
}

/// Where a node stands.
struct Place {
    parent: Option<usize>,
    depth: usize,
    /// Times it runs in one execution of the plan.
    loops: f64,
    /// Cost of the whole plan.
    whole: f64,
}

fn add(node: &PlanNode, place: &Place, surroundings: &Surroundings<'_>, nodes: &mut Vec<ExplainedNode>) {
    let id = nodes.len();
    let cost_self = own_cost(node) * place.loops;
    nodes.push(ExplainedNode {
        id,
        parent: place.parent,
        depth: place.depth,
        node: phrase::name(node),
        words: phrase::words(node),
        estimated_rows: node.rows,
        cost_self,
        cost_share: (cost_self / place.whole).clamp(0.0, 1.0),
        condition: phrase::condition(node),
        remarks: remark::remarks(node, place.loops, surroundings),
    });
    for (position, child) in node.children.iter().enumerate() {
        let inner = node.node_type == "Nested Loop" && position == 1;
        // A materialised or remembered input is not computed again for every row.
        let again = inner && !matches!(child.node_type.as_str(), "Materialize" | "Memoize");
        let outer = if again { node.children[0].rows.max(1.0) } else { 1.0 };
        let below = Place {
            parent: Some(id),
            depth: place.depth + 1,
            loops: place.loops * outer,
            whole: place.whole,
        };
        add(child, &below, surroundings, nodes);
    }
}

/// The cost of a node alone. The inner side of a nested loop is paid once for each outer row, and the total
/// has all of that in it; a LIMIT pays only for the part of its input that it takes.
fn own_cost(node: &PlanNode) -> f64 {
    match (node.node_type.as_str(), node.children.as_slice()) {
        ("Nested Loop", [outer, inner, ..]) => {
            (node.total_cost - outer.total_cost - inner.total_cost * outer.rows.max(1.0)).max(0.0)
        }
        ("Limit", _) => 0.0,
        _ => node.own_cost(),
    }
}

fn headline(plan: &PlanNode, nodes: &[ExplainedNode]) -> String {
    let dearest = nodes.iter().max_by(|a, b| a.cost_share.total_cmp(&b.cost_share));
    let rows = words::rows(plan.rows);
    let result = if plan.node_type == "ModifyTable" { "Changes rows" } else { "Returns" };
    let result =
        if plan.node_type == "ModifyTable" { result.to_owned() } else { format!("{result} about {rows}") };
    let Some(dearest) = dearest.filter(|node| node.cost_share > 0.0) else { return format!("{result}.") };
    let warning = nodes.iter().flat_map(|node| &node.remarks).find(|r| r.severity == RemarkSeverity::Warning);
    let mut text =
        format!("{result}; {} of the cost is in {}.", words::percent(dearest.cost_share), dearest.node);
    if let Some(warning) = warning {
        text.push(' ');
        text.push_str(&warning.text);
    }
    text
}
