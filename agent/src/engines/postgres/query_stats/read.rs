//! Reads the counters of every statement.

use std::collections::HashMap;
use std::time::Instant;

use querysmith_shared::timestamp::Timestamp;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;
use sqlx::postgres::types::Oid;

use super::delta::{Counters, Entry, Key, Reading};
use crate::engines::CollectError;
use crate::engines::postgres::facts::Extension;
use crate::engines::postgres::row;
use crate::engines::postgres::session::Session;

/// One reading, by the version of the extension: its columns were renamed more than once.
pub(super) async fn read(session: &mut Session, extension: &Extension) -> Result<Reading, CollectError> {
    let clock = match extension.version {
        (1, ..=8) => include_str!("../sql/query_stats_clock.sql"),
        _ => include_str!("../sql/query_stats_info.sql"),
    };
    let begun_at = Instant::now();
    let info = session
        .one(sqlx::query(AssertSqlSafe(extension.qualified(clock))), |row| {
            Ok((row::count(row, 0)?, row::timestamp(row, 1)?, row::timestamp(row, 2)?))
        })
        .await?;
    let (evictions, reset, begun) = info.unwrap_or((0, None, None));
    let sql = match extension.version {
        (1, ..=8) => include_str!("../sql/query_stats_1_8.sql"),
        (1, 9) => include_str!("../sql/query_stats_1_9.sql"),
        (1, 10) => include_str!("../sql/query_stats_1_10.sql"),
        _ => include_str!("../sql/query_stats_1_11.sql"),
    };
    let mut entries = Vec::new();
    let mut hidden = 0;
    session
        .each(sqlx::query(AssertSqlSafe(extension.qualified(sql))), |row| {
            match entry(row)? {
                Some(entry) => entries.push(entry),
                None => hidden += 1,
            }
            Ok(())
        })
        .await?;
    entries.shrink_to_fit();
    let ended = begun.map(|begun: Timestamp| begun.after(begun_at.elapsed()));
    Ok(Reading { begun, ended, reset, evictions, hidden, capacity: 0, entries }.sorted())
}

/// One entry; `None` if the role may not see which statement it is.
fn entry(row: &PgRow) -> Result<Option<Entry>, sqlx::Error> {
    let Some(query_id) = row::int(row, 2)? else { return Ok(None) };
    let float = |index| row::float(row, index).map(|value| value.unwrap_or(0.0));
    let calls = row::count(row, 4)?;
    let (mean, deviation) = (float(7)?, float(8)?);
    #[allow(clippy::cast_precision_loss)]
    let counters = Counters {
        calls,
        rows: row::count(row, 5)?,
        total_ms: float(6)?,
        sum_squares: calls as f64 * (deviation * deviation + mean * mean),
        blocks_hit: row::count(row, 9)?,
        blocks_read: row::count(row, 10)?,
        blocks_dirtied: row::count(row, 11)?,
        blocks_written: row::count(row, 12)?,
        temp_read: row::count(row, 13)?,
        temp_written: row::count(row, 14)?,
        io_ms: float(15)?,
        wal_bytes: row::count(row, 16)?,
    };
    let key =
        Key { query_id, database: row::oid(row, 1)?, user: row::oid(row, 0)?, top_level: row::bool(row, 3)? };
    Ok(Some(Entry { key, counters, since: row::timestamp(row, 17)? }))
}

/// Looks up the names of users that are not in `names` yet. A user that is gone is named by its id.
pub(in crate::engines::postgres) async fn name_users(
    session: &mut Session,
    keys: &[Key],
    names: &mut HashMap<u32, String>,
) -> Result<(), CollectError> {
    let mut unknown: Vec<u32> =
        keys.iter().map(|key| key.user).filter(|user| !names.contains_key(user)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    if unknown.is_empty() {
        return Ok(());
    }
    let oids: Vec<Oid> = unknown.iter().map(|oid| Oid(*oid)).collect();
    let found = session
        .all(sqlx::query(include_str!("../sql/roles.sql")).bind(oids), |row| {
            Ok((row::oid(row, 0)?, row::string(row, 1)?))
        })
        .await?;
    for user in unknown {
        names.insert(user, format!("oid {user}"));
    }
    names.extend(found);
    Ok(())
}
