//! Loads the shop: each step in its own transaction, noted in `shop_setup.step`, so that an interrupted load
//! continues and a finished one does nothing.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

/// One table or a thing that concerns several.
struct Step {
    name: &'static str,
    sql: &'static str,
}

macro_rules! step {
    ($name:literal) => {
        Step { name: $name, sql: include_str!(concat!("sql/load/", $name, ".sql")) }
    };
}

const SETUP: &str = include_str!("sql/load/setup.sql");

/// Two cores load two lanes at once; within a lane the order matters.
const FIRST_LANE: &[Step] =
    &[step!("customers"), step!("products"), step!("orders"), step!("payments"), step!("reviews")];
const SECOND_LANE: &[Step] =
    &[step!("order_items"), step!("sessions"), step!("supplier_prices_pilot"), step!("supplier_prices_bulk")];
const REFERENCES: &[Step] = &[step!("references")];

/// Everything but `supplier_prices`: that the planner is wrong about it is planted.
const STATISTICS: &str =
    "VACUUM (ANALYZE) customers, categories, products, orders, order_items, payments, reviews, sessions";

/// What a load did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// Some steps were still to be done.
    Now,
    /// All of it was there.
    Before,
}

/// Loads what is missing of the shop, and creates the database first if there is none; tells of each step.
pub async fn load(address: &PgConnectOptions, scale: f64, tell: &(dyn Fn(&str) + Sync)) -> Result<Loaded> {
    let mut connection = connect_or_create(address, tell).await?;
    sqlx::raw_sql(SETUP).execute(&mut connection).await.context("preparing the load")?;
    check_scale(&mut connection, scale).await?;
    create_extensions(&mut connection, tell).await?;
    if is_done(&mut connection, "statistics").await? {
        return Ok(Loaded::Before);
    }
    tokio::try_join!(
        run_lane(address, FIRST_LANE, scale, tell),
        run_lane(address, SECOND_LANE, scale, tell)
    )?;
    run_lane(address, REFERENCES, scale, tell).await?;

    tell("vacuum and analyze …");
    let started = Instant::now();
    sqlx::raw_sql(STATISTICS).execute(&mut connection).await.context("vacuuming")?;
    note_done(&mut connection, "statistics", scale, started).await?;
    tell(&format!("vacuum and analyze: {:.1} s", started.elapsed().as_secs_f64()));
    connection.close().await.context("closing the connection")?;
    Ok(Loaded::Now)
}

async fn run_lane(
    address: &PgConnectOptions,
    steps: &[Step],
    scale: f64,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    let mut connection = address.connect().await.context("connecting")?;
    let settings = format!(
        "SET shop.scale = '{scale}'; SET maintenance_work_mem = '256MB'; SET client_min_messages = warning"
    );
    sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut connection).await.context("setting up a session")?;
    for step in steps {
        run_step(&mut connection, step, scale, tell)
            .await
            .with_context(|| format!("loading {}", step.name))?;
    }
    connection.close().await.context("closing the connection")
}

async fn run_step(
    connection: &mut PgConnection,
    step: &Step,
    scale: f64,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    if is_done(connection, step.name).await? {
        return Ok(());
    }
    tell(&format!("{} …", step.name));
    let started = Instant::now();
    let mut transaction = connection.begin().await.context("beginning")?;
    sqlx::raw_sql(step.sql).execute(&mut *transaction).await.context("running the step")?;
    note_done(&mut transaction, step.name, scale, started).await?;
    transaction.commit().await.context("committing")?;
    tell(&format!("{}: {:.1} s", step.name, started.elapsed().as_secs_f64()));
    Ok(())
}

async fn is_done(connection: &mut PgConnection, step: &str) -> Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM shop_setup.step WHERE name = $1)")
        .bind(step)
        .fetch_one(connection)
        .await
        .context("looking up a step")
}

async fn note_done(connection: &mut PgConnection, step: &str, scale: f64, started: Instant) -> Result<()> {
    let took_ms = i64::try_from(started.elapsed().as_millis()).context("a step that takes for ever")?;
    sqlx::query("INSERT INTO shop_setup.step (name, scale, took_ms) VALUES ($1, $2, $3)")
        .bind(step)
        .bind(scale)
        .bind(took_ms)
        .execute(connection)
        .await
        .context("noting a step")?;
    Ok(())
}

async fn check_scale(connection: &mut PgConnection, scale: f64) -> Result<()> {
    let loaded: Option<f64> = sqlx::query_scalar("SELECT scale FROM shop_setup.step LIMIT 1")
        .fetch_optional(connection)
        .await
        .context("looking up the scale")?;
    match loaded {
        Some(loaded) if loaded != scale => bail!("this database holds a shop of scale {loaded}, not {scale}"),
        _ => Ok(()),
    }
}

async fn connect_or_create(address: &PgConnectOptions, tell: &(dyn Fn(&str) + Sync)) -> Result<PgConnection> {
    const NO_SUCH_DATABASE: &str = "3D000";
    match address.connect().await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NO_SUCH_DATABASE) => {}
        other => return other.context("connecting"),
    }
    let name = address.get_database().unwrap_or("postgres");
    tell(&format!("creating the database {name}"));
    let mut connection =
        address.clone().database("postgres").connect().await.context("connecting to postgres")?;
    let create = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.context("creating the database")?;
    connection.close().await.context("closing the connection")?;
    address.connect().await.context("connecting to the new database")
}

/// The two extensions the product makes use of, if the server has them.
async fn create_extensions(connection: &mut PgConnection, tell: &(dyn Fn(&str) + Sync)) -> Result<()> {
    for (name, create) in [
        ("pg_stat_statements", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"),
        ("hypopg", "CREATE EXTENSION IF NOT EXISTS hypopg"),
    ] {
        let is_available: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = $1)")
                .bind(name)
                .fetch_one(&mut *connection)
                .await
                .context("looking up extensions")?;
        if is_available {
            sqlx::raw_sql(create)
                .execute(&mut *connection)
                .await
                .with_context(|| format!("creating {name}"))?;
        } else {
            tell(&format!("the server doesn't have the extension {name}"));
        }
    }
    Ok(())
}
