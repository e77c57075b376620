//! Statement statistics: reads the counters, never the texts once they are known, and reports what each window
//! added.

pub(crate) mod delta;
mod read;

pub(super) use read::name_users;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant, SystemTime};

use querysmith_shared::id::StatementId;
use querysmith_shared::observation::query_stats::{Coverage, MAX_ROWS, QueryStats, StatementDelta};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ReportBody;

use super::classify::Class;
use super::facts::{self, Facts};
use super::texts::{self, Names};
use super::{Known, Postgres};
use crate::collect::collector::Collector;
use crate::collect::sink::Reports;
use crate::engines::{CollectError, Collected};
use delta::{Counters, Delta, Key, Reading};

/// The first window is short, so that the first sample is there within five seconds of the start.
const FIRST_WINDOW: Duration = Duration::from_secs(3);
/// A statement with this share of the time that has no plan yet gets one at once.
const HOT_SHARE: f32 = 0.05;
/// After so many runs without texts, counters are reported without them.
const MISSING_TEXTS_LIMIT: u32 = 3;

/// What is remembered from run to run.
#[derive(Default)]
pub(super) struct State {
    previous: Option<Previous>,
    users: HashMap<u32, String>,
    runs_without_texts: u32,
}

struct Previous {
    reading: Reading,
    ended: Timestamp,
    ended_at: Instant,
}

pub(super) async fn collect(engine: &Postgres, reports: &dyn Reports) -> Result<Collected, CollectError> {
    let mut state = engine.query_stats.recall().await;
    let statements = engine.known()?;
    let mut collected = Collected {
        problems: statements.facts.statements_problems(statements.extension.as_ref()),
        ..Collected::default()
    };
    let Some(extension) = statements.readable() else { return Ok(collected) };
    let mut lease = engine.lease_server(Collector::QueryStats).await?;
    let mut reading = read::read(lease.session(), extension).await?;
    let (ended, ended_at) = (Timestamp::from(SystemTime::now()), Instant::now());
    reading.capacity = statements.facts.statements_max.unwrap_or(0);
    collected.rows = reading.entries.len() as u64;
    let Some(previous) = &state.previous else {
        lease.done();
        state.previous = Some(Previous { reading, ended, ended_at });
        collected.again_in = Some(FIRST_WINDOW);
        return Ok(collected);
    };
    let window = Window {
        start: delta::window_start(previous.ended, ended, ended_at.duration_since(previous.ended_at)),
        end: ended,
    };
    let mut delta = delta::delta(&previous.reading, &reading);
    let databases: HashMap<u32, &str> =
        statements.databases.iter().map(|database| (database.oid, database.name.as_str())).collect();
    delta.rows.retain(|(key, _)| {
        databases.contains_key(&key.database) && Some(key.user) != engine.own_role(&statements.facts)
    });

    let unknown: Vec<Key> = {
        let catalogue = engine.catalogue();
        delta.rows.iter().map(|(key, _)| *key).filter(|key| catalogue.get(*key).is_none()).collect()
    };
    if !unknown.is_empty() {
        name_users(lease.session(), &unknown, &mut state.users).await?;
        let names = Names { databases: &databases, users: &state.users };
        let fetched = texts::fetch(lease.session(), extension, &unknown, &names, engine, reports).await;
        match fetched {
            Ok(()) => state.runs_without_texts = 0,
            Err(error @ CollectError::Store(_)) => return Err(error),
            Err(error) => {
                state.runs_without_texts += 1;
                if state.runs_without_texts < MISSING_TEXTS_LIMIT {
                    // The earlier reading stays: the next window is longer, and nothing is lost.
                    return Err(error);
                }
                collected.problems.push(texts::missing(&error));
                drop(lease);
                return report(engine, state, window, delta, reading, reports, collected).await;
            }
        }
    }
    lease.done();
    report(engine, state, window, delta, reading, reports, collected).await
}

/// Finds statements by their ids among everything the server tracks now.
pub(super) async fn find(
    engine: &Postgres,
    ids: &[StatementId],
) -> Result<HashMap<StatementId, Key>, CollectError> {
    let known = engine.known()?;
    let Some(extension) = known.readable() else { return Ok(HashMap::new()) };
    let mut lease = engine.lease_server(Collector::QueryStats).await?;
    let reading = read::read(lease.session(), extension).await?;
    let keys: Vec<Key> = reading.entries.iter().map(|entry| entry.key).collect();
    let mut users = HashMap::new();
    name_users(lease.session(), &keys, &mut users).await?;
    lease.done();
    let wanted: HashSet<&StatementId> = ids.iter().collect();
    let mut found = HashMap::new();
    for key in keys {
        let database = known.databases.iter().find(|database| database.oid == key.database);
        let (Some(database), Some(user)) = (database, users.get(&key.user)) else { continue };
        let id = StatementId::derive(&database.name, user, key.top_level, key.query_id);
        if wanted.contains(&id) {
            found.insert(id, key);
        }
    }
    Ok(found)
}

/// A stretch of time.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Timestamp,
    end: Timestamp,
}

async fn report(
    engine: &Postgres,
    mut state: tokio::sync::MutexGuard<'_, State>,
    window: Window,
    delta: Delta,
    reading: Reading,
    reports: &dyn Reports,
    mut collected: Collected,
) -> Result<Collected, CollectError> {
    let rows = visible(engine, &delta, &state.users);
    {
        let mut catalogue = engine.catalogue();
        catalogue.note(&delta.rows);
        catalogue.prune(&reading);
        if catalogue.has_unplanned_above(HOT_SHARE) {
            collected.wake.push(Collector::Plans);
        }
    }
    let ended_at = Instant::now();
    for (index, body) in batches(window, rows, delta.coverage).into_iter().enumerate() {
        let appended = reports.append(ReportBody::QueryStats(body)).await;
        if let Err(error) = appended {
            if index > 0 {
                // Part of the window is on disk already: better a window with rows missing than rows twice.
                state.previous = Some(Previous { reading, ended: window.end, ended_at });
            }
            return Err(CollectError::Store(error));
        }
    }
    state.previous = Some(Previous { reading, ended: window.end, ended_at });
    Ok(collected)
}

/// The rows that are the users' work, with their ids.
fn visible(engine: &Postgres, delta: &Delta, users: &HashMap<u32, String>) -> Vec<StatementDelta> {
    let catalogue = engine.catalogue();
    let statements = engine.known_now();
    let mut rows = Vec::with_capacity(delta.rows.len());
    for (key, counters) in &delta.rows {
        let id = match catalogue.get(*key) {
            Some(statement) if matches!(statement.class, Class::Noise | Class::Own) => continue,
            Some(statement) => statement.id,
            None => {
                let database = statements.iter().flat_map(|known| &known.databases);
                let name = database.into_iter().find(|database| database.oid == key.database);
                let (Some(database), Some(user)) = (name, users.get(&key.user)) else { continue };
                StatementId::derive(&database.name, user, key.top_level, key.query_id)
            }
        };
        rows.push(row(id, counters));
    }
    rows
}

fn row(statement: StatementId, counters: &Counters) -> StatementDelta {
    StatementDelta {
        statement,
        calls: counters.calls,
        rows: counters.rows,
        total_ms: counters.total_ms,
        sum_squares_ms2: counters.sum_squares,
        blocks_hit: counters.blocks_hit,
        blocks_read: counters.blocks_read,
        blocks_dirtied: counters.blocks_dirtied,
        blocks_written: counters.blocks_written,
        temp_blocks_read: counters.temp_read,
        temp_blocks_written: counters.temp_written,
        io_ms: counters.io_ms,
        wal_bytes: counters.wal_bytes,
    }
}

/// A window as messages: at least one, so that an idle window is told from a missing one. What can be added up
/// in the coverage is said once.
fn batches(window: Window, rows: Vec<StatementDelta>, coverage: Coverage) -> Vec<QueryStats> {
    let body = |rows: &[StatementDelta], coverage| QueryStats {
        window_start: window.start,
        window_end: window.end,
        rows: rows.to_vec(),
        coverage,
    };
    if rows.is_empty() {
        return vec![body(&[], coverage)];
    }
    let said = Coverage { evictions: 0, appeared: 0, reset: false, ..coverage };
    rows.chunks(MAX_ROWS)
        .enumerate()
        .map(|(index, rows)| body(rows, if index == 0 { coverage } else { said }))
        .collect()
}

impl Known {
    /// The extension, if its statistics can be read.
    pub(super) fn readable(&self) -> Option<&facts::Extension> {
        let loaded = self.facts.statements_max.is_some();
        self.extension.as_ref().filter(|extension| loaded && extension.version >= (1, 8))
    }
}

impl Postgres {
    /// The reading role's id, if everything it runs is the agent's own.
    fn own_role(&self, facts: &Facts) -> Option<u32> {
        let dedicated = self.config.dedicated_role.unwrap_or_else(|| facts.role.starts_with("querysmith"));
        dedicated.then_some(facts.role_oid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Vec<StatementDelta> {
        vec![row(StatementId(1), &Counters { calls: 1, ..Counters::default() }); count]
    }

    #[test]
    fn a_long_window_is_split_and_its_coverage_said_once() {
        let window = Window { start: Timestamp(0), end: Timestamp(1) };
        let coverage = Coverage { tracked: 9, capacity: 10, evictions: 3, reset: true, appeared: 4 };
        let found = batches(window, rows(MAX_ROWS + 1), coverage);
        assert_eq!(found.iter().map(|batch| batch.rows.len()).collect::<Vec<_>>(), [MAX_ROWS, 1]);
        assert_eq!(found[0].coverage, coverage);
        assert_eq!(found[1].coverage, Coverage { tracked: 9, capacity: 10, ..Coverage::default() });
        assert_eq!(batches(window, Vec::new(), coverage).len(), 1);
    }
}
