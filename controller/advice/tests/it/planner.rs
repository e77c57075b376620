//! The planner's answers to what-if questions, as hypopg gave them on the shop.

use std::collections::{BTreeMap, HashMap};

use querysmith_advice::evidence::Evidence;
use querysmith_advice::propose::question::Question;
use querysmith_shared::change::CreateIndex;
use querysmith_shared::wire::order::{CandidateAnswer, PlannedStatement, WhatIfAnswer};
use serde::Deserialize;

const ANSWERS: &str = include_str!("../fixtures/shop/answers.json");
const WAREHOUSE_ANSWERS: &str = include_str!("../fixtures/shop/warehouse_answers.json");

/// One imagined index: its size and the plans of the statements that change, by name.
#[derive(Deserialize)]
struct Imagined {
    bytes: u64,
    plans: HashMap<String, serde_json::Value>,
}

/// Answers a question the way the agent would. A candidate that is not in the fixtures fails the test, with the
/// text under which it is missed.
pub(crate) fn answer(evidence: &Evidence, question: &Question, names: &[&str]) -> WhatIfAnswer {
    let read = |text: &str| -> BTreeMap<String, Imagined> {
        serde_json::from_str(text).expect("the fixture is as the types")
    };
    let mut answers = read(ANSWERS);
    answers.extend(read(WAREHOUSE_ANSWERS));
    let named: HashMap<_, _> = names.iter().map(|name| (crate::shop::id(name), *name)).collect();
    let mut missed = Vec::new();
    let mut candidates = Vec::new();
    for candidate in &question.candidates {
        let key = key(candidate);
        let Some(imagined) = answers.get(&key) else {
            missed.push(key);
            continue;
        };
        let changed = question.statements.iter().filter_map(|id| {
            let plan = imagined.plans.get(*named.get(id)?)?;
            Some(planned(*id, plan, true))
        });
        candidates.push(CandidateAnswer {
            estimated_bytes: imagined.bytes,
            problem: None,
            changed: changed.collect(),
        });
    }
    assert!(missed.is_empty(), "no answers for {missed:?}");
    let baseline = question.statements.iter().filter_map(|id| {
        let statement = evidence.statements.iter().find(|statement| statement.id == *id)?;
        let current = statement.plans.iter().max_by_key(|plan| plan.last_seen)?;
        let cost = current.plan.total_cost;
        Some(PlannedStatement { statement: *id, cost: Ok(cost), uses_candidate: false, plan: None })
    });
    WhatIfAnswer { question: question.id, not_simulated: None, baseline: baseline.collect(), candidates }
}

fn planned(
    statement: querysmith_shared::id::StatementId,
    plan: &serde_json::Value,
    uses_candidate: bool,
) -> PlannedStatement {
    let text = plan.to_string();
    let cost = querysmith_shared::observation::plan::PlanNode::from_postgres_json(&text)
        .map(|plan| plan.total_cost)
        .map_err(|error| error.to_string());
    PlannedStatement { statement, cost, uses_candidate, plan: Some(text) }
}

/// `orders(customer_id, created_at DESC) INCLUDE (id)`.
pub(crate) fn key(index: &CreateIndex) -> String {
    let keys: Vec<String> = index
        .keys
        .iter()
        .map(|key| format!("{}{}", key.column, if key.descending { " DESC" } else { "" }))
        .collect();
    let include = if index.include.is_empty() {
        String::new()
    } else {
        format!(" INCLUDE ({})", index.include.join(", "))
    };
    format!("{}({}){include}", index.table.name, keys.join(", "))
}
