//! Finds out what keeps the agent from its data and its work, by trying.

use querysmith_shared::dialect::identifier;
use querysmith_shared::observation::collector::Problem;
use querysmith_shared::wire::report::ReportBody;

use super::session::Session;
use super::{Postgres, connect, lock, row};
use crate::collect::collector::Collector;
use crate::collect::sink::{Reports, StoreError};
use crate::engines::{BoxFuture, CollectError, Missing};

/// Takes every report and keeps none.
struct Nowhere;

impl Reports for Nowhere {
    fn append(&self, _: ReportBody) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Runs every collector once and tries the changing role; returns what is missing.
pub(super) async fn check(engine: &Postgres) -> Missing {
    let mut problems = Vec::new();
    let mut optional = Vec::new();
    for collector in Collector::ALL.into_iter().filter(|collector| engine.config.enabled(*collector)) {
        match super::collect(engine, collector, &Nowhere).await {
            Ok(collected) => problems.extend(collected.problems),
            // Without a connection, nothing else has anything to say.
            Err(error) if collector == Collector::Server => {
                return Missing { problems: vec![unreachable(&error)], optional };
            }
            Err(error) => problems.push(failed(collector, &error)),
        }
    }
    let databases: Vec<String> = engine
        .known_now()
        .iter()
        .flat_map(|known| &known.databases)
        .map(|database| database.name.clone())
        .collect();
    for database in &databases {
        let has_hypopg =
            lock(&engine.extensions).get(database).is_some_and(|found| found.contains_key("hypopg"));
        if !has_hypopg {
            optional.push(of_database(
                database,
                "without the extension hypopg, proposed indexes are not simulated",
                Some("CREATE EXTENSION hypopg".to_owned()),
            ));
        }
        if engine.config.apply_url.is_some() {
            match apply_role(engine, database).await {
                Ok(found) => problems.extend(found),
                Err(error) => {
                    problems.push(of_database(database, &format!("the changing role: {error}"), None))
                }
            }
        }
    }
    if let Some(known) =
        engine.known_now().filter(|known| known.facts.statements_max.is_some() && !known.facts.unseen)
    {
        let role = identifier::postgres(&known.facts.role).unwrap_or_default();
        optional.push(Problem {
            message: "the agent's own statements take up room in pg_stat_statements".to_owned(),
            remedy: Some(format!("ALTER ROLE {role} SET pg_stat_statements.track = 'none'")),
            database: None,
        });
    }
    if engine.config.apply_url.is_none() {
        optional.push(Problem {
            message: "without `apply_url`, changes can be proposed but not applied".to_owned(),
            remedy: None,
            database: None,
        });
    }
    // Several collectors say the same of the same missing grant.
    let mut distinct: Vec<Problem> = Vec::new();
    for problem in problems {
        if !distinct.contains(&problem) {
            distinct.push(problem);
        }
    }
    Missing { problems: distinct, optional }
}

fn unreachable(error: &CollectError) -> Problem {
    Problem { message: error.to_string(), remedy: None, database: None }
}

fn failed(collector: Collector, error: &CollectError) -> Problem {
    Problem { message: format!("{}: {error}", collector.as_str()), remedy: None, database: None }
}

fn of_database(database: &str, message: &str, remedy: Option<String>) -> Problem {
    Problem { message: message.to_owned(), remedy, database: Some(database.to_owned()) }
}

/// The owners of tables whose indexes the changing role may not build.
async fn apply_role(engine: &Postgres, database: &str) -> Result<Vec<Problem>, CollectError> {
    let wrong = |error: crate::engines::EngineError| CollectError::Connect {
        database: database.to_owned(),
        reason: error.to_string(),
    };
    let Some(options) = connect::apply_options(&engine.config).map_err(wrong)? else { return Ok(Vec::new()) };
    let mut session = Session::open(&options, database, false, &engine.time).await?;
    session.limit(engine.config.timeout(Collector::Server)).await?;
    let owners = session
        .all(sqlx::query(include_str!("sql/foreign_owners.sql")), |row| {
            Ok(ForeignOwner {
                role: row::string(row, 0)?,
                owner: row::string(row, 1)?,
                power: row::text(row, 2)?,
                tables: row::count(row, 3)?,
                can_set_only: row::bool(row, 4)?,
            })
        })
        .await?;
    session.close().await;
    Ok(owners
        .into_iter()
        .map(|found| {
            let (message, remedy) = found.in_words();
            of_database(database, &message, remedy)
        })
        .collect())
}

/// An owner of tables that the changing role isn't a member of.
struct ForeignOwner {
    role: String,
    owner: String,
    /// Whose power it has beyond owning tables; too much to give.
    power: Option<String>,
    tables: u64,
    /// Membership can mean no more than SET ROLE.
    can_set_only: bool,
}

impl ForeignOwner {
    fn in_words(&self) -> (String, Option<String>) {
        let Self { owner, tables, .. } = self;
        let quoted = |name: &str| identifier::postgres(name).unwrap_or_default();
        let message = format!("the changing role may not build indexes on the {tables} tables of `{owner}`");
        match &self.power {
            Some(power) => (
                format!("{message}, and shall not: it has the power of `{power}`; let another role own them"),
                None,
            ),
            None => {
                let options = if self.can_set_only { " WITH INHERIT FALSE, SET TRUE" } else { "" };
                (message, Some(format!("GRANT {} TO {}{options}", quoted(owner), quoted(&self.role))))
            }
        }
    }
}
