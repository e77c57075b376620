//! What the shop's customers ask for: values for statements, drawn from a seeded source.

use anyhow::{Context, Result};
use rand::{Rng, RngExt};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, FromRow, PgConnection};

/// How large the loaded shop is; keys are drawn from these ranges.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct Sizes {
    /// Customers are numbered from 1.
    pub customers: i64,
    /// Products are numbered from 1.
    pub products: i64,
    /// Orders are numbered from 1; the driver adds more after these.
    pub orders: i64,
    /// Sessions that the load made.
    pub sessions: i64,
}

impl Sizes {
    /// Reads the sizes of a loaded shop.
    pub async fn read(connection: &mut PgConnection) -> Result<Self> {
        sqlx::query_as(include_str!("sql/workload_sizes.sql"))
            .fetch_one(connection)
            .await
            .context("reading the shop's size; has it been loaded?")
    }
}

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug)]
pub enum Parameter {
    /// A customer's key; some customers come far more often than others.
    Customer,
    /// A customer's address.
    Email,
    /// An order's key.
    Order,
    /// A warehouse's key.
    Warehouse,
    /// One of the statuses of an order that a warehouse works on.
    Status,
    /// A product's key; some products are far more popular than others.
    Product,
    /// A product's article number.
    Sku,
    /// A category's key.
    Category,
    /// A session's token.
    Session,
    /// A supplier's delivery, as loaded in bulk.
    Delivery,
    /// A small number of pieces.
    Quantity,
    /// A price.
    Price,
    /// The amount of an order.
    Amount,
    /// One to five stars.
    Rating,
}

impl Parameter {
    /// Draws a value and adds it to a statement's arguments.
    pub fn add(self, arguments: &mut PgArguments, sizes: Sizes, random: &mut impl Rng) -> Result<()> {
        let added = match self {
            Self::Customer => arguments.add(skewed(sizes.customers, random)),
            Self::Email => {
                arguments.add(format!("customer{}@example.com", random.random_range(1..=sizes.customers)))
            }
            Self::Order => arguments.add(random.random_range(1..=sizes.orders)),
            Self::Warehouse => arguments.add(random.random_range(1_i32..=200)),
            Self::Status => {
                arguments.add(["paid", "picking", "packed", "labelled"][random.random_range(0..4)])
            }
            Self::Product => arguments.add(skewed(sizes.products, random)),
            Self::Sku => arguments.add(format!("SKU-{:06}", skewed(sizes.products, random))),
            Self::Category => arguments.add(random.random_range(1_i32..=40)),
            Self::Session => arguments.add(token(random.random_range(1..=sizes.sessions))),
            Self::Delivery => arguments.add(random.random_range(1001_i32..=1100)),
            Self::Quantity => arguments.add(random.random_range(1_i32..=4)),
            Self::Price => arguments.add(random.random_range(100_i32..=20_000)),
            Self::Amount => arguments.add(random.random_range(500_i64..=60_000)),
            Self::Rating => arguments.add(random.random_range(1_i32..=5)),
        };
        added.map_err(|error| anyhow::anyhow!("binding {self:?}: {error}"))
    }
}

/// The same skew as `shop_setup.skewed`, so that the busy customers are those with many orders.
fn skewed(keys: i64, random: &mut impl Rng) -> i64 {
    let position = random.random::<f64>().powi(2);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "keys are far below 2^52"
    )]
    let rank = (position * keys as f64) as i64;
    1 + rank * 7919 % keys
}

/// The token that the load gave to a session.
fn token(session: i64) -> String {
    format!("s{:012x}", session * 2_654_435_761 % 4_294_967_296)
}
