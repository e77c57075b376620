//! The planted problems are what they are meant to be, shown by plans and not by time.

use anyhow::{Context, Result};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use querysmith_tests::shop::breakage::{break_shop, state, unbreak_shop};
use querysmith_tests::shop::load::load;
use querysmith_tests::shop::workload::WORKLOAD;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::shop::{SCALE, address};

struct Shop {
    connection: PgConnection,
    _cluster: Cluster,
}

async fn open_shop() -> Result<Shop> {
    // The demo's server is set up for fast disks, which makes indexes look better to the planner.
    let cluster = Cluster::start(Options::default().setting("random_page_cost", "1.1"))?;
    load(&address(&cluster)?, SCALE, &|_| ()).await?;
    Ok(Shop { connection: cluster.connect("shop").await?, _cluster: cluster })
}

impl Shop {
    async fn run(&mut self, sql: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.connection).await?;
        Ok(())
    }

    /// The plan of a statement of the workload, as text, for arguments written in SQL.
    async fn plan(&mut self, name: &str, arguments: &str) -> Result<String> {
        let statement = WORKLOAD
            .iter()
            .flat_map(|activity| activity.statements)
            .find(|statement| statement.name == name)
            .context("no such statement")?;
        let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        self.run(&format!("PREPARE statement AS {}", statement.sql)).await?;
        let explain = format!("EXPLAIN EXECUTE statement{arguments}");
        let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut self.connection).await?;
        self.run("DEALLOCATE statement").await?;
        let lines: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        Ok(lines.join("\n"))
    }

    /// What the planner thinks a statement costs if there were one more index on orders.
    async fn cost_with(&mut self, columns: &str, name: &str, arguments: &str) -> Result<f64> {
        self.run(&format!("SELECT hypopg_create_index('CREATE INDEX ON orders ({columns})')")).await?;
        let plan = self.plan(name, arguments).await?;
        self.run("SELECT hypopg_reset()").await?;
        let cost = plan.split_once("..").and_then(|(_, rest)| rest.split_once(' ')).context("no cost")?.0;
        cost.parse().with_context(|| format!("reading the cost {cost}"))
    }
}

fn assert_has(plan: &str, part: &str) {
    assert!(plan.contains(part), "{part} is not in\n{plan}");
}

fn assert_lacks(plan: &str, part: &str) {
    assert!(!plan.contains(part), "{part} is in\n{plan}");
}

#[tokio::test]
async fn the_hot_lookup_scans_orders_until_a_two_column_index_is_there() -> Result<()> {
    let mut shop = open_shop().await?;
    assert_has(&shop.plan("warehouse_queue", "100, 'packed'").await?, "Seq Scan on orders");
    assert_eq!(state(&mut shop.connection).await?.hot_lookup_served_by, None);

    shop.run("CREATE INDEX fix ON orders (warehouse_id, status)").await?;

    let plan = shop.plan("warehouse_queue", "100, 'packed'").await?;
    assert_has(&plan, "fix");
    assert_has(&plan, "Index Cond: ((warehouse_id = 100) AND (status = 'packed'::text))");
    assert_eq!(state(&mut shop.connection).await?.hot_lookup_served_by.as_deref(), Some("fix"));
    Ok(())
}

#[tokio::test]
async fn an_index_that_lacks_one_of_the_two_columns_leaves_the_hot_lookup_ten_times_as_dear() -> Result<()> {
    let mut shop = open_shop().await?;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        shop.run(&format!("SET plan_cache_mode = {mode}")).await?;
        let both = shop.cost_with("warehouse_id, status", "warehouse_queue", "100, 'paid'").await?;
        for columns in ["warehouse_id", "status", "created_at", "warehouse_id, created_at"] {
            let cost = shop.cost_with(columns, "warehouse_queue", "100, 'paid'").await?;
            assert!(cost >= 10.0 * both, "{mode}: ({columns}) costs {cost}, both columns {both}");
        }
        let sorted =
            shop.cost_with("warehouse_id, status, created_at", "warehouse_queue", "100, 'paid'").await?;
        assert!(sorted >= 0.8 * both, "{mode}: the order brings {both} down to {sorted}");
    }
    Ok(())
}

#[tokio::test]
async fn every_other_lookup_in_orders_has_its_index() -> Result<()> {
    let mut shop = open_shop().await?;
    for name in ["customer_orders", "customer_totals"] {
        assert_has(&shop.plan(name, "7920").await?, "orders_customer_id_idx");
    }
    for (name, arguments) in
        [("order_head", "7"), ("order_status_update", "7, 'packed'"), ("latest_orders", "")]
    {
        assert_has(&shop.plan(name, arguments).await?, "orders_pkey");
    }
    Ok(())
}

#[tokio::test]
async fn the_planner_is_wrong_about_deliveries_until_analyze() -> Result<()> {
    let mut shop = open_shop().await?;
    // As in a fresh session, and as an agent sees it that forces a generic plan.
    for mode in ["force_custom_plan", "force_generic_plan"] {
        shop.run(&format!("SET plan_cache_mode = {mode}")).await?;
        assert_has(&shop.plan("price_changes", "1050, 1049").await?, "Nested Loop  (");
    }
    let before = state(&mut shop.connection).await?;
    assert_eq!(before.rows_expected_per_delivery, Some(1.0));

    shop.run("ANALYZE supplier_prices").await?;

    for mode in ["force_custom_plan", "force_generic_plan"] {
        shop.run(&format!("SET plan_cache_mode = {mode}")).await?;
        assert_lacks(&shop.plan("price_changes", "1050, 1049").await?, "Nested Loop");
    }
    let after = state(&mut shop.connection).await?;
    assert!(after.rows_expected_per_delivery > Some(10.0), "{after:?}");
    Ok(())
}

#[tokio::test]
async fn payments_has_the_same_index_twice() -> Result<()> {
    let mut shop = open_shop().await?;
    let indexes = state(&mut shop.connection).await?.payment_indexes;
    assert_eq!(indexes, ["payments_order_id_idx", "payments_order_idx"]);
    Ok(())
}

#[tokio::test]
async fn no_index_changes_the_plan_of_the_control() -> Result<()> {
    let mut shop = open_shop().await?;
    let all = "quantity, price_cents, discount_cents, tax_percent";
    for index in [
        "(product_id)".to_owned(),
        "(product_id, quantity)".to_owned(),
        "(product_id, quantity, price_cents)".to_owned(),
        format!("(product_id, {all})"),
        format!("(product_id) INCLUDE ({all})"),
        format!("({all}, product_id)"),
    ] {
        shop.run(&format!("SELECT hypopg_create_index('CREATE INDEX ON order_items {index}')")).await?;
    }
    for cost in ["1.1", "4"] {
        shop.run(&format!("SET random_page_cost = {cost}")).await?;
        let plan = shop.plan("sales_by_product", "").await?;
        assert_has(&plan, "Seq Scan on order_items");
        assert_lacks(&plan, "btree");
    }
    Ok(())
}

#[tokio::test]
async fn breaking_the_shop_costs_order_lines_its_index_and_unbreaking_gives_it_back() -> Result<()> {
    let mut shop = open_shop().await?;
    assert_has(&shop.plan("order_lines", "1").await?, "order_items_order_id_idx");

    break_shop(&mut shop.connection).await?;
    break_shop(&mut shop.connection).await?;
    assert_has(&shop.plan("order_lines", "1").await?, "Seq Scan on order_items");

    assert!(unbreak_shop(&mut shop.connection).await?);
    assert!(!unbreak_shop(&mut shop.connection).await?, "it is there already");
    assert_has(&shop.plan("order_lines", "1").await?, "order_items_order_id_idx");
    Ok(())
}
