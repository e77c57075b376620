//! Unused and duplicate indexes: planted and look-alikes.

use std::time::Duration;

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::Evidence;
use querysmith_advice::finding::{Finding, FindingKind};
use querysmith_shared::observation::schema::{Index, IndexActivity};

use crate::shop::{NOW, of_kind, shop, table, twin_shop};

/// How a case differs from the plain one.
type Alter = fn(&mut Evidence);

/// How one index differs.
type AlterIndex = fn(&mut Index);

const DAY: Duration = Duration::from_secs(86_400);

/// A plain index on reviews that nothing reads, watched for ten days.
fn idle() -> Evidence {
    let mut evidence = shop();
    for table in &mut evidence.tables {
        table.stats_since = Some(NOW.before(10 * DAY));
        // Everything else is in use.
        for index in &mut table.activity.as_mut().unwrap().indexes {
            index.scans = 1_000;
        }
    }
    scans(&mut evidence, 0);
    evidence
}

fn index(evidence: &mut Evidence) -> &mut Index {
    let table = table(evidence, "reviews");
    table.table.indexes.iter_mut().find(|index| index.name == "reviews_product_created_idx").unwrap()
}

fn activity(evidence: &mut Evidence) -> &mut IndexActivity {
    let oid = index(evidence).oid;
    let table = table(evidence, "reviews");
    table.activity.as_mut().unwrap().indexes.iter_mut().find(|activity| activity.oid == oid).unwrap()
}

fn scans(evidence: &mut Evidence, scans: u64) {
    let activity = activity(evidence);
    activity.scans = scans;
    activity.entries_read = scans * 40;
}

fn found(evidence: &Evidence, kind: FindingKind) -> Vec<Finding> {
    of_kind(&detect(evidence), kind).into_iter().cloned().collect()
}

#[test]
fn an_idle_index_is_found() {
    let evidence = idle();
    let findings = found(&evidence, FindingKind::UnusedIndex);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].object.as_deref(), Some("public.reviews_product_created_idx"));
    assert!(findings[0].advice.contains("DROP INDEX CONCURRENTLY public.reviews_product_created_idx"));
    assert!(findings[0].advice.contains("standby"), "what standbys read is not known");
}

#[test]
fn planted_idle_ones_are_found() {
    let cases: [(&str, Alter); 4] = [
        ("last read long ago, as newer servers say", |evidence| {
            scans(evidence, 500);
            activity(evidence).last_scan = Some(NOW.before(40 * DAY));
        }),
        ("partial", |evidence| index(evidence).predicate = Some("(rating > 3)".into())),
        ("not a b-tree", |evidence| index(evidence).method = "gin".into()),
        ("first seen long ago", |evidence| {
            let oid = index(evidence).oid;
            table(evidence, "reviews").index_first_seen.push((oid, NOW.before(9 * DAY)));
        }),
    ];
    for (what, change) in cases {
        let mut evidence = idle();
        change(&mut evidence);
        assert_eq!(found(&evidence, FindingKind::UnusedIndex).len(), 1, "{what}");
    }
}

#[test]
fn idle_look_alikes_stay_silent() {
    let cases: [(&str, Alter); 11] = [
        ("unique", |evidence| index(evidence).unique = true),
        ("a constraint's", |evidence| index(evidence).constraint = Some("x".into())),
        ("the replica identity", |evidence| index(evidence).replica_identity = true),
        ("not valid: being built", |evidence| index(evidence).valid = false),
        ("read once", |evidence| scans(evidence, 1)),
        ("few scans that read much", |evidence| activity(evidence).entries_read = 20_000_000),
        ("counted for two days", |evidence| {
            table(evidence, "reviews").stats_since = Some(NOW.before(2 * DAY))
        }),
        ("counted nobody knows since when", |evidence| table(evidence, "reviews").stats_since = None),
        ("built yesterday", |evidence| {
            let oid = index(evidence).oid;
            table(evidence, "reviews").index_first_seen.push((oid, NOW.before(DAY)));
        }),
        ("tiny", |evidence| activity(evidence).size_bytes = 16_384),
        ("read lately, as newer servers say", |evidence| {
            activity(evidence).last_scan = Some(NOW.before(3 * DAY));
        }),
    ];
    for (what, change) in cases {
        let mut evidence = idle();
        change(&mut evidence);
        let findings = found(&evidence, FindingKind::UnusedIndex);
        assert!(findings.is_empty(), "{what}: {findings:#?}");
    }
}

#[test]
fn the_demo_s_duplicate_is_found_once() {
    let findings = found(&twin_shop(), FindingKind::DuplicateIndex);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    assert!(finding.object.as_deref().unwrap().starts_with("public.payments_order_"), "{finding:#?}");
    assert!(finding.advice.contains("Keep public.payments_order_"), "{}", finding.advice);
}

/// Two indexes of payments, the second changed.
fn twins(change: AlterIndex) -> Vec<Finding> {
    let mut evidence = twin_shop();
    let indexes = &mut table(&mut evidence, "payments").table.indexes;
    let place = indexes.iter().position(|index| index.name == "payments_order_idx").unwrap();
    change(&mut indexes[place]);
    found(&evidence, FindingKind::DuplicateIndex)
}

#[test]
fn which_twin_to_keep() {
    let keeps = |change, kept: &str| {
        let findings = twins(change);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert!(findings[0].advice.starts_with(&format!("Keep public.{kept}")), "{}", findings[0].advice);
    };
    keeps(|index| index.constraint = Some("c".into()), "payments_order_idx");
    keeps(|index| index.unique = true, "payments_order_idx");
    keeps(|index| index.replica_identity = true, "payments_order_idx");
    keeps(|index| index.oid += 100_000, "payments_order_id_idx");
    keeps(|index| index.oid = 1, "payments_order_idx");
}

#[test]
fn twins_that_differ_stay_silent() {
    let cases: [(&str, AlterIndex); 11] = [
        ("method", |index| index.method = "hash".into()),
        ("another column", |index| index.keys[0].column = "state".into()),
        ("one column more", |index| {
            let mut more = index.keys[0].clone();
            more.column = "state".into();
            index.keys.push(more);
        }),
        ("direction", |index| index.keys[0].descending = true),
        ("place of NULLs", |index| index.keys[0].nulls_first = true),
        ("operator class", |index| index.keys[0].operator_class = Some("int8_minmax_ops".into())),
        ("collation", |index| index.keys[0].collation = Some("C".into())),
        ("predicate", |index| index.predicate = Some("(state = 'open'::text)".into())),
        ("included columns", |index| index.include.push("state".into())),
        ("an expression", |index| {
            index.keys[0].expression = true;
            index.keys[0].column = "(order_id + 0)".into();
        }),
        ("not valid", |index| index.valid = false),
    ];
    for (what, change) in cases {
        let findings = twins(change);
        assert!(findings.is_empty(), "{what}: {findings:#?}");
    }
    // Both belong to constraints: neither can be dropped by itself.
    let mut evidence = twin_shop();
    for index in &mut table(&mut evidence, "payments").table.indexes {
        index.constraint = Some("c".into());
    }
    assert!(found(&evidence, FindingKind::DuplicateIndex).is_empty());
}
