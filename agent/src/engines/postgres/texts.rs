//! Texts of statements: fetched once for each, stripped of literals, and only then reported.

use std::collections::HashMap;

use querysmith_shared::id::StatementId;
use querysmith_shared::observation::collector::Problem;
use querysmith_shared::observation::query_stats::{MAX_TEXT_BYTES, MAX_TEXTS, StatementText, StatementTexts};
use querysmith_shared::wire::report::ReportBody;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use super::classify::{self, Class};
use super::facts::Extension;
use super::query_stats::delta::Key;
use super::session::Session;
use super::{Postgres, redact, row};
use crate::collect::sink::Reports;
use crate::engines::CollectError;

/// Longest text that is read of one statement, characters; one more tells that it is longer.
const MAX_CHARACTERS: usize = MAX_TEXT_BYTES;
/// Bytes of texts that are held at once; what is beyond is fetched in another round.
const ROUND_BYTES: usize = 1 << 20;
/// Most rounds of one run.
const MAX_ROUNDS: usize = 20;

/// Names of databases and users by their ids.
pub(super) struct Names<'a> {
    pub(super) databases: &'a HashMap<u32, &'a str>,
    pub(super) users: &'a HashMap<u32, String>,
}

/// Fetches the texts of `keys`, reports those that are the users', and notes all of them in the catalogue.
pub(super) async fn fetch(
    session: &mut Session,
    extension: &Extension,
    keys: &[Key],
    names: &Names<'_>,
    engine: &Postgres,
    reports: &dyn Reports,
) -> Result<(), CollectError> {
    let mut wanted: HashMap<Key, ()> = keys.iter().map(|key| (*key, ())).collect();
    for _ in 0..MAX_ROUNDS {
        if wanted.is_empty() {
            return Ok(());
        }
        let found = round(session, extension, &mut wanted, names, engine.config.literals).await?;
        if found.is_empty() {
            // The rest was evicted in the meantime.
            return Ok(());
        }
        let mut texts = Vec::new();
        let mut noted = Vec::new();
        for Found { key, class, text } in found {
            let (Some(database), Some(user)) =
                (names.databases.get(&key.database), names.users.get(&key.user))
            else {
                continue;
            };
            let id = StatementId::derive(database, user, key.top_level, key.query_id);
            noted.push((key, id, class));
            if let Some((text, truncated)) = text {
                texts.push(StatementText {
                    statement: id,
                    query_id: key.query_id,
                    database: (*database).to_owned(),
                    user: user.clone(),
                    top_level: key.top_level,
                    text,
                    truncated,
                });
            }
        }
        while !texts.is_empty() {
            let batch: Vec<StatementText> = texts.drain(..texts.len().min(MAX_TEXTS)).collect();
            let body = ReportBody::StatementTexts(StatementTexts { texts: batch });
            reports.append(body).await.map_err(CollectError::Store)?;
        }
        let mut catalogue = engine.catalogue();
        for (key, id, class) in noted {
            catalogue.insert(key, id, class);
        }
    }
    Ok(())
}

struct Found {
    key: Key,
    class: Class,
    text: Option<(String, bool)>,
}

async fn round(
    session: &mut Session,
    extension: &Extension,
    wanted: &mut HashMap<Key, ()>,
    names: &Names<'_>,
    literals: bool,
) -> Result<Vec<Found>, CollectError> {
    let mut ids: Vec<i64> = wanted.keys().map(|key| key.query_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::new();
    let mut bytes = 0;
    let query = sqlx::query(AssertSqlSafe(sql(extension))).bind(ids).bind(limit(MAX_CHARACTERS));
    session
        .each(query, |row| {
            let key = key(row)?;
            if bytes >= ROUND_BYTES
                || !wanted.contains_key(&key)
                || !names.databases.contains_key(&key.database)
            {
                return Ok(());
            }
            wanted.remove(&key);
            let Some(raw) = row::text(row, 4)? else {
                found.push(Found { key, class: Class::Unreadable, text: None });
                return Ok(());
            };
            let class = classify::classify(&raw);
            let text = match class {
                Class::Own | Class::Noise | Class::Unreadable => None,
                Class::Plannable | Class::Utility => Some(prepare(raw, literals)),
            };
            bytes += text.as_ref().map_or(0, |(text, _)| text.len());
            found.push(Found { key, class, text });
            Ok(())
        })
        .await?;
    Ok(found)
}

/// The raw texts of `keys`, whole or not at all: for the planner on this server, never for a report.
pub(super) async fn raw(
    session: &mut Session,
    extension: &Extension,
    keys: &[Key],
) -> Result<HashMap<Key, String>, CollectError> {
    let wanted: std::collections::HashSet<Key> = keys.iter().copied().collect();
    let ids: Vec<i64> = keys.iter().map(|key| key.query_id).collect();
    let mut texts = HashMap::new();
    let query = sqlx::query(AssertSqlSafe(sql(extension))).bind(ids).bind(limit(MAX_CHARACTERS));
    session
        .each(query, |row| {
            let key = key(row)?;
            if wanted.contains(&key)
                && let Some(text) = row::text(row, 4)?
                && text.chars().nth(MAX_CHARACTERS).is_none()
            {
                texts.insert(key, text);
            }
            Ok(())
        })
        .await?;
    Ok(texts)
}

/// Names of the users of `keys`.
pub(super) async fn users(session: &mut Session, keys: &[Key]) -> Result<HashMap<u32, String>, CollectError> {
    let mut names = HashMap::new();
    super::query_stats::name_users(session, keys, &mut names).await?;
    Ok(names)
}

fn sql(extension: &Extension) -> String {
    extension.qualified(match extension.version {
        (1, ..=8) => include_str!("sql/texts_1_8.sql"),
        _ => include_str!("sql/texts_1_9.sql"),
    })
}

fn limit(characters: usize) -> i32 {
    i32::try_from(characters + 1).expect("the limit of a text is far below two thousand million")
}

fn key(row: &PgRow) -> Result<Key, sqlx::Error> {
    Ok(Key {
        query_id: row::int(row, 2)?.unwrap_or(0),
        database: row::oid(row, 1)?,
        user: row::oid(row, 0)?,
        top_level: row::bool(row, 3)?,
    })
}

/// A text as it is reported, and whether it was cut.
fn prepare(raw: String, literals: bool) -> (String, bool) {
    let cut = raw.chars().nth(MAX_CHARACTERS).is_some();
    let mut text = if literals { raw } else { redact::statement(&raw) };
    if text.len() <= MAX_TEXT_BYTES {
        return (text, cut);
    }
    let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    (text, true)
}

/// The problem of texts that can't be read while counters can.
pub(super) fn missing(error: &CollectError) -> Problem {
    // One text in an encoding that the server can't convert makes all of them unreadable, until it is evicted.
    Problem {
        message: format!("the texts of new statements can't be read: {error}"),
        remedy: None,
        database: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_marked() {
        let (text, truncated) = prepare(format!("SELECT {}", "ä".repeat(MAX_TEXT_BYTES)), false);
        assert!(truncated && text.len() <= MAX_TEXT_BYTES, "{}", text.len());
        let (text, truncated) = prepare("SELECT 'secret'".to_owned(), false);
        assert_eq!((text.as_str(), truncated), ("SELECT $1", false));
        let (text, _) = prepare("SELECT 'open'".to_owned(), true);
        assert_eq!(text, "SELECT 'open'");
        // Cut in the middle of a literal: the rest of it is still a literal.
        let (text, truncated) = prepare(format!("SELECT '{}", "secret".repeat(100_000)), false);
        assert_eq!((text.as_str(), truncated), ("SELECT $1", true));
    }
}
