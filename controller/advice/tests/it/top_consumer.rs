//! Top consumers: planted and look-alikes.

use std::time::Duration;

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::Evidence;
use querysmith_advice::finding::{Finding, FindingKind, Severity};

use crate::shop::{NOW, Run, add, of_kind, shop};

/// How a case differs from the plain one.
type Alter = fn(&mut Evidence);

/// A shop that spends 100 ms of a second on statements of which none takes a tenth.
fn busy() -> Evidence {
    let mut evidence = shop();
    for name in [
        "customer_by_email",
        "order_head",
        "order_insert",
        "order_status_update",
        "order_lines",
        "payment_of_order",
        "product_by_sku",
        "product_reviews",
        "review_insert",
        "session_start",
        "session_touch",
        "stock_take",
    ] {
        add(&mut evidence, name, Run { per_second: 100.0, mean_ms: 0.083, ..Run::FAST }, &["generic"]);
    }
    evidence
}

fn consumers(evidence: &Evidence) -> Vec<Finding> {
    of_kind(&detect(evidence), FindingKind::TopConsumer).into_iter().cloned().collect()
}

#[test]
fn planted_ones_are_found_once_and_only_for_information() {
    for (name, run, plans) in [
        ("sales_by_product", Run::new(0.5, 200.0, 9_000.0, 2_000.0), &["generic"][..]),
        ("category_by_name", Run::new(2_000.0, 0.02, 1.0, 1.0), &["representative"]),
        ("latest_orders", Run::new(300.0, 0.2, 20.0, 50.0), &["generic"]),
        ("category_by_name", Run::new(900.0, 0.03, 1.0, 1.0), &["generic"]),
        // Whose plan nobody has seen.
        ("revenue_by_country", Run::new(0.2, 900.0, 20_000.0, 200.0), &[]),
    ] {
        let mut evidence = busy();
        assert_eq!(consumers(&evidence), [], "before {name}");
        let id = add(&mut evidence, name, run, plans);
        let found = consumers(&evidence);
        assert_eq!(found.len(), 1, "{name}: {found:#?}");
        assert_eq!((found[0].statement, found[0].severity), (Some(id), Severity::Low), "{name}");
        assert_eq!(found[0].lost_ms_per_hour, None, "{name}: nothing is lost where nothing is wrong");
        let share = run.per_second * run.mean_ms / (run.per_second * run.mean_ms + 99.6);
        assert!((found[0].time_share.unwrap() - share).abs() < 0.03, "{name}: {:?}", found[0].time_share);
    }
}

#[test]
fn look_alikes_stay_silent() {
    let cases: [(&str, Alter); 5] = [
        ("under a tenth of the time", |evidence| {
            add(evidence, "sales_by_product", Run::new(0.2, 40.0, 9_000.0, 2_000.0), &["generic"]);
        }),
        ("a problem of its own says it already", |evidence| {
            let hot = Run::new(4.0, 60.0, 13_200.0, 2.0);
            let id = add(evidence, "customer_orders_by_status", hot, &["generic"]);
            let known = detect(evidence);
            assert!(known.iter().any(|finding| finding.statement == Some(id)), "{known:#?}");
        }),
        ("all of the time of a server that idles", |evidence| {
            evidence.statements.clear();
            add(evidence, "sales_by_product", Run::new(0.2, 4.0, 9_000.0, 2_000.0), &["generic"]);
        }),
        ("long ago", |evidence| {
            add(evidence, "sales_by_product", Run::new(0.5, 200.0, 9_000.0, 2_000.0), &["generic"]);
            let past = NOW.before(Duration::from_secs(1_800));
            let report = evidence.statements.last_mut().unwrap();
            report.windows.retain(|window| window.end <= past);
        }),
        ("nothing has come in for a while", |evidence| {
            add(evidence, "sales_by_product", Run::new(0.5, 200.0, 9_000.0, 2_000.0), &["generic"]);
            let past = NOW.before(Duration::from_secs(600));
            for statement in &mut evidence.statements {
                statement.windows.retain(|window| window.end <= past);
            }
        }),
    ];
    for (what, change) in cases {
        let mut evidence = busy();
        change(&mut evidence);
        let found = consumers(&evidence);
        assert!(found.is_empty(), "{what}: {found:#?}");
    }
}
