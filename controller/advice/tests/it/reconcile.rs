//! Findings over time: opened once, resolved only with evidence, reopened.

use std::time::Duration;

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::Evidence;
use querysmith_advice::finding::{Finding, FindingKind};
use querysmith_advice::reconcile::{FindingTransition, StoredFinding, reconcile};

use crate::shop::{NOW, Run, add, add_fast, shop, twin_shop};

const HOT: Run = Run { per_second: 4.0, mean_ms: 60.0, blocks: 13_200.0, rows: 2.0, since: None };

fn hot() -> Evidence {
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, "customer_orders_by_status", HOT, &["generic"]);
    evidence
}

/// The statement runs well now.
fn repaired() -> Evidence {
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, "customer_orders_by_status", Run { mean_ms: 0.05, blocks: 6.0, ..HOT }, &["generic"]);
    evidence
}

fn stored(finding: &Finding, seen_ago: u64, resolved: bool) -> StoredFinding {
    StoredFinding {
        id: finding.id,
        kind: finding.kind,
        statement: finding.statement,
        database: finding.database.clone(),
        object: finding.object.clone(),
        last_seen: NOW.before(Duration::from_secs(seen_ago)),
        resolved_at: resolved.then_some(NOW),
    }
}

fn missing() -> Finding {
    detect(&hot()).into_iter().find(|finding| finding.kind == FindingKind::MissingIndex).unwrap()
}

fn names(stored: &[StoredFinding], evidence: &Evidence) -> Vec<&'static str> {
    let found: Vec<Finding> =
        detect(evidence).into_iter().filter(|f| f.kind == FindingKind::MissingIndex).collect();
    reconcile(stored, &found, evidence)
        .iter()
        .map(|transition| match transition {
            FindingTransition::Open(_) => "open",
            FindingTransition::Seen(_) => "seen",
            FindingTransition::Reopen(_) => "reopen",
            FindingTransition::Resolve { .. } => "resolve",
        })
        .collect()
}

#[test]
fn the_life_of_a_finding() {
    let finding = missing();
    assert_eq!(names(&[], &hot()), ["open"]);
    assert_eq!(names(&[stored(&finding, 30, false)], &hot()), ["seen"]);
    assert_eq!(names(&[stored(&finding, 30, true)], &hot()), ["reopen"]);
    assert_eq!(names(&[stored(&finding, 30, false)], &repaired()), [""; 0], "absent for half a minute only");
    assert_eq!(names(&[stored(&finding, 600, false)], &repaired()), ["resolve"]);
    assert_eq!(names(&[stored(&finding, 600, true)], &repaired()), [""; 0], "resolved already");
}

#[test]
fn no_data_is_no_all_clear() {
    let finding = missing();
    let mut silent = repaired();
    silent.now = silent.now.after(Duration::from_secs(1_200));
    assert_eq!(names(&[stored(&finding, 600, false)], &silent), [""; 0], "no statistics come in");
    let mut uncalled = repaired();
    uncalled.statements.retain(|statement| Some(statement.id) != finding.statement);
    assert_eq!(names(&[stored(&finding, 600, false)], &uncalled), [""; 0], "the statement was not called");
    assert_eq!(names(&[stored(&finding, 8 * 86_400, false)], &uncalled), ["resolve"], "for more than a week");
}

#[test]
fn findings_about_objects_end_with_them() {
    let evidence = twin_shop();
    let duplicate = detect(&evidence).into_iter().find(|f| f.kind == FindingKind::DuplicateIndex).unwrap();
    let old = stored(&duplicate, 600, false);
    let resolved = |evidence: &Evidence| {
        let found: Vec<Finding> =
            detect(evidence).into_iter().filter(|f| f.kind == FindingKind::DuplicateIndex).collect();
        reconcile(std::slice::from_ref(&old), &found, evidence)
    };
    assert!(matches!(resolved(&evidence)[..], [FindingTransition::Seen(_)]));
    let mut dropped = twin_shop();
    for table in &mut dropped.tables {
        table
            .table
            .indexes
            .retain(|index| format!("public.{}", index.name) != *duplicate.object.as_ref().unwrap());
    }
    assert!(matches!(resolved(&dropped)[..], [FindingTransition::Resolve { .. }]));
    let mut unknown = twin_shop();
    unknown.tables.clear();
    assert!(resolved(&unknown).is_empty(), "no schema, no word");
}
