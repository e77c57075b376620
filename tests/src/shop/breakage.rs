//! The hand behind the product's back: drops an index that the workload lives on, and puts it back.

use anyhow::{Context, Result};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};

const DROP: &str = "DROP INDEX CONCURRENTLY IF EXISTS order_items_order_id_idx";
const CREATE: &str =
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS order_items_order_id_idx ON order_items (order_id)";

/// Drops the index on order_items (order_id).
pub async fn break_shop(connection: &mut PgConnection) -> Result<()> {
    sqlx::raw_sql(DROP).execute(connection).await.context("dropping the index")?;
    Ok(())
}

/// Creates the index again; false if another one, such as the product's, already serves.
pub async fn unbreak_shop(connection: &mut PgConnection) -> Result<bool> {
    if state(connection).await?.order_lines_served_by.is_some() {
        return Ok(false);
    }
    sqlx::raw_sql(CREATE).execute(connection).await.context("creating the index")?;
    Ok(true)
}

/// How each planted problem stands.
#[derive(Clone, Debug, Serialize, FromRow)]
pub struct State {
    /// A valid index of orders that begins with warehouse_id and status, in either order.
    pub hot_lookup_served_by: Option<String>,
    /// Changes of supplier_prices since the last ANALYZE, as the server counts them.
    pub changes_since_analyze: Option<i64>,
    /// How many rows the planner expects for one delivery of supplier_prices.
    pub rows_expected_per_delivery: Option<f64>,
    /// The indexes on payments (order_id).
    pub payment_indexes: Vec<String>,
    /// A valid index of order_items that begins with order_id.
    pub order_lines_served_by: Option<String>,
}

/// Reads how the planted problems stand.
pub async fn state(connection: &mut PgConnection) -> Result<State> {
    sqlx::query_as(include_str!("sql/state.sql"))
        .fetch_one(connection)
        .await
        .context("reading the shop's state")
}
