use super::*;
use crate::evidence::TableEvidence;
use crate::testing;

fn uses(text: &str) -> Vec<TableUse> {
    let tables = testing::shop_tables();
    let catalog = Catalog::of(&tables, "shop");
    shape(text, &catalog, &[]).map(|shape| shape.uses).unwrap_or_default()
}

/// One line for each use: `alias: =equal ∈several <range ⋈join ↑order↓ limited`.
fn describe(table_use: &TableUse) -> String {
    let mut text = format!("{}:", table_use.alias);
    for equality in &table_use.equalities {
        text.push_str(&format!(" {}{}", if equality.several { '∈' } else { '=' }, equality.column));
    }
    for column in &table_use.ranges {
        text.push_str(&format!(" <{column}"));
    }
    for column in &table_use.joins {
        text.push_str(&format!(" ⋈{column}"));
    }
    for key in &table_use.order {
        text.push_str(&format!(" {}{}", if key.descending { '↓' } else { '↑' }, key.column));
    }
    if table_use.limited {
        text.push_str(" limited");
    }
    text
}

fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = uses(text).iter().map(describe).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn conditions_are_those_an_index_could_answer() {
    check("SELECT id FROM orders WHERE customer_id = $1 AND status = $2", &["orders: =customer_id =status"]);
    check("SELECT id FROM orders o WHERE $1 = o.customer_id", &["o: =customer_id"]);
    check("SELECT id FROM orders WHERE status IN ($1, $2)", &["orders: ∈status"]);
    check("SELECT id FROM orders WHERE status = ANY ($1)", &["orders: ∈status"]);
    check("SELECT id FROM orders WHERE status = $1 OR status = $2", &["orders: ∈status"]);
    check("SELECT id FROM orders WHERE status = $1 OR customer_id = $2", &["orders:"]);
    check("SELECT id FROM orders WHERE note IS NULL", &["orders: =note"]);
    check("SELECT id FROM orders WHERE note IS NOT NULL", &["orders:"]);
    check("SELECT id FROM orders WHERE created_at BETWEEN $1 AND $2", &["orders: <created_at"]);
    check("SELECT id FROM orders WHERE created_at > now() - $1::interval", &["orders: <created_at"]);
    check("SELECT id FROM orders WHERE (created_at, id) < ($1, $2)", &["orders: <created_at"]);
    check("SELECT id FROM orders WHERE $1 <= created_at", &["orders: <created_at"]);
    check("SELECT id FROM customers WHERE newsletter AND country = $1", &["customers: =newsletter =country"]);
    check("SELECT id FROM customers WHERE NOT newsletter", &["customers: =newsletter"]);
}

#[test]
fn what_no_plain_index_answers_is_left_out() {
    for text in [
        "SELECT id FROM orders WHERE lower(status) = $1",
        "SELECT id FROM orders WHERE customer_id::text = $1",
        "SELECT id FROM orders WHERE customer_id + 1 = $1",
        "SELECT id FROM orders WHERE note LIKE $1",
        "SELECT id FROM orders WHERE status <> $1",
        "SELECT id FROM orders WHERE customer_id = total_cents",
        "SELECT id FROM orders WHERE NOT (status = $1)",
    ] {
        check(text, &["orders:"]);
    }
}

#[test]
fn joins_are_seen_in_every_spelling() {
    let both = &["o: ⋈customer_id", "c: =country ⋈id"];
    check("SELECT 1 FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.country = $1", both);
    check("SELECT 1 FROM orders o, customers c WHERE c.id = o.customer_id AND c.country = $1", both);
    check(
        "SELECT 1 FROM reviews JOIN orders USING (customer_id)",
        &["reviews: ⋈customer_id", "orders: ⋈customer_id"],
    );
    check(
        "SELECT 1 FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = $1)",
        &["c:", "o: =status ⋈customer_id"],
    );
    check(
        "SELECT 1 FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE status = $1)",
        &["customers: ⋈id", "orders: =status"],
    );
}

#[test]
fn order_counts_only_where_an_index_could_give_it() {
    check(
        "SELECT id FROM orders WHERE customer_id = $1 ORDER BY created_at DESC, id LIMIT $2",
        &["orders: =customer_id ↓created_at ↑id limited"],
    );
    check("SELECT id, created_at AS at FROM orders ORDER BY at", &["orders: ↑created_at"]);
    check("SELECT created_at, id FROM orders ORDER BY 1 LIMIT 5", &["orders: ↑created_at limited"]);
    check("SELECT id FROM orders ORDER BY lower(status)", &["orders:"]);
    check("SELECT status, count(*) FROM orders GROUP BY status ORDER BY status", &["orders:"]);
    check(
        "SELECT 1 FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.created_at, c.name",
        &["o: ⋈customer_id", "c: ⋈id"],
    );
}

#[test]
fn every_block_is_looked_at_and_only_real_tables_are() {
    check(
        "WITH recent AS (SELECT * FROM orders WHERE created_at > $1) SELECT * FROM recent r WHERE r.status = $2",
        &["orders: <created_at"],
    );
    check("WITH orders AS (SELECT 1 AS customer_id) SELECT * FROM orders WHERE customer_id = $1", &[]);
    check(
        "SELECT id FROM orders WHERE status = $1 UNION ALL SELECT id FROM orders WHERE customer_id = $2",
        &["orders: =status", "orders: =customer_id"],
    );
    check(
        "SELECT * FROM (SELECT * FROM reviews WHERE rating = $1) x WHERE x.product_id = $2",
        &["reviews: =rating"],
    );
    check("SELECT * FROM nowhere WHERE a = $1", &[]);
    check("SELECT * FROM public.orders WHERE status = $1", &["orders: =status"]);
    check("SELECT * FROM archive.orders WHERE status = $1", &[]);
}

#[test]
fn writes_have_their_target() {
    let write = |text: &str| uses(text).first().and_then(|table_use| table_use.write.clone());
    assert_eq!(write("INSERT INTO orders (customer_id) VALUES ($1)"), Some(Write::Insert));
    assert_eq!(
        write("UPDATE orders SET status = $1, updated_at = now() WHERE customer_id = $2"),
        Some(Write::Update(vec!["status".into(), "updated_at".into()]))
    );
    assert_eq!(write("DELETE FROM orders WHERE customer_id = $1"), Some(Write::Delete));
    check(
        "DELETE FROM orders o USING customers c WHERE c.id = o.customer_id",
        &["o: ⋈customer_id", "c: ⋈id"],
    );
    check("UPDATE orders SET status = $1 WHERE customer_id = $2", &["orders: =customer_id"]);
}

#[test]
fn all_columns_or_the_ones_it_mentions() {
    let mentioned = |text: &str| uses(text).remove(0).mentioned;
    assert_eq!(mentioned("SELECT * FROM orders WHERE id = $1"), None);
    let columns = mentioned("SELECT sum(total_cents) FROM orders WHERE customer_id = $1").unwrap();
    assert_eq!(columns, ["total_cents", "customer_id"]);
}

#[test]
fn what_is_no_query_has_no_shape() {
    let tables: Vec<TableEvidence> = testing::shop_tables();
    let catalog = Catalog::of(&tables, "shop");
    let long = format!("SELECT id FROM orders WHERE note = '{}'", "x".repeat(MAX_PARSED_BYTES));
    let deep = format!("SELECT {}1{}", "(".repeat(3_000), ")".repeat(3_000));
    for text in [
        "",
        "   ",
        "VACUUM orders",
        "CREATE INDEX x ON orders (id)",
        "SELEC 1",
        "<unparsable>",
        "/* unfinished",
        &long,
    ] {
        assert_eq!(shape(text, &catalog, &[]), None, "{}", &text[..text.len().min(40)]);
    }
    // Must come back, with or without a shape.
    let _ = shape(&deep, &catalog, &[]);
    assert!(shape("/* a */ -- b\n (SELECT 1)", &catalog, &[]).is_some());
}
