//! Whatever indexes there are: one that exists is never proposed, and nothing panics.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use querysmith_advice::detect::detect;
use querysmith_advice::evidence::Evidence;
use querysmith_advice::propose::{ask, decide};
use querysmith_shared::change::{Change, CreateIndex};
use querysmith_shared::id::ChangeId;
use querysmith_shared::observation::schema::{Index, IndexKeyDescription};
use querysmith_shared::wire::order::{CandidateAnswer, PlannedStatement, WhatIfAnswer};
use uuid::Uuid;

use crate::shop::{Run, add, add_fast, shop, table};

const COLUMNS: [&str; 5] = ["customer_id", "status", "created_at", "total_cents", "shipping_country"];

fn indexes() -> impl Strategy<Value = Vec<Index>> {
    let key = (0..COLUMNS.len(), any::<bool>());
    let keys = proptest::collection::vec(key, 1..4);
    let method = prop_oneof![9 => Just("btree"), 1 => Just("hash")];
    let one = (keys, any::<bool>(), method, any::<bool>());
    proptest::collection::vec(one, 0..4).prop_map(|indexes| {
        indexes
            .into_iter()
            .enumerate()
            .map(|(place, (keys, partial, method, valid))| {
                let mut once: Vec<IndexKeyDescription> = Vec::new();
                for (column, descending) in keys {
                    if once.iter().all(|key| key.column != COLUMNS[column]) {
                        once.push(IndexKeyDescription {
                            column: COLUMNS[column].into(),
                            expression: false,
                            descending,
                            nulls_first: descending,
                            operator_class: None,
                            collation: None,
                        });
                    }
                }
                Index {
                    oid: 80_000 + place as u32,
                    name: format!("made_up_{place}"),
                    definition: String::new(),
                    method: method.into(),
                    keys: once,
                    include: Vec::new(),
                    predicate: (partial && place > 1).then(|| "(total_cents > 0)".to_owned()),
                    unique: false,
                    valid,
                    constraint: None,
                    replica_identity: false,
                }
            })
            .collect()
    })
}

fn busy(made_up: &[Index]) -> Evidence {
    let mut evidence = shop();
    add_fast(&mut evidence);
    for (name, plan) in [
        ("customer_orders_by_status", "generic"),
        ("customer_totals", "generic"),
        ("orders_of_country_days", "representative"),
        ("orders_of_days", "representative"),
        ("largest_orders", "representative"),
        ("cancel_orders", "generic"),
    ] {
        add(&mut evidence, name, Run::new(1.0, 70.0, 13_200.0, 10.0), &[plan]);
    }
    table(&mut evidence, "orders").table.indexes.extend(made_up.iter().cloned());
    evidence
}

/// A planner that finds every index wonderful for every statement.
fn flatter(evidence: &Evidence, question: &querysmith_advice::propose::question::Question) -> WhatIfAnswer {
    let planned =
        |statement, cost| PlannedStatement { statement, cost: Ok(cost), uses_candidate: true, plan: None };
    let baseline = question.statements.iter().map(|statement| planned(*statement, 20_000.0)).collect();
    let candidates = question.candidates.iter().map(|_| CandidateAnswer {
        estimated_bytes: 1_000_000,
        problem: None,
        changed: question.statements.iter().map(|statement| planned(*statement, 10.0)).collect(),
    });
    let _ = evidence;
    WhatIfAnswer { question: question.id, not_simulated: None, baseline, candidates: candidates.collect() }
}

/// The plainest meaning of "it exists": same columns in the same order, same or all-reversed directions.
fn is_there(index: &Index, proposed: &CreateIndex) -> bool {
    let same = |reversed: bool| {
        index.keys.len() >= proposed.keys.len()
            && index.keys.iter().zip(&proposed.keys).all(|(there, wanted)| {
                there.column == wanted.column && there.descending == (wanted.descending != reversed)
            })
    };
    index.method == "btree" && index.predicate.is_none() && (same(false) || same(true))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn an_index_that_exists_is_never_proposed(made_up in indexes()) {
        let evidence = busy(&made_up);
        let findings = detect(&evidence);
        let answers: Vec<_> = ask(&evidence, &findings)
            .into_iter()
            .map(|question| { let answer = flatter(&evidence, &question); (question, Some(answer)) })
            .collect();
        let mut next = 0;
        let drafts = decide(&evidence, &findings, &answers, &mut || { next += 1; ChangeId(Uuid::from_u128(next)) });
        let mut seen = Vec::new();
        for draft in &drafts {
            let Change::CreateIndex(index) = &draft.change else { continue };
            for there in &made_up {
                assert!(!is_there(there, index), "{there:?} is there, {index:?} is proposed");
            }
            assert!(!seen.contains(&&index.keys), "{index:?} is proposed twice");
            seen.push(&index.keys);
        }
        // No finding is answered by two proposals.
        let mut answered: Vec<_> = drafts.iter().flat_map(|draft| &draft.finding_ids).collect();
        let all = answered.len();
        answered.sort();
        answered.dedup();
        assert_eq!(answered.len(), all);
    }
}
