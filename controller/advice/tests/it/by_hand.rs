//! What a person asks for: checked like what was found, and drafted with the same figures.

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::{Evidence, KnownProposal, ProposalState};
use querysmith_advice::finding::FindingKind;
use querysmith_advice::propose::by_hand::{OnTable, Part, TableWish, Unfit, Wanted, Wish, draft, question};
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_shared::change::{Change, ChangeKind, IndexKey, TableName};
use querysmith_shared::id::{ChangeId, ProposalId};
use querysmith_shared::wire::order::{CandidateAnswer, PlannedStatement, WhatIfAnswer};
use uuid::Uuid;

use crate::shop::{Run, add, add_fast, of_kind, shop, table, twin_shop};

const CHANGE: ChangeId = ChangeId(Uuid::from_u128(9));

fn key(column: &str) -> IndexKey {
    IndexKey { column: column.into(), descending: false }
}

fn wish(table: &str, what: TableWish) -> Wish {
    let table = TableName { schema: "public".into(), name: table.into() };
    Wish {
        what: Wanted::OnTable(OnTable { database: "shop".into(), table, what }),
        by: "mara".into(),
        reason: "the month's report needs it.".into(),
    }
}

fn index(table: &str, keys: &[&str], include: &[&str]) -> Wish {
    let include = include.iter().map(|column| (*column).to_owned()).collect();
    wish(table, TableWish::CreateIndex { keys: keys.iter().map(|column| key(column)).collect(), include })
}

/// The shop with its hot lookup.
fn hot() -> Evidence {
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, "customer_orders_by_status", Run::new(4.0, 60.0, 13_200.0, 2.0), &["generic"]);
    evidence
}

fn unsimulated(evidence: &Evidence, wish: &Wish) -> ProposalDraft {
    draft(evidence, wish, Err("nobody was asked"), CHANGE).unwrap()
}

#[test]
fn an_index_is_asked_about_and_drafted_with_what_the_planner_says() {
    let evidence = hot();
    let wish = index("orders", &["customer_id", "status"], &["created_at"]);
    let question = question(&evidence, &wish).unwrap().unwrap();
    assert_eq!(question.candidates.len(), 1);
    assert!(question.statements.len() > 1, "all statements on the table: {question:?}");
    let planned = |cost, uses_candidate| {
        let statements = question.statements.iter();
        let of = |statement: &_| PlannedStatement {
            statement: *statement,
            cost: Ok(cost),
            uses_candidate,
            plan: None,
        };
        statements.map(of).collect::<Vec<_>>()
    };
    let mut answer = WhatIfAnswer {
        question: question.id,
        not_simulated: None,
        baseline: planned(20_000.0, false),
        candidates: vec![CandidateAnswer {
            estimated_bytes: 1 << 20,
            problem: None,
            changed: planned(20.0, true),
        }],
    };
    let simulated = draft(&evidence, &wish, Ok(&answer), CHANGE).unwrap();
    assert!(simulated.simulated && simulated.predicted.unwrap().high < 0.0, "{simulated:#?}");
    assert!(simulated.reason.starts_with("Asked for by mara: the month's report needs it. "));
    assert_eq!(simulated.finding_ids, []);
    let Change::CreateIndex(built) = &simulated.change else { panic!("{:?}", simulated.change) };
    assert!(built.name.starts_with("qs_orders_customer_id_status_"), "{}", built.name);
    assert_eq!(
        (&built.keys[..], &built.include[..]),
        (&[key("customer_id"), key("status")][..], &["created_at".to_owned()][..])
    );

    answer.candidates[0].problem = Some("no".into());
    let unimagined = draft(&evidence, &wish, Ok(&answer), CHANGE).unwrap();
    assert_eq!(unimagined.not_simulated_reason.as_deref(), Some("hypopg could not imagine it"));
    answer.not_simulated = Some("there is no hypopg".into());
    let without = draft(&evidence, &wish, Ok(&answer), CHANGE).unwrap();
    assert!(!without.simulated);
    assert_eq!(without.not_simulated_reason.as_deref(), Some("there is no hypopg"));
}

#[test]
fn an_index_that_no_statement_needs_says_so_and_is_the_persons_to_judge() {
    let draft = unsimulated(&hot(), &index("reviews", &["rating"], &[]));
    assert!(
        draft.reason.ends_with("None of the statements that were seen on public.reviews would read it."),
        "{}",
        draft.reason
    );
    assert_eq!(draft.predicted, None);
    let items: Vec<&str> = draft.evidence.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(items, ["size"], "nothing is saved and nothing predicted");
    assert!(draft.risks.iter().any(|risk| risk.contains("nobody was asked")), "{:?}", draft.risks);
}

#[test]
fn statistics_and_a_duplicate_index_may_be_asked_for() {
    let evidence = hot();
    let analyze = wish("orders", TableWish::Analyze);
    assert_eq!(question(&evidence, &analyze), Ok(None));
    let analyze = unsimulated(&evidence, &analyze);
    assert_eq!((analyze.kind, analyze.title.as_str()), (ChangeKind::Analyze, "Analyze public.orders"));
    assert!(!analyze.statements.is_empty() && !analyze.reason.contains("with 0 %"), "{}", analyze.reason);

    let mut evidence = twin_shop();
    add_fast(&mut evidence);
    let found = detect(&evidence);
    let spare = of_kind(&found, FindingKind::DuplicateIndex)[0];
    let name = spare.object.clone().unwrap().split_once('.').unwrap().1.to_owned();
    let drop = wish("payments", TableWish::DropIndex { name });
    assert_eq!(question(&evidence, &drop), Ok(None));
    let drop = unsimulated(&evidence, &drop);
    assert_eq!((drop.kind, &drop.finding_ids[..]), (ChangeKind::DropIndex, &[spare.id][..]));
    assert!(drop.reason.contains("Asked for by mara"), "{}", drop.reason);
}

#[test]
fn statistics_beyond_the_usual_ones_may_be_asked_for() {
    let mut evidence = hot();
    let columns = vec!["customer_id".to_owned(), "status".to_owned()];
    let together = unsimulated(&evidence, &wish("orders", TableWish::CreateStatistics { columns }));
    assert_eq!(together.title, "Statistics about customer_id, status of public.orders together");
    assert_eq!(together.kind, ChangeKind::CreateStatistics);
    let Change::CreateStatistics(create) = &together.change else { panic!("{:?}", together.change) };
    assert!(create.name.starts_with("qs_orders_customer_id_status_"), "{}", create.name);
    assert!(!together.statements.is_empty() && together.predicted.is_none());

    let target = |target| wish("orders", TableWish::SetStatisticsTarget { column: "status".into(), target });
    let set = |evidence: &Evidence, wanted| match unsimulated(evidence, &target(wanted)).change {
        Change::SetStatisticsTarget(set) => (set.target, set.before),
        other => panic!("{other:?}"),
    };
    assert_eq!(set(&evidence, 500), (500, None));
    let orders = &mut table(&mut evidence, "orders").table;
    orders.columns.iter_mut().find(|column| column.name == "status").unwrap().statistics_target = Some(200);
    assert_eq!(set(&evidence, 500), (500, Some(200)));
    let columns = |columns: &[&str]| {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        wish("orders", TableWish::CreateStatistics { columns })
    };
    for (wish, part, expected) in [
        (target(200), Part::Target, "is 200 already"),
        (target(0), Part::Target, "from 1 to 10000"),
        (columns(&["status"]), Part::Columns, "2 to 8 columns"),
        (columns(&["status", "status"]), Part::Columns, "named twice"),
        (columns(&["status", "colour"]), Part::Columns, "no column colour; it has id"),
    ] {
        let unfit = question(&evidence, &wish).unwrap_err();
        assert_eq!((unfit.part(), unfit.to_string().contains(expected)), (part, true), "{unfit}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_part_at_fault() {
    let unknown = |name: &str| wish("orders", TableWish::DropIndex { name: name.into() });
    let mut elsewhere = index("orders", &["id"], &[]);
    if let Wanted::OnTable(on) = &mut elsewhere.what {
        on.database = "shop2".into();
    }
    for (wish, part, expected) in [
        (index("oders", &["id"], &[]), Part::Table, "no table public.oders"),
        (elsewhere, Part::Table, "database shop2"),
        (index("orders", &[], &[]), Part::Keys, "between 1 and 32 columns"),
        (index("orders", &["note"; 33], &[]), Part::Keys, "between 1 and 32 columns"),
        (index("orders", &["costumer_id"], &[]), Part::Keys, "no column costumer_id; it has id, customer_id"),
        (index("orders", &["status"], &["colour"]), Part::Include, "no column colour"),
        (index("orders", &["status", "status"], &[]), Part::Keys, "status is named twice"),
        (index("orders", &["status"], &["status"]), Part::Include, "status is named twice"),
        (index("orders", &["id"], &[]), Part::Keys, "orders_pkey does this already"),
        (unknown("orders_none"), Part::Index, "no index orders_none"),
        (unknown("orders_pkey"), Part::Index, "no other index of the table does all that orders_pkey does"),
    ] {
        let evidence = hot();
        let refused = question(&evidence, &wish).unwrap_err();
        assert!(refused.part() == part && refused.to_string().contains(expected), "{refused} {refused:?}");
        assert_eq!(draft(&evidence, &wish, Err(""), CHANGE).unwrap_err(), refused);
    }
    let mut standby = hot();
    standby.instance.in_recovery = true;
    assert_eq!(question(&standby, &wish("orders", TableWish::Analyze)), Err(Unfit::Standby));
    let mut wide = hot();
    table(&mut wide, "orders")
        .table
        .columns
        .iter_mut()
        .find(|column| column.name == "note")
        .unwrap()
        .data_type = "jsonb".into();
    let refused = question(&wide, &index("orders", &["note"], &[])).unwrap_err();
    assert_eq!(refused, Unfit::NoKey { column: "note".into(), data_type: "jsonb".into() });
}

#[test]
fn what_waits_for_a_verdict_is_not_proposed_beside_it() {
    let mut evidence = hot();
    let first = unsimulated(&evidence, &index("orders", &["customer_id", "status"], &[]));
    evidence.proposals.push(KnownProposal {
        id: ProposalId(Uuid::from_u128(1)),
        state: ProposalState::Waiting,
        change: first.change.clone(),
        evidence_digest: first.evidence_digest,
        reason: None,
    });
    let Change::CreateIndex(waiting) = first.change else { panic!("an index") };
    let again = index("orders", &["customer_id"], &[]);
    assert_eq!(question(&evidence, &again), Err(Unfit::Coming(waiting.name)));
    // A rejection was of what the product thought of; a person may think otherwise.
    evidence.proposals[0].state = ProposalState::Rejected;
    assert!(question(&evidence, &again).is_ok());
}
