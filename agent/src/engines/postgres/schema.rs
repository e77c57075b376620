//! Tables, columns, constraints and indexes. Each run compares a signature of every table, which is cheap; only
//! tables that are new or changed are described.

mod describe;

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::time::Instant;

use querysmith_shared::observation::collector::Problem;
use querysmith_shared::observation::schema::{SchemaChanges, Table};
use querysmith_shared::wire::report::ReportBody;

use super::session::Session;
use super::{Postgres, facts, redact, row, server};
use crate::collect::collector::Collector;
use crate::collect::sink::Reports;
use crate::engines::{CollectError, Collected};

/// Tables that are described at once: a few hundred kilobytes.
const BATCH: usize = 50;

/// What is remembered from run to run, for each database.
#[derive(Default)]
pub(super) struct State {
    databases: HashMap<String, Seen>,
}

#[derive(Default)]
struct Seen {
    /// Signatures of the tables that were reported.
    signatures: HashMap<u32, i64>,
    /// Object ids that were reported as present.
    present: HashSet<u32>,
}

pub(super) async fn collect(engine: &Postgres, reports: &dyn Reports) -> Result<Collected, CollectError> {
    let mut state = engine.schema.recall().await;
    let known = engine.known()?;
    let mut collected = Collected::default();
    let names: Vec<&str> = known.databases.iter().map(|database| database.name.as_str()).collect();
    state.databases.retain(|name, _| names.contains(&name.as_str()));
    let mut failure = None;
    for name in &names {
        let seen = state.databases.entry((*name).to_owned()).or_default();
        match one_database(engine, name, seen, reports, &mut collected).await {
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
    seen: &mut Seen,
    reports: &dyn Reports,
    collected: &mut Collected,
) -> Result<(), CollectError> {
    let mut lease = engine.lease_database(database, Collector::Schema).await?;
    let extensions = facts::extensions(lease.session()).await?;
    server::remember(engine, database, extensions);
    let begun = Instant::now();
    let signatures = signatures(lease.session()).await?;
    collected.server_time += begun.elapsed();
    collected.rows += signatures.len() as u64;
    let most = engine.config.max_tables as usize;
    if signatures.len() > most {
        collected.problems.push(Problem {
            message: format!(
                "only the {most} largest of {} tables are described (`max_tables`)",
                signatures.len()
            ),
            remedy: None,
            database: Some(database.to_owned()),
        });
    }
    let present: Vec<u32> = signatures.iter().map(|(oid, _)| *oid).collect();
    let changed: Vec<(u32, i64)> = signatures
        .into_iter()
        .take(most)
        .filter(|(oid, signature)| seen.signatures.get(oid) != Some(signature))
        .collect();
    for batch in changed.chunks(BATCH) {
        let oids: Vec<u32> = batch.iter().map(|(oid, _)| *oid).collect();
        let mut tables = describe::tables(lease.session(), &oids).await?;
        if !engine.config.literals {
            tables.iter_mut().for_each(|table| without_literals(table, &engine.literals_key));
        }
        send(reports, database, &present, tables).await?;
        seen.signatures.extend(batch.iter().copied());
        seen.present = present.iter().copied().collect();
    }
    lease.done();
    let now: HashSet<u32> = present.iter().copied().collect();
    if now != seen.present {
        send(reports, database, &present, Vec::new()).await?;
        seen.present = now;
    }
    seen.signatures.retain(|oid, _| seen.present.contains(oid));
    Ok(())
}

/// Definitions of indexes may hold values of the users' data: in predicates and in expressions.
fn without_literals(table: &mut Table, key: &impl BuildHasher) {
    for index in &mut table.indexes {
        index.definition = redact::definition(&index.definition, key);
        if let Some(predicate) = &mut index.predicate {
            *predicate = redact::definition(predicate, key);
        }
        for of_index in index.keys.iter_mut().filter(|of_index| of_index.expression) {
            of_index.column = redact::definition(&of_index.column, key);
        }
    }
}

async fn signatures(session: &mut Session) -> Result<Vec<(u32, i64)>, CollectError> {
    let query = sqlx::query(include_str!("sql/schema_signatures.sql"));
    session.all(query, |row| Ok((row::oid(row, 0)?, row::int(row, 1)?.unwrap_or(0)))).await
}

async fn send(
    reports: &dyn Reports,
    database: &str,
    present: &[u32],
    tables: Vec<Table>,
) -> Result<(), CollectError> {
    // Fifty tables of the most columns that a table may have are still below the limit of a report.
    let changes = SchemaChanges { database: database.to_owned(), present: present.to_vec(), changed: tables };
    reports.append(ReportBody::Schema(changes)).await.map_err(CollectError::Store)
}
