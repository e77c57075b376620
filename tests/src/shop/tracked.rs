//! Fills pg_stat_statements with thousands of different statements and keeps some of them busy: the load under
//! which the agent's own cost is measured.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::load::load;

/// A table of the shop with six of its columns: 720 orders of columns make 720 statements.
const TABLES: &[(&str, [&str; 6])] = &[
    ("customers", ["id", "email", "name", "country", "segment", "created_at"]),
    ("products", ["id", "sku", "name", "category_id", "price_cents", "stock"]),
    ("orders", ["id", "customer_id", "status", "total_cents", "currency", "created_at"]),
    ("payments", ["id", "order_id", "method", "state", "amount_cents", "created_at"]),
    ("reviews", ["id", "product_id", "customer_id", "rating", "body", "created_at"]),
    ("sessions", ["id", "token", "customer_id", "user_agent", "started_at", "seen_at"]),
];
const ORDERS_OF_COLUMNS: usize = 720;
const SHAPES: usize = 4;

/// More different statements than this can't be made.
pub const MOST_STATEMENTS: usize = TABLES.len() * ORDERS_OF_COLUMNS * SHAPES;

/// Rows hardly matter here: each statement reads a few of them by primary key.
const SMALL_SCALE: f64 = 0.01;

/// How many statements, and how busy.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The shop's database.
    pub address: PgConnectOptions,
    /// Different statements to be tracked.
    pub statements: usize,
    /// How many of them stay active.
    pub active: usize,
    /// Executions per second, over all active statements.
    pub rate: f64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// Entries of this database in pg_stat_statements after the first round.
    pub tracked: i64,
    /// Statements that were kept active.
    pub active: usize,
    /// Executions after the first round.
    pub executed: u64,
    /// Failures after the first round.
    pub errors: u64,
    /// Time after the first round.
    pub seconds: f64,
}

/// Runs each statement once, then the active ones in turn until `end` is ready. In a database without a shop it
/// loads a small one first.
pub async fn run(plan: &Plan, end: impl Future<Output = ()>, tell: impl Fn(&str) + Sync) -> Result<Summary> {
    if plan.statements > MOST_STATEMENTS || plan.active == 0 || plan.active > plan.statements {
        bail!("at most {MOST_STATEMENTS} statements, and between one and all of them active");
    }
    if !is_loaded(&plan.address).await? {
        load(&plan.address, SMALL_SCALE, &tell).await?;
    }
    let address = plan.address.clone().statement_cache_capacity(plan.active);
    let mut connection = address.connect().await.context("connecting")?;
    for number in 0..plan.statements {
        execute(&mut connection, number, false).await.with_context(|| text(number))?;
    }
    let tracked = count_tracked(&mut connection).await?;
    if usize::try_from(tracked).unwrap_or_default() < plan.statements {
        bail!(
            "pg_stat_statements holds {tracked} statements of this database, fewer than {}: raise pg_stat_statements.max",
            plan.statements
        );
    }
    tell(&format!("{tracked} statements tracked, {} of them stay active", plan.active));

    let started = Instant::now();
    let mut summary = Summary { tracked, active: plan.active, executed: 0, errors: 0, seconds: 0.0 };
    let mut ticks = interval(Duration::from_secs_f64(1.0 / plan.rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut active = active(plan).into_iter().cycle();
    let mut end = pin!(end);
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = ticks.tick() => {}
        }
        let Some(number) = active.next() else { break };
        match execute(&mut connection, number, true).await {
            Ok(()) => summary.executed += 1,
            Err(_) => {
                summary.errors += 1;
                // Until the server is back, each tick fails once more.
                if let Ok(new) = address.connect().await {
                    connection = new;
                }
            }
        }
    }
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

async fn is_loaded(address: &PgConnectOptions) -> Result<bool> {
    let mut connection = address.connect().await.context("connecting")?;
    let is_loaded = sqlx::query_scalar("SELECT to_regclass('shop_setup.step') IS NOT NULL")
        .fetch_one(&mut connection)
        .await
        .context("looking for the shop")?;
    connection.close().await.context("closing the connection")?;
    Ok(is_loaded)
}

/// The active statements, spread over tables and shapes.
fn active(plan: &Plan) -> Vec<usize> {
    (0..plan.active).map(|place| place * plan.statements / plan.active).collect()
}

async fn execute(connection: &mut PgConnection, number: usize, again: bool) -> Result<()> {
    let key = i64::try_from(number % 1000).context("a key below 1000")? + 1;
    sqlx::query(AssertSqlSafe(text(number))).bind(key).persistent(again).fetch_all(connection).await?;
    Ok(())
}

async fn count_tracked(connection: &mut PgConnection) -> Result<i64> {
    let count = "
        SELECT count(*)
        FROM pg_stat_statements(false) s
        WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    sqlx::query_scalar(count).fetch_one(connection).await.context("counting in pg_stat_statements")
}

/// The statement of a number; different numbers are different statements to the server as well.
fn text(number: usize) -> String {
    let (table, columns) = TABLES[number % TABLES.len()];
    let shape = number / TABLES.len() % SHAPES;
    let columns = in_order(columns, number / TABLES.len() / SHAPES).join(", ");
    match shape {
        0 => format!("SELECT {columns} FROM {table} WHERE id = $1"),
        1 => format!("SELECT {columns} FROM {table} WHERE id >= $1 ORDER BY id LIMIT 3"),
        2 => format!(
            "WITH near AS (SELECT {columns} FROM {table} WHERE id BETWEEN $1 AND $1 + 5) SELECT {columns} FROM near ORDER BY id"
        ),
        _ => format!(
            "SELECT {columns}, CASE WHEN id % 7 = 0 THEN 'every seventh of them' WHEN id % 5 = 0 THEN 'every fifth of them' \
             WHEN id % 3 = 0 THEN 'every third of them' ELSE 'one of the others' END AS kind, id + 1 AS following, \
             id - 1 AS preceding, id * 2 AS doubled FROM {table} WHERE id = $1 AND id IS NOT NULL AND id > 0"
        ),
    }
}

/// The columns in their n-th order, by the factorial number system.
fn in_order(columns: [&'static str; 6], mut number: usize) -> Vec<&'static str> {
    let mut left = columns.to_vec();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        ordered.push(left.remove(number % left.len()));
        number /= left.len() + 1;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{MOST_STATEMENTS, text};

    #[test]
    fn all_texts_differ() {
        let texts: HashSet<String> = (0..MOST_STATEMENTS).map(text).collect();
        assert_eq!(texts.len(), MOST_STATEMENTS);
    }
}
