//! Plans as they are compared and answered. Pure.

use std::collections::HashSet;

use querysmith_shared::change::TableName;
use querysmith_shared::id::StatementId;
use querysmith_shared::observation::plan::PlanNode;
use querysmith_shared::wire::order::PlannedStatement;

use crate::engines::postgres::redact;

/// Plans of one answer are left out beyond this, so that it stays within the limit of an answer.
const MOST_PLAN_BYTES: usize = 10 << 20;
/// Costs that differ by less are the same.
const SAME_COST: f64 = 1e-6;

/// How many bytes of plans an answer holds already.
#[derive(Debug, Default)]
pub(super) struct Room {
    used: usize,
}

/// A plan, read and redacted.
#[derive(Debug)]
pub(super) struct Plan {
    text: Option<String>,
    cost: Result<f64, String>,
    shape: u64,
    tables: HashSet<(Option<String>, String)>,
    uses_candidate: bool,
}

impl Plan {
    /// Reads a plan, in which the imagined index is called `candidate`.
    pub(super) fn new(json: &str, candidate: Option<&str>, literals: bool) -> Self {
        let root = match PlanNode::from_postgres_json(json) {
            Ok(root) => root,
            Err(error) => {
                return Self {
                    text: None,
                    cost: Err(error.to_string()),
                    shape: 0,
                    tables: HashSet::new(),
                    uses_candidate: false,
                };
            }
        };
        let mut tables = HashSet::new();
        let mut uses_candidate = false;
        root.walk(&mut |node, _| {
            if let Some(relation) = &node.relation {
                tables.insert((node.schema.clone(), relation.clone()));
            }
            uses_candidate |= candidate.is_some() && node.index.as_deref() == candidate;
        });
        Self {
            text: redact::plan_json(json, literals),
            cost: Ok(root.total_cost),
            shape: root.shape_hash(),
            tables,
            uses_candidate,
        }
    }

    /// Whether `table` is in the plan.
    pub(super) fn touches(&self, table: &TableName) -> bool {
        self.tables.iter().any(|(schema, name)| {
            *name == table.name && schema.as_ref().is_none_or(|schema| *schema == table.schema)
        })
    }

    /// Whether it runs in another way or at another cost.
    pub(super) fn differs_from(&self, baseline: &Self) -> bool {
        let same_cost = match (&self.cost, &baseline.cost) {
            (Ok(a), Ok(b)) => (a - b).abs() <= b.abs() * SAME_COST,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        self.uses_candidate || self.shape != baseline.shape || !same_cost
    }

    /// The plan as it is answered; without its text once the answer is full.
    pub(super) fn answer(&self, statement: StatementId, room: &mut Room) -> PlannedStatement {
        let bytes = self.text.as_ref().map_or(0, String::len);
        let fits = room.used + bytes <= MOST_PLAN_BYTES;
        if fits {
            room.used += bytes;
        }
        PlannedStatement {
            statement,
            cost: self.cost.clone(),
            uses_candidate: self.uses_candidate,
            plan: self.text.clone().filter(|_| fits),
        }
    }
}

/// A statement that could not be planned.
pub(super) fn failed(statement: StatementId, reason: &str) -> PlannedStatement {
    PlannedStatement { statement, cost: Err(reason.to_owned()), uses_candidate: false, plan: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(node: &str, index: &str, cost: f64) -> Plan {
        let json = format!(
            r#"[{{"Plan": {{"Node Type": "{node}", "Relation Name": "orders", "Schema": "public", "Index Name": "{index}",
            "Total Cost": {cost}, "Index Cond": "(a = 'secret'::text)"}}}}]"#
        );
        Plan::new(&json, Some("<1>btree_orders_a"), false)
    }

    #[test]
    fn a_plan_differs_by_index_or_cost() {
        let baseline = plan("Index Scan", "old", 10.0);
        assert!(!plan("Index Scan", "old", 10.0).differs_from(&baseline));
        assert!(plan("Index Scan", "old", 9.0).differs_from(&baseline));
        assert!(plan("Index Scan", "<1>btree_orders_a", 10.0).differs_from(&baseline));
        assert!(plan("Index Scan", "<1>btree_orders_a", 10.0).uses_candidate);
        assert!(!plan("Index Scan", "old", 9.0).uses_candidate);
    }

    #[test]
    fn a_plan_touches_the_tables_in_it() {
        let name = |schema: &str, name: &str| TableName { schema: schema.into(), name: name.into() };
        let plan = plan("Seq Scan", "", 1.0);
        assert!(plan.touches(&name("public", "orders")));
        assert!(!plan.touches(&name("archive", "orders")));
        assert!(!plan.touches(&name("public", "customers")));
    }

    #[test]
    fn an_answer_is_redacted_and_bounded() {
        let plan = plan("Seq Scan", "", 1.0);
        let mut room = Room::default();
        let answered = plan.answer(StatementId(1), &mut room);
        assert!(!answered.plan.unwrap().contains("secret"));
        room.used = MOST_PLAN_BYTES;
        assert_eq!(plan.answer(StatementId(1), &mut room).plan, None);
    }
}
