//! Sizes and activity of tables and indexes: the server's totals, reported where they changed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::time::{Instant, SystemTime};

use querysmith_shared::observation::schema::{IndexActivity, MAX_TABLES, TableActivity, TableUsage};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::codec::encode_body;
use querysmith_shared::wire::report::ReportBody;
use sqlx::postgres::PgRow;

use super::session::Session;
use super::{Postgres, row};
use crate::collect::collector::Collector;
use crate::collect::sink::Reports;
use crate::engines::{CollectError, Collected};

/// What is remembered from run to run: a hash of each table's figures, by database.
#[derive(Default)]
pub(super) struct State {
    databases: HashMap<String, HashMap<u32, u64>>,
}

pub(super) async fn collect(engine: &Postgres, reports: &dyn Reports) -> Result<Collected, CollectError> {
    let mut state = engine.usage.recall().await;
    let known = engine.known()?;
    let mut collected = Collected::default();
    let names: Vec<&str> = known.databases.iter().map(|database| database.name.as_str()).collect();
    state.databases.retain(|name, _| names.contains(&name.as_str()));
    let mut failure = None;
    for name in &names {
        let sent = state.databases.entry((*name).to_owned()).or_default();
        match one_database(engine, name, known.facts.major(), sent, reports, &mut collected).await {
            Ok(()) => {}
            Err(error @ CollectError::Store(_)) => return Err(error),
            Err(error) => failure = Some(engine.note_failure(name, error, &mut collected)),
        }
    }
    engine.outcome(collected, names.len(), failure)
}

async fn one_database(
    engine: &Postgres,
    database: &str,
    major: u32,
    sent: &mut HashMap<u32, u64>,
    reports: &dyn Reports,
    collected: &mut Collected,
) -> Result<(), CollectError> {
    let mut lease = engine.lease_database(database, Collector::Usage).await?;
    let (read_at, begun) = (Timestamp::from(SystemTime::now()), Instant::now());
    let (stats_since, tables) = read(lease.session(), major, i64::from(engine.config.max_tables)).await?;
    lease.done();
    collected.server_time += begun.elapsed();
    collected.rows += tables.len() as u64;
    let hashes: HashMap<u32, u64> = tables.iter().map(|table| (table.oid, hash(table))).collect();
    let mut changed: Vec<TableActivity> =
        tables.into_iter().filter(|table| sent.get(&table.oid) != hashes.get(&table.oid)).collect();
    while !changed.is_empty() {
        let batch: Vec<TableActivity> = changed.drain(..changed.len().min(MAX_TABLES)).collect();
        let usage = TableUsage { database: database.to_owned(), read_at, stats_since, tables: batch };
        reports.append(ReportBody::Usage(usage)).await.map_err(CollectError::Store)?;
    }
    *sent = hashes;
    Ok(())
}

fn hash(table: &TableActivity) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(&encode_body(table).unwrap_or_default());
    hasher.finish()
}

async fn read(
    session: &mut Session,
    major: u32,
    most: i64,
) -> Result<(Option<Timestamp>, Vec<TableActivity>), CollectError> {
    let since = session
        .one(sqlx::query(include_str!("sql/usage_since.sql")), |row| row::timestamp(row, 0))
        .await?
        .flatten();
    let mut tables = session
        .all(sqlx::query(include_str!("sql/usage_tables.sql")).bind(most), |row| table(row, major))
        .await?;
    let places: HashMap<u32, usize> =
        tables.iter().enumerate().map(|(place, table)| (table.oid, place)).collect();
    let sql = if major >= 16 {
        include_str!("sql/usage_indexes_16.sql")
    } else {
        include_str!("sql/usage_indexes_13.sql")
    };
    session
        .each(sqlx::query(sql), |row| {
            let Some(table) = places.get(&row::oid(row, 0)?).and_then(|place| tables.get_mut(*place)) else {
                return Ok(());
            };
            let index = index(row)?;
            table.index_scans += index.scans;
            table.indexes.push(index);
            Ok(())
        })
        .await?;
    Ok((since, tables))
}

#[allow(clippy::cast_possible_truncation)]
fn table(row: &PgRow, major: u32) -> Result<TableActivity, sqlx::Error> {
    let rows = row::float(row, 1)?.unwrap_or(-1.0) as f32;
    let pages = u32::try_from(row::count(row, 2)?).unwrap_or(u32::MAX);
    // Before version 14 an empty table and one that was never counted look the same.
    let never_counted = major < 14 && rows == 0.0 && pages == 0;
    Ok(TableActivity {
        oid: row::oid(row, 0)?,
        planner_rows: if never_counted { -1.0 } else { rows },
        planner_pages: pages,
        size_bytes: row::count(row, 3)?,
        live_rows: row::count(row, 4)?,
        dead_rows: row::count(row, 5)?,
        changed_since_analyze: row::count(row, 6)?,
        last_analyze: row::timestamp(row, 7)?,
        last_autoanalyze: row::timestamp(row, 8)?,
        sequential_scans: row::count(row, 9)?,
        sequential_rows: row::count(row, 10)?,
        index_scans: 0,
        inserted: row::count(row, 11)?,
        updated: row::count(row, 12)?,
        hot_updated: row::count(row, 13)?,
        deleted: row::count(row, 14)?,
        indexes: Vec::new(),
    })
}

fn index(row: &PgRow) -> Result<IndexActivity, sqlx::Error> {
    Ok(IndexActivity {
        oid: row::oid(row, 1)?,
        size_bytes: row::count(row, 2)?,
        scans: row::count(row, 3)?,
        entries_read: row::count(row, 4)?,
        last_scan: row::timestamp(row, 5)?,
    })
}
