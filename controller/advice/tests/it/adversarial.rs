//! What a DBA would call wrong advice: each case must be silent, or say the right thing.

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::Evidence;
use querysmith_advice::finding::{Finding, FindingKind};
use querysmith_advice::propose;
use querysmith_shared::observation::plan::PlanNode;
use querysmith_shared::observation::schema::TableKind;

use crate::shop::{Run, add, add_fast, of_kind, shop, table};

/// How a case differs from the plain one.
type Alter = fn(&mut Evidence);

const HOT: Run = Run { per_second: 4.0, mean_ms: 60.0, blocks: 13_200.0, rows: 2.0, since: None };

fn with(name: &str, plans: &[&str], alter: Alter) -> Evidence {
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, name, HOT, plans);
    alter(&mut evidence);
    evidence
}

fn missing(evidence: &Evidence) -> Vec<Finding> {
    of_kind(&detect(evidence), FindingKind::MissingIndex).into_iter().cloned().collect()
}

fn check_silent(what: &str, name: &str, plans: &[&str], alter: Alter) {
    let evidence = with(name, plans, alter);
    assert!(missing(&evidence).is_empty(), "{what}: {:#?}", missing(&evidence));
    assert!(propose::ask(&evidence, &detect(&evidence)).is_empty(), "{what}: asks for an index all the same");
}

/// Changes the statement that was added last: its text, and the filter of its scan.
fn rewrite(evidence: &mut Evidence, text: &str, filter: &str) {
    let statement = evidence.statements.last_mut().unwrap();
    statement.text = text.into();
    for plan in &mut statement.plans {
        filter_scan(&mut plan.plan, filter);
    }
}

fn filter_scan(node: &mut PlanNode, filter: &str) {
    if node.node_type == "Seq Scan" {
        node.filter = Some(filter.into());
    }
    for child in &mut node.children {
        filter_scan(child, filter);
    }
}

#[test]
fn what_no_plain_index_serves_is_not_called_a_missing_index() {
    let hot = "customer_orders_by_status";
    check_silent("the plain case but for two hundred rows", hot, &["generic"], |evidence| {
        let activity = table(evidence, "orders").activity.as_mut().unwrap();
        (activity.live_rows, activity.planner_rows, activity.planner_pages) = (200, 200.0, 4);
        activity.size_bytes = 4 * 8_192;
    });
    check_silent("another collation than the column's", hot, &["generic"], |evidence| {
        let text = "SELECT id FROM orders WHERE status = $1 COLLATE \"C\" AND note = $2 COLLATE \"de-x-icu\"";
        rewrite(evidence, text, "((orders.status = $1) AND (orders.note = $2))");
    });
    check_silent("a number compared as another type", hot, &["generic"], |evidence| {
        let text = "SELECT id FROM orders WHERE customer_id = $1::numeric";
        rewrite(evidence, text, "((orders.customer_id)::numeric = $1)");
    });
    check_silent("a type without an order", hot, &["generic"], |evidence| {
        rewrite(evidence, "SELECT id FROM orders WHERE customer_id = $1", "(orders.customer_id = $1)");
        let columns = &mut table(evidence, "orders").table.columns;
        columns.iter_mut().find(|column| column.name == "customer_id").unwrap().data_type = "xid".into();
    });
    check_silent("IS NULL where nearly all are", "latest_of_customer", &["representative"], |evidence| {
        // Read in the order of the primary key until ten rows fit; the blocks are those of wide rows.
        evidence.statements.last_mut().unwrap().text =
            "SELECT id, total_cents FROM orders WHERE note IS NULL ORDER BY id DESC LIMIT 10".into();
        let columns = &mut table(evidence, "orders").table.columns;
        let note = columns.iter_mut().find(|column| column.name == "note").unwrap();
        note.statistics.as_mut().unwrap().distinct = 10_000.0;
    });
    check_silent(
        "the first few by a column, of those that a pattern leaves",
        "largest_orders",
        &["representative"],
        |evidence| {
            let text =
                "SELECT id, total_cents FROM orders WHERE note LIKE $2 ORDER BY total_cents DESC LIMIT $1";
            rewrite(evidence, text, "(orders.note ~~ $2)");
            scan_rows(&mut evidence.statements.last_mut().unwrap().plans[0].plan, 10.0);
        },
    );
    check_silent("a parent of partitions", hot, &["generic"], |evidence| {
        table(evidence, "orders").table.kind = TableKind::Partitioned;
    });
    check_silent("a temporary table", hot, &["generic"], |evidence| {
        let name = &mut table(evidence, "orders").table.name;
        name.schema = "pg_temp_3".into();
        for plan in &mut evidence.statements.last_mut().unwrap().plans {
            in_schema(&mut plan.plan, "pg_temp_3");
        }
    });
    check_silent("a boolean that halves the table", hot, &["generic"], |evidence| {
        let columns = &mut table(evidence, "orders").table.columns;
        let status = columns.iter_mut().find(|column| column.name == "status").unwrap();
        status.data_type = "boolean".into();
        status.statistics.as_mut().unwrap().distinct = 2.0;
        rewrite(evidence, "SELECT id FROM orders WHERE status", "orders.status");
    });
    check_silent("a foreign table", hot, &["generic"], |evidence| {
        // The schema's description has none of them.
        evidence.tables.retain(|table| table.table.name.name != "orders");
    });
}

fn scan_rows(node: &mut PlanNode, rows: f64) {
    if node.node_type == "Seq Scan" {
        node.rows = rows;
    }
    for child in &mut node.children {
        scan_rows(child, rows);
    }
}

fn in_schema(node: &mut PlanNode, schema: &str) {
    if node.schema.is_some() {
        node.schema = Some(schema.into());
    }
    for child in &mut node.children {
        in_schema(child, schema);
    }
}

#[test]
fn a_text_compared_as_text_is_still_found() {
    let evidence = with("customer_orders_by_status", &["generic"], |evidence| {
        let filter = "((orders.customer_id = $1) AND ((orders.status)::text = $2))";
        rewrite(evidence, "SELECT id FROM orders WHERE customer_id = $1 AND status = $2", filter);
    });
    assert_eq!(missing(&evidence).len(), 1);
}

#[test]
fn an_invalid_index_is_named_with_its_remedy_and_no_second_one_is_proposed() {
    let evidence = with("customer_orders_by_status", &["generic"], |evidence| {
        let orders = table(evidence, "orders");
        let mut failed = orders.table.indexes[0].clone();
        (failed.unique, failed.constraint, failed.valid) = (false, None, false);
        failed.name = "orders_lookup".into();
        let mut second = failed.keys[0].clone();
        failed.keys[0].column = "customer_id".into();
        second.column = "status".into();
        failed.keys.push(second.clone());
        second.column = "created_at".into();
        (second.descending, second.nulls_first) = (true, true);
        failed.keys.push(second);
        orders.table.indexes.push(failed);
    });
    let found = missing(&evidence);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].advice.contains("REINDEX INDEX CONCURRENTLY \"public\".\"orders_lookup\";"),
        "{}",
        found[0].advice
    );
    let asked = propose::ask(&evidence, &detect(&evidence));
    let again = asked.iter().flat_map(|question| &question.candidates).filter(|candidate| {
        candidate.keys.iter().map(|key| key.column.as_str()).eq(["customer_id", "status"])
    });
    assert_eq!(again.count(), 0, "{asked:#?}");
}
