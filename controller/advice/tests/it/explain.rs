//! Plans in words.

use querysmith_advice::explain::{RemarkSeverity, Surroundings, explain};

use crate::shop::{Run, add, shop, table};

fn check(name: &str, plan: &str, blocks: f64, expected: &[&str]) {
    let mut evidence = shop();
    add(&mut evidence, name, Run::FAST, &[plan]);
    let surroundings = Surroundings {
        tables: &evidence.tables,
        settings: Some(&evidence.settings),
        blocks_per_call: Some(blocks),
        rows_per_call: None,
    };
    let plan = &evidence.statements[0].plans[0].plan;
    let explanation = explain(plan, &surroundings);
    let mut text = format!("{}\n", explanation.headline);
    for node in &explanation.nodes {
        assert_eq!(node.parent.map_or(0, |parent| explanation.nodes[parent].depth + 1), node.depth);
        assert!((0.0..=1.0).contains(&node.cost_share) && !node.words.is_empty());
        text.push_str(&format!("{} | {} | {:?}\n", node.node, node.words, node.condition));
        for remark in &node.remarks {
            text.push_str(&format!("  {:?} {}\n", remark.severity, remark.text));
        }
    }
    for line in expected {
        assert!(text.contains(line), "{name}: no {line:?} in\n{text}");
    }
}

#[test]
fn plans_are_told_in_words() {
    check(
        "customer_orders_by_status",
        "generic",
        13_200.0,
        &[
            "of the cost is in Seq Scan on orders.",
            "Reads all of orders, keeping those that pass the filter.",
            "Reads 1.0 million rows to keep about 1. Calls really read 13,200 blocks.",
            "Stops after 2 rows.",
            "Collects the rows of 2 parallel workers, in order.",
            "customer_id = $1",
        ],
    );
    check("customer_orders_by_status", "generic", 40.0, &["calls read only 40 blocks"]);
    check(
        "sales_by_product",
        "generic",
        25_000.0,
        &["Needs all of the 3.0 million rows, so no index would help.", "Groups by order_items.product_id"],
    );
    check(
        "order_head",
        "generic",
        8.0,
        &["Nested Loop |", "Finds rows of orders by orders_pkey", "using customers_pkey"],
    );
    check("largest_orders", "representative", 13_200.0, &["Warning Needs about", "it goes to disk"]);
    check("category_by_name", "generic", 1.0, &["A small table"]);
    check(
        "new_of_customer",
        "wide_index",
        10_000.0,
        &["Collects the addresses of matching rows from orders_status_idx."],
    );
}

#[test]
fn statistics_of_another_time_are_warned_of() {
    let mut evidence = shop();
    add(&mut evidence, "price_changes", Run::FAST, &["generic"]);
    let activity = table(&mut evidence, "supplier_prices").activity.as_mut().unwrap();
    assert!(activity.live_rows > 100_000 && activity.planner_rows < 1_000.0, "{activity:?}");
    let surroundings = Surroundings { tables: &evidence.tables, ..Surroundings::default() };
    let explanation = explain(&evidence.statements[0].plans[0].plan, &surroundings);
    let warnings = explanation
        .nodes
        .iter()
        .flat_map(|node| &node.remarks)
        .filter(|r| r.severity == RemarkSeverity::Warning);
    assert!(warnings.clone().any(|remark| remark.text.contains("not to be trusted")), "{explanation:#?}");
    assert!(explanation.headline.contains("not to be trusted"), "{}", explanation.headline);
}
