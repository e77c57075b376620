//! Proposals to drop an index: of twins one, of anything else none.

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::{Evidence, KnownChange, KnownProposal, ProposalState, WriteRate};
use querysmith_advice::finding::FindingKind;
use querysmith_advice::propose::decide;
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_advice::propose::obsolete::overtaken;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Change, ChangeKind, DropIndex};
use querysmith_shared::id::{ChangeId, ProposalId};
use querysmith_shared::observation::schema::Index;
use uuid::Uuid;

use crate::shop::{Run, add, id, table, twin_shop};

/// The older of the two, which stays.
const KEPT: &str = "payments_order_idx";
const SPARE: &str = "payments_order_id_idx";

/// How one index differs.
type AlterIndex = fn(&mut Index);

fn drafts(evidence: &Evidence) -> Vec<ProposalDraft> {
    let findings = detect(evidence);
    decide(evidence, &findings, &[], &mut || ChangeId(Uuid::from_u128(9)))
}

fn index<'e>(evidence: &'e mut Evidence, name: &str) -> &'e mut Index {
    let indexes = &mut table(evidence, "payments").table.indexes;
    indexes.iter_mut().find(|index| index.name == name).unwrap()
}

fn dropped(draft: &ProposalDraft) -> &DropIndex {
    match &draft.change {
        Change::DropIndex(drop) => drop,
        other => panic!("not a drop: {other:?}"),
    }
}

#[test]
fn of_twins_the_younger_goes() {
    let mut evidence = twin_shop();
    add(&mut evidence, "payment_of_order", Run::new(9.0, 1.0, 3.0, 1.0), &["generic"]);
    table(&mut evidence, "payments").writes =
        Some(WriteRate { inserted: 3_600.0, updated: 0.0, hot_updated: 0.0, deleted: 0.0 });
    let (kept, spare) = (index(&mut evidence, KEPT).oid, index(&mut evidence, SPARE).oid);
    let (kept, spare) = if kept < spare { (KEPT, SPARE) } else { (SPARE, KEPT) };
    let drafts = drafts(&evidence);
    assert_eq!(drafts.len(), 1, "{drafts:#?}");
    let draft = &drafts[0];
    assert_eq!(draft.kind, ChangeKind::DropIndex);
    assert_eq!((dropped(draft).index.name.as_str(), dropped(draft).covered_by.as_str()), (spare, kept));
    assert_eq!(dropped(draft).index.keys.len(), 1);
    assert_eq!(dropped(draft).index.keys[0].column, "order_id");
    assert_eq!(draft.title, format!("Drop public.{spare}, the same as {kept}"));
    assert_eq!(draft.entries_per_hour, Some(-3_600.0));
    assert!(draft.write_cost.starts_with("Saves about 3,600 index entries an hour"), "{}", draft.write_cost);
    assert!(draft.predicted.is_none() && draft.size_bytes.is_none());
    // Whoever uses the table is watched.
    assert!(draft.statements.iter().any(|statement| statement.statement_id == id("payment_of_order")));
}

#[test]
fn what_can_not_be_built_again_by_its_columns_is_left_to_a_person() {
    let cases: [(&str, AlterIndex); 4] = [
        ("unique", |index| index.unique = true),
        ("parameters", |index| index.definition.push_str(" WITH (fillfactor='70')")),
        ("an operator class", |index| index.keys[0].operator_class = Some("int8_minmax_ops".into())),
        ("an order of NULLs", |index| index.keys[0].nulls_first = true),
    ];
    for (what, change) in cases {
        let mut evidence = twin_shop();
        for name in [KEPT, SPARE] {
            change(index(&mut evidence, name));
        }
        assert!(
            detect(&evidence).iter().any(|finding| finding.kind == FindingKind::DuplicateIndex),
            "{what}"
        );
        assert!(drafts(&evidence).is_empty(), "{what}");
    }
    let mut standby = twin_shop();
    standby.instance.in_recovery = true;
    assert!(drafts(&standby).is_empty(), "a standby");
}

#[test]
fn a_drop_is_proposed_once() {
    let first = drafts(&twin_shop()).remove(0);
    let proposal = |state| KnownProposal {
        id: ProposalId(Uuid::from_u128(1)),
        state,
        change: first.change.clone(),
        evidence_digest: first.evidence_digest.clone(),
        reason: None,
    };
    for (state, expected) in [
        (ProposalState::Waiting, 0),
        (ProposalState::Rejected, 0),
        (ProposalState::Expired, 1),
        (ProposalState::Withdrawn, 1),
    ] {
        let mut evidence = twin_shop();
        evidence.proposals.push(proposal(state));
        assert_eq!(drafts(&evidence).len(), expected, "{state:?}");
    }
    for (state, expected) in [
        (ChangeState::Trial, 0),
        (ChangeState::Stuck, 0),
        // It was taken back: it harmed, or a person wanted the index.
        (ChangeState::Reverted, 0),
        (ChangeState::Rejected, 1),
    ] {
        let mut evidence = twin_shop();
        evidence.changes.push(KnownChange {
            id: ChangeId(Uuid::from_u128(2)),
            change: first.change.clone(),
            state,
            state_since: evidence.now,
            applied_at: None,
            verdict: None,
            evidence_digest: first.evidence_digest.clone(),
        });
        assert_eq!(drafts(&evidence).len(), expected, "{state:?}");
    }
}

#[test]
fn a_drop_is_withdrawn_when_either_index_goes() {
    let first = drafts(&twin_shop()).remove(0);
    assert_eq!(overtaken(&twin_shop().tables, &first.change), None);
    for gone in [KEPT, SPARE] {
        let mut evidence = twin_shop();
        table(&mut evidence, "payments").table.indexes.retain(|index| index.name != gone);
        let reason = overtaken(&evidence.tables, &first.change).unwrap();
        assert!(reason.contains(gone), "{reason}");
        let mut evidence = twin_shop();
        index(&mut evidence, gone).valid = false;
        assert!(overtaken(&evidence.tables, &first.change).is_some(), "{gone} is not valid");
    }
}
