//! Waiting proposals that events have overtaken.

use querysmith_advice::evidence::{Evidence, KnownProposal, ProposalState};
use querysmith_advice::propose::obsolete::obsolete;
use querysmith_shared::change::{Analyze, Change, CreateIndex, IndexKey, TableName};
use querysmith_shared::id::ProposalId;
use uuid::Uuid;

use crate::shop::{shop, table};

/// What happened to the shop since.
type Event = fn(&mut Evidence);

fn orders() -> TableName {
    TableName { schema: "public".into(), name: "orders".into() }
}

fn index() -> Change {
    let key = |column: &str| IndexKey { column: column.into(), descending: false };
    Change::CreateIndex(CreateIndex {
        database: "shop".into(),
        table: orders(),
        name: "qs_orders_deadbeef".into(),
        keys: vec![key("customer_id"), key("status")],
        include: Vec::new(),
    })
}

fn analyze() -> Change {
    Change::Analyze(Analyze { database: "shop".into(), table: orders() })
}

/// Adds an index that somebody built by hand.
fn build(evidence: &mut Evidence, columns: &[&str]) {
    let orders = table(evidence, "orders");
    let mut built = orders.table.indexes[0].clone();
    built.name = "by_hand".into();
    (built.unique, built.constraint) = (false, None);
    let key = built.keys[0].clone();
    built.keys = columns
        .iter()
        .map(|column| {
            let mut key = key.clone();
            key.column = (*column).into();
            key
        })
        .collect();
    orders.table.indexes.push(built);
}

fn check(change: &Change, state: ProposalState, event: Event, expected: Option<&str>) {
    let mut evidence = shop();
    evidence.proposals.push(KnownProposal {
        id: ProposalId(Uuid::from_u128(1)),
        state,
        change: change.clone(),
        evidence_digest: String::new(),
        reason: None,
    });
    event(&mut evidence);
    let found = obsolete(&evidence.tables, &evidence.proposals);
    let reasons: Vec<&str> = found.iter().map(|obsolete| obsolete.reason.as_str()).collect();
    assert_eq!(reasons, expected.into_iter().collect::<Vec<_>>());
}

#[test]
fn what_was_built_by_hand_or_lost_its_table_is_overtaken_and_says_why() {
    let waits = ProposalState::Waiting;
    let built = Some("the index by_hand of public.orders does the same by now");
    check(&index(), waits, |_| {}, None);
    check(&index(), waits, |e| build(e, &["customer_id", "status"]), built);
    check(&index(), waits, |e| build(e, &["customer_id", "status", "created_at"]), built);
    check(&index(), waits, |e| build(e, &["customer_id"]), None);
    check(&analyze(), waits, |e| build(e, &["customer_id", "status"]), None);
    check(&index(), ProposalState::Rejected, |e| build(e, &["customer_id", "status"]), None);
    // Its build goes on, or failed: it does no work.
    let invalid = |e: &mut Evidence| {
        build(e, &["customer_id", "status"]);
        table(e, "orders").table.indexes.last_mut().unwrap().valid = false;
    };
    check(&index(), waits, invalid, None);
    let partial = |e: &mut Evidence| {
        build(e, &["customer_id", "status"]);
        table(e, "orders").table.indexes.last_mut().unwrap().predicate = Some("(total_cents > 0)".into());
    };
    check(&index(), waits, partial, None);
    let gone = Some("the table public.orders is gone");
    let without = |e: &mut Evidence| e.tables.retain(|table| table.table.name.name != "orders");
    check(&index(), waits, without, gone);
    check(&analyze(), waits, without, gone);
    check(&index(), waits, |e| table(e, "orders").table.name.schema = "archive".into(), gone);
    check(&index(), waits, |e| table(e, "orders").database = "other".into(), gone);
    let column = |e: &mut Evidence| {
        table(e, "orders").table.columns.retain(|column| column.name != "status");
    };
    check(&index(), waits, column, Some("the column status of public.orders is gone"));
    // Nothing was read of the schema: nothing is known.
    check(&index(), waits, |e| e.tables.clear(), None);
}
