//! Missing indexes: planted cases that must be found, and look-alikes that must stay silent.

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::Evidence;
use querysmith_advice::finding::{Finding, FindingKind, Severity};
use querysmith_advice::propose;

use crate::shop::{Run, add, add_fast, of_kind, shop, table};

/// How a case differs from the plain one.
type Alter = fn(&mut Evidence);

fn missing(evidence: &Evidence) -> Vec<Finding> {
    of_kind(&detect(evidence), FindingKind::MissingIndex).into_iter().cloned().collect()
}

fn check_found(name: &str, run: Run, plans: &[&str], object: &str, columns: &str) {
    let mut evidence = shop();
    add_fast(&mut evidence);
    let id = add(&mut evidence, name, run, plans);
    // In the fixtures this index is there, but for the plan that was made without it.
    table(&mut evidence, "order_items")
        .table
        .indexes
        .retain(|index| index.name != "order_items_order_id_idx");
    let findings = missing(&evidence);
    assert_eq!(findings.len(), 1, "{name}: {findings:#?}");
    let finding = &findings[0];
    assert_eq!((finding.statement, finding.object.as_deref()), (Some(id), Some(object)), "{name}");
    assert!(finding.title.contains(columns), "{name}: {}", finding.title);
    assert!(finding.evidence.len() >= 5 && finding.lost_ms_per_hour.unwrap() > 0.0);
    assert!(!propose::ask(&evidence, &findings).is_empty(), "{name}: no question");
}

#[test]
fn planted_ones_are_found() {
    for (name, run, plans, object, columns) in [
        // The demo's hot lookup, by either kind of plan.
        (
            "customer_orders_by_status",
            Run::new(4.0, 60.0, 13_200.0, 2.0),
            &["generic"][..],
            "public.orders",
            "customer_id",
        ),
        (
            "customer_orders_by_status",
            Run::new(4.0, 60.0, 13_200.0, 2.0),
            &["generic", "representative"][..],
            "public.orders",
            "customer_id and status",
        ),
        ("customer_totals", Run::new(0.5, 55.0, 13_200.0, 1.0), &["generic"], "public.orders", "customer_id"),
        ("order_lines", Run::new(2.0, 150.0, 25_010.0, 3.0), &["broken"], "public.order_items", "order_id"),
        (
            "orders_of_country_days",
            Run::new(1.0, 80.0, 13_200.0, 130.0),
            &["representative"],
            "public.orders",
            "shipping_country and created_at",
        ),
        (
            "orders_of_days",
            Run::new(1.0, 80.0, 13_200.0, 1_300.0),
            &["representative"],
            "public.orders",
            "created_at",
        ),
        (
            "largest_orders",
            Run::new(1.0, 120.0, 13_200.0, 10.0),
            &["representative"],
            "public.orders",
            "total_cents",
        ),
        ("cancel_orders", Run::new(0.5, 90.0, 13_200.0, 5.0), &["generic"], "public.orders", "customer_id"),
        ("forget_customer", Run::new(0.5, 25.0, 3_710.0, 4.0), &["generic"], "public.reviews", "customer_id"),
        (
            "reviews_of_customer",
            Run::new(1.0, 20.0, 3_710.0, 9.0),
            &["generic"],
            "public.reviews",
            "customer_id",
        ),
        (
            "orders_by_email",
            Run::new(1.0, 70.0, 13_200.0, 10.0),
            &["generic"],
            "public.orders",
            "customer_id",
        ),
    ] {
        check_found(name, run, plans, object, columns);
    }
}

#[test]
fn an_index_that_finds_far_too_much_is_a_missing_index_too() {
    let mut evidence = shop();
    add_fast(&mut evidence);
    let orders = table(&mut evidence, "orders");
    let mut by_status = orders.table.indexes[0].clone();
    by_status.oid += 1_000;
    by_status.name = "orders_status_idx".into();
    by_status.unique = false;
    by_status.constraint = None;
    by_status.keys[0].column = "status".into();
    orders.table.indexes.push(by_status);
    add(&mut evidence, "new_of_customer", Run::new(2.0, 30.0, 10_400.0, 1.0), &["wide_index"]);
    let findings = missing(&evidence);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(findings[0].summary.contains("by its index"), "{}", findings[0].summary);
}

#[test]
fn a_walk_in_order_past_rows_that_do_not_fit_is_one_too() {
    let run = |blocks| Run::new(2.0, 150.0, blocks, 10.0);
    check_found("latest_of_customer", run(13_000.0), &["representative"], "public.orders", "customer_id");
    // Found soon, after a hundred blocks: nothing is wrong.
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, "latest_of_customer", run(100.0), &["representative"]);
    assert!(missing(&evidence).is_empty());
}

fn check_silent(what: &str, name: &str, run: Run, plans: &[&str], change: Alter) {
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, name, run, plans);
    change(&mut evidence);
    let findings = missing(&evidence);
    assert!(findings.is_empty(), "{what}: {findings:#?}");
    let all = detect(&evidence);
    assert!(propose::ask(&evidence, &all).is_empty(), "{what}: asks for an index all the same");
}

#[test]
fn look_alikes_stay_silent() {
    let both = &["generic", "representative"][..];
    let none = |_: &mut Evidence| {};
    let hot = Run::new(4.0, 60.0, 13_200.0, 2.0);
    // The demo's control: slow, and every row is needed.
    check_silent(
        "an aggregate over all",
        "sales_by_product",
        Run::new(0.2, 900.0, 25_000.0, 20.0),
        &["generic"],
        none,
    );
    check_silent("a range of nearly all", "orders_of_years", Run::new(0.5, 150.0, 13_200.0, 1.0), both, none);
    check_silent(
        "a range whose ends the planner does not know",
        "orders_of_years",
        Run::new(0.5, 150.0, 13_200.0, 1.0),
        &["generic"],
        none,
    );
    check_silent(
        "most rows have that value",
        "delivered_orders",
        Run::new(0.5, 120.0, 13_200.0, 1.0),
        both,
        none,
    );
    check_silent("stops after a few rows", "some_orders", Run::new(50.0, 0.1, 2.0, 5.0), both, none);
    check_silent("a tiny table", "category_by_name", Run::new(900.0, 0.5, 1.0, 1.0), both, none);
    check_silent(
        "no plain column",
        "orders_by_lower_country",
        Run::new(0.5, 200.0, 13_200.0, 10.0),
        both,
        none,
    );
    check_silent("a pattern", "orders_with_note", Run::new(0.5, 150.0, 13_200.0, 0.0), both, none);
    check_silent(
        "a join of everything",
        "revenue_by_country",
        Run::new(0.2, 400.0, 14_400.0, 7.0),
        &["generic"],
        none,
    );
    check_silent(
        "it does not really run like that",
        "customer_orders_by_status",
        Run::new(4.0, 60.0, 120.0, 2.0),
        &["generic"],
        none,
    );
    check_silent(
        "too little time",
        "customer_orders_by_status",
        Run::new(0.0, 60.0, 13_200.0, 2.0),
        both,
        none,
    );
    check_silent("another schema's table", "customer_orders_by_status", hot, both, |evidence| {
        table(evidence, "orders").table.name.schema = "archive".into();
    });
    check_silent(
        "the index is there, in the other order",
        "customer_orders_by_status",
        hot,
        both,
        |evidence| {
            let orders = table(evidence, "orders");
            let mut there = orders.table.indexes[0].clone();
            there.unique = false;
            there.constraint = None;
            let mut second = there.keys[0].clone();
            there.keys[0].column = "status".into();
            second.column = "customer_id".into();
            there.keys.push(second);
            orders.table.indexes.push(there);
        },
    );
    check_silent(
        "the planner's figures of the table are wrong",
        "customer_orders_by_status",
        hot,
        both,
        |evidence| {
            let orders = table(evidence, "orders");
            orders.table.autovacuum_off = true;
            orders.activity.as_mut().unwrap().changed_since_analyze = 900_000;
        },
    );
    check_silent("a text that was cut", "customer_orders_by_status", hot, both, |evidence| {
        evidence.statements.last_mut().unwrap().truncated = true;
    });
    check_silent("a text that no parser takes", "customer_orders_by_status", hot, both, |evidence| {
        evidence.statements.last_mut().unwrap().text = "SELECT <unparsable> \u{0} FROM".into();
    });
    check_silent("old statistics only", "customer_orders_by_status", hot, both, |evidence| {
        evidence.now = evidence.now.after(std::time::Duration::from_secs(600));
    });
}

#[test]
fn severity_comes_from_the_time_that_is_lost() {
    for (per_second, severity) in [(4.0, Severity::Critical), (0.15, Severity::Medium)] {
        let mut evidence = shop();
        add_fast(&mut evidence);
        add(&mut evidence, "sales_by_product", Run::new(0.1, 900.0, 25_000.0, 20.0), &["generic"]);
        let run = Run::new(per_second, 60.0, 13_200.0, 2.0);
        add(&mut evidence, "customer_orders_by_status", run, &["generic"]);
        assert_eq!(missing(&evidence)[0].severity, severity, "{per_second} a second");
    }
}

#[test]
fn the_same_evidence_gives_the_same_findings() {
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, "customer_orders_by_status", Run::new(4.0, 60.0, 13_200.0, 2.0), &["generic"]);
    add(&mut evidence, "customer_totals", Run::new(0.5, 55.0, 13_200.0, 1.0), &["generic"]);
    assert_eq!(detect(&evidence), detect(&evidence));
    assert_eq!(missing(&evidence).len(), 2);
}
