//! What a server is and what the agent's role may do there: read again and again, because both change.

mod problems;

use std::collections::HashMap;

use querysmith_shared::dialect::identifier;
use querysmith_shared::engine::Version;
use querysmith_shared::observation::collector::Problem;
use querysmith_shared::timestamp::Timestamp;
use sqlx::postgres::PgRow;

use super::row;
use super::session::Session;
use crate::engines::CollectError;

/// One reading of the server's properties.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub(crate) version_number: u32,
    pub(crate) system_identifier: String,
    pub(crate) started_at: Timestamp,
    pub(crate) in_recovery: bool,
    pub(crate) role: String,
    pub(crate) role_oid: u32,
    pub(crate) superuser: bool,
    pub(crate) reads_all_stats: bool,
    pub(crate) reads_all_settings: bool,
    pub(crate) reads_all_data: bool,
    /// `pg_stat_statements.max`; `None` where the library is not loaded.
    pub(crate) statements_max: Option<u32>,
    /// `pg_stat_statements.track` of the whole server, where it can be told.
    pub(crate) statements_track: Option<String>,
    /// `compute_query_id`; `None` before version 14, which has only the extension's own.
    pub(crate) compute_query_id: Option<String>,
    /// Whether reads and writes of blocks are timed.
    pub(crate) io_timing: bool,
    /// The database of the session that read this.
    pub(crate) home: String,
    /// The libraries that the server loads at start, where the role may see them.
    pub(crate) preloaded: Option<String>,
    /// The agent's own statements are not counted.
    pub(crate) unseen: bool,
}

/// A database that can be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) oid: u32,
    pub(crate) name: String,
    pub(crate) may_connect: bool,
}

/// An extension in one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) schema: String,
    /// Major and minor version.
    pub(crate) version: (u32, u32),
    /// The version that the server's files offer.
    pub(crate) offered: (u32, u32),
}

impl Extension {
    /// A statement of the agent's own, with what it reads of pg_stat_statements named in full: the extension's
    /// schema is never on the agent's search path, as its users may put functions and operators there.
    pub(crate) fn qualified(&self, sql: &str) -> String {
        const UNQUALIFIED: &str = "FROM pg_stat_statements";
        // A name from the catalogue has no NUL, the only thing that can't be quoted.
        let schema = identifier::postgres(&self.schema).unwrap_or_default();
        sql.replace(UNQUALIFIED, &format!("FROM {schema}.pg_stat_statements"))
    }
}

/// Extensions of one database by name.
pub(crate) type Extensions = HashMap<String, Extension>;

impl Facts {
    pub(crate) fn version(&self) -> Version {
        Version::from_postgres_number(self.version_number)
    }

    pub(crate) fn major(&self) -> u32 {
        self.version_number / 10_000
    }

    /// What keeps the agent from data, whatever the collector.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        problems::of_server(self)
    }

    /// What keeps the agent from planning anything.
    pub(crate) fn planning_problem(&self) -> Option<Problem> {
        problems::of_planning(self)
    }

    /// What keeps the agent from statement statistics, given the extension, if it is there.
    pub(crate) fn statements_problems(&self, extension: Option<&Extension>) -> Vec<Problem> {
        problems::of_statements(self, extension)
    }
}

/// Reads the server's properties.
pub(crate) async fn read(session: &mut Session) -> Result<Facts, CollectError> {
    let facts = session.one(sqlx::query(include_str!("sql/server.sql")), facts).await?;
    facts.ok_or(CollectError::NotReady)
}

fn facts(row: &PgRow) -> Result<Facts, sqlx::Error> {
    let narrow = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    Ok(Facts {
        version_number: narrow(row::int(row, 0)?).unwrap_or(0),
        system_identifier: row::string(row, 1)?,
        started_at: row::timestamp(row, 2)?.unwrap_or(Timestamp(0)),
        in_recovery: row::bool(row, 3)?,
        role: row::string(row, 5)?,
        role_oid: row::oid(row, 6)?,
        superuser: row::bool(row, 7)?,
        reads_all_stats: row::bool(row, 8)?,
        reads_all_settings: row::bool(row, 9)?,
        reads_all_data: row::bool(row, 10)?,
        statements_max: narrow(row::int(row, 11)?),
        statements_track: row::text(row, 12)?,
        compute_query_id: row::text(row, 13)?,
        io_timing: row::text(row, 14)?.as_deref() == Some("on"),
        home: row::string(row, 15)?,
        preloaded: row::text(row, 16)?,
        unseen: row::bool(row, 17)?,
    })
}

/// Reads the databases that exist.
pub(crate) async fn databases(session: &mut Session) -> Result<Vec<Database>, CollectError> {
    session
        .all(sqlx::query(include_str!("sql/databases.sql")), |row| {
            Ok(Database {
                oid: row::oid(row, 0)?,
                name: row::string(row, 1)?,
                may_connect: row::bool(row, 2)?,
            })
        })
        .await
}

/// Reads which of the extensions that matter are in the session's database.
pub(crate) async fn extensions(session: &mut Session) -> Result<Extensions, CollectError> {
    let found = session
        .all(sqlx::query(include_str!("sql/extensions.sql")), |row| {
            let version = parse_version(&row::string(row, 1)?);
            let extension = Extension {
                schema: row::string(row, 2)?,
                version,
                offered: row::text(row, 3)?.map_or(version, |offered| parse_version(&offered)),
            };
            Ok((row::string(row, 0)?, extension))
        })
        .await?;
    Ok(found.into_iter().collect())
}

fn parse_version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    });
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// Whether `name` is watched by these lists; `*` is every database.
pub(crate) fn is_watched(name: &str, databases: &[String], excluded: &[String]) -> bool {
    let is_in = |list: &[String]| list.iter().any(|entry| entry == "*" || entry == name);
    is_in(databases) && !is_in(excluded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (text, expected) in
            [("1.10", (1, 10)), ("1.4.1", (1, 4)), ("2", (2, 0)), ("1.5beta", (1, 5)), ("", (0, 0))]
        {
            assert_eq!(parse_version(text), expected);
        }
    }

    #[test]
    fn a_database_is_watched_by_name_or_star() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(is_watched("a", &list(&["*"]), &[]));
        assert!(is_watched("a", &list(&["b", "a"]), &[]));
        assert!(!is_watched("a", &list(&["*"]), &list(&["a"])));
        assert!(!is_watched("a", &list(&["b"]), &[]));
    }
}
