//! Stale statistics: planted and look-alikes.

use std::time::Duration;

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::{Evidence, KnownChange, KnownProposal, ProposalState};
use querysmith_advice::finding::{Finding, FindingKind, Severity};
use querysmith_advice::measure::effect::Verdict;
use querysmith_advice::propose::{ask, decide};
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Analyze, Change, ChangeKind};
use querysmith_shared::id::{ChangeId, ProposalId};
use uuid::Uuid;

use crate::shop::{NOW, Run, add, add_fast, of_kind, shop, table};

/// How a case differs from the plain one.
type Alter = fn(&mut Evidence);

const HOUR: Duration = Duration::from_secs(3_600);

/// The demo's table, loaded in bulk after its ANALYZE, and the statement that suffers.
fn loaded() -> Evidence {
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, "price_changes", Run::new(0.2, 1_500.0, 30_000.0, 100.0), &["generic"]);
    evidence
}

/// As if analysed: the planner knows all rows.
fn analysed() -> Evidence {
    let mut evidence = loaded();
    let activity = table(&mut evidence, "supplier_prices").activity.as_mut().unwrap();
    activity.planner_rows = activity.live_rows as f32;
    activity.planner_pages = u32::try_from(activity.size_bytes / 8192).unwrap();
    activity.changed_since_analyze = 0;
    activity.last_analyze = Some(NOW.before(HOUR));
    evidence
}

fn stale(evidence: &Evidence) -> Vec<Finding> {
    of_kind(&detect(evidence), FindingKind::StaleStatistics).into_iter().cloned().collect()
}

#[test]
fn the_bulk_loaded_table_is_found_and_analyze_proposed() {
    let evidence = loaded();
    let findings = detect(&evidence);
    let stale = stale(&evidence);
    assert_eq!(stale.len(), 1, "{stale:#?}");
    assert_eq!(stale[0].object.as_deref(), Some("public.supplier_prices"));
    assert!(stale[0].severity >= Severity::Medium && stale[0].summary.contains("Autovacuum is switched off"));
    assert!(ask(&evidence, &findings).is_empty(), "no index on figures that are wrong");
    let drafts = decide(&evidence, &findings, &[], &mut || ChangeId(Uuid::from_u128(9)));
    assert_eq!(drafts.len(), 1);
    assert_eq!(drafts[0].kind, ChangeKind::Analyze);
    assert!(drafts[0].risks[0].contains("Cannot be undone"));
    assert!(drafts[0].predicted.is_none());
    assert_eq!(drafts[0].statements.len(), 1);
}

#[test]
fn planted_ones_are_found() {
    let cases: [(&str, Alter); 5] = [
        ("a quarter changed, autovacuum off", |evidence| {
            table(evidence, "supplier_prices").activity.as_mut().unwrap().changed_since_analyze = 80_000;
        }),
        ("autovacuum on and far behind", |evidence| {
            let table = table(evidence, "supplier_prices");
            table.table.autovacuum_off = false;
            table.activity.as_mut().unwrap().changed_since_analyze = 250_000;
        }),
        ("never analysed", |evidence| {
            let table = table(evidence, "supplier_prices");
            table.activity.as_mut().unwrap().planner_rows = -1.0;
            table.activity.as_mut().unwrap().last_analyze = None;
            table.table.columns.iter_mut().for_each(|column| column.statistics = None);
        }),
        ("believed to be a fifth", |evidence| {
            let activity = table(evidence, "supplier_prices").activity.as_mut().unwrap();
            activity.planner_rows /= 5.0;
            activity.changed_since_analyze = 240_000;
        }),
        ("emptied since", |evidence| {
            let activity = table(evidence, "supplier_prices").activity.as_mut().unwrap();
            activity.live_rows = 20_000;
            activity.dead_rows = 280_000;
            activity.changed_since_analyze = 280_000;
        }),
    ];
    for (what, change) in cases {
        let mut evidence = analysed();
        assert!(stale(&evidence).is_empty(), "before {what}: {:#?}", stale(&evidence));
        change(&mut evidence);
        assert_eq!(stale(&evidence).len(), 1, "{what}");
    }
}

#[test]
fn look_alikes_stay_silent() {
    let cases: [(&str, Alter); 8] = [
        ("a tenth changed", |evidence| {
            table(evidence, "supplier_prices").activity.as_mut().unwrap().changed_since_analyze = 30_000;
        }),
        ("the server's own analyze was here", |evidence| {
            let table = table(evidence, "supplier_prices");
            table.table.autovacuum_off = false;
            let activity = table.activity.as_mut().unwrap();
            activity.last_analyze = None;
            activity.last_autoanalyze = Some(NOW.before(Duration::from_secs(120)));
            activity.changed_since_analyze = 200_000;
        }),
        ("autovacuum will come to it", |evidence| {
            let table = table(evidence, "supplier_prices");
            table.table.autovacuum_off = false;
            table.activity.as_mut().unwrap().changed_since_analyze = 100_000;
        }),
        ("counters were reset, statistics are there", |evidence| {
            let activity = table(evidence, "supplier_prices").activity.as_mut().unwrap();
            activity.last_analyze = None;
            activity.live_rows = 0;
        }),
        ("counters were lost and count again from nothing", |evidence| {
            let table = table(evidence, "supplier_prices");
            table.table.autovacuum_off = false;
            let activity = table.activity.as_mut().unwrap();
            activity.last_analyze = None;
            activity.live_rows = 20_000;
            activity.changed_since_analyze = 20_000;
        }),
        ("analysed long ago, unchanged since", |evidence| {
            let activity = table(evidence, "supplier_prices").activity.as_mut().unwrap();
            activity.last_analyze = Some(NOW.before(HOUR * 24 * 400));
        }),
        ("a small table", |evidence| {
            let activity = table(evidence, "supplier_prices").activity.as_mut().unwrap();
            activity.live_rows = 500;
            activity.changed_since_analyze = 500;
        }),
        ("grown with its pages, as the planner knows", |evidence| {
            let activity = table(evidence, "supplier_prices").activity.as_mut().unwrap();
            activity.planner_rows /= 4.0;
            activity.planner_pages /= 4;
            activity.changed_since_analyze = 0;
        }),
    ];
    for (what, change) in cases {
        let mut evidence = analysed();
        change(&mut evidence);
        assert!(stale(&evidence).is_empty(), "{what}: {:#?}", stale(&evidence));
    }
}

#[test]
fn nobody_reads_it_nothing_is_proposed() {
    let mut evidence = shop();
    add_fast(&mut evidence);
    let findings = detect(&evidence);
    assert_eq!(stale(&evidence)[0].severity, Severity::Low);
    assert!(decide(&evidence, &findings, &[], &mut || ChangeId(Uuid::from_u128(9))).is_empty());
}

#[test]
fn what_was_refused_or_done_in_vain_is_not_proposed_again() {
    let change = |evidence: &mut Evidence| {
        let table = table(evidence, "supplier_prices").table.name.clone();
        Change::Analyze(Analyze { database: "shop".into(), table })
    };
    let digest = "rows=300300 lost_ms_per_hour=1".to_owned();
    let drafts = |evidence: &Evidence| {
        decide(evidence, &detect(evidence), &[], &mut || ChangeId(Uuid::from_u128(9))).len()
    };
    let mut refused = loaded();
    let what = change(&mut refused);
    refused.proposals.push(KnownProposal {
        id: ProposalId(Uuid::from_u128(1)),
        state: ProposalState::Rejected,
        change: what.clone(),
        evidence_digest: digest.clone(),
        reason: None,
    });
    assert_eq!(drafts(&refused), 0);
    refused.proposals[0].state = ProposalState::Expired;
    assert_eq!(drafts(&refused), 1);
    for (verdict, expected) in [(Verdict::NoEffect, 0), (Verdict::Helped, 1)] {
        let mut done = loaded();
        done.changes.push(KnownChange {
            id: ChangeId(Uuid::from_u128(3)),
            change: what.clone(),
            state: ChangeState::Confirmed,
            state_since: NOW.before(HOUR),
            applied_at: Some(NOW.before(HOUR)),
            verdict: Some(verdict),
            evidence_digest: digest.clone(),
        });
        assert_eq!(drafts(&done), expected, "{verdict:?}");
    }
}
