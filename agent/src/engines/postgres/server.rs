//! What the server is: read first of all, and again and again, because servers are restarted, promoted, granted
//! to and given new databases.

use std::sync::Arc;

use querysmith_shared::engine::Engine;
use querysmith_shared::observation::collector::Problem;
use querysmith_shared::observation::instance::{Instance, MAX_DATABASES, Server};
use querysmith_shared::wire::report::ReportBody;

use super::facts::{self, Database, Extensions, Facts};
use super::{Known, Postgres, lock};
use crate::collect::collector::Collector;
use crate::collect::sink::Reports;
use crate::engines::{CollectError, Collected};

/// The extension that counts statements.
const STATEMENTS: &str = "pg_stat_statements";

/// What is remembered from run to run.
#[derive(Default)]
pub(super) struct State {
    /// What was reported last.
    reported: Option<Server>,
}

pub(super) async fn collect(engine: &Postgres, reports: &dyn Reports) -> Result<Collected, CollectError> {
    let mut state = engine.server.recall().await;
    engine.server_lane.close_if_idle().await;
    engine.database_lane.close_if_idle().await;
    let mut lease = engine.lease_server(Collector::Server).await?;
    let facts = facts::read(lease.session()).await?;
    let all = facts::databases(lease.session()).await?;
    let extensions = facts::extensions(lease.session()).await?;
    lease.done();

    let (databases, mut problems) = watched(engine, &facts, all);
    remember(engine, &facts.home, extensions.clone());
    let known = match elsewhere(engine, &facts, &extensions, &databases).await {
        Some(known) => known,
        None => {
            let home = facts.home.clone();
            Known { extension: extensions.get(STATEMENTS).cloned(), home, databases, facts }
        }
    };
    problems.extend(known.facts.problems());
    let rows = known.databases.len() as u64;
    let server = describe(engine, &known);
    *lock(&engine.known) = Some(Arc::new(known));
    if state.reported.as_ref() != Some(&server) {
        reports
            .append(ReportBody::Instance(instance(engine, server.clone())))
            .await
            .map_err(CollectError::Store)?;
        state.reported = Some(server);
    }
    Ok(Collected { rows, problems, ..Collected::default() })
}

/// The databases to watch, and what keeps the agent from those it should.
fn watched(engine: &Postgres, facts: &Facts, all: Vec<Database>) -> (Vec<Database>, Vec<Problem>) {
    let config = &engine.config;
    let mut problems = Vec::new();
    for name in config.databases.iter().filter(|name| *name != "*") {
        if !all.iter().any(|database| database.name == *name) {
            problems.push(Problem {
                message: format!("the configured database `{name}` does not exist"),
                remedy: None,
                database: Some(name.clone()),
            });
        }
    }
    let mut watched = Vec::new();
    for database in all {
        if !facts::is_watched(&database.name, &config.databases, &config.exclude_databases) {
            continue;
        }
        if !database.may_connect {
            let quoted =
                |name: &str| querysmith_shared::dialect::identifier::postgres(name).unwrap_or_default();
            problems.push(Problem {
                message: "the role may not connect to the database".to_owned(),
                remedy: Some(format!(
                    "GRANT CONNECT ON DATABASE {} TO {}",
                    quoted(&database.name),
                    quoted(&facts.role)
                )),
                database: Some(database.name),
            });
            continue;
        }
        watched.push(database);
    }
    watched.truncate(MAX_DATABASES);
    (watched, problems)
}

/// Where the first database has no statement statistics, another one may: they are the whole server's wherever
/// they are read.
async fn elsewhere(
    engine: &Postgres,
    facts: &Facts,
    extensions: &Extensions,
    databases: &[Database],
) -> Option<Known> {
    if extensions.contains_key(STATEMENTS) || facts.statements_max.is_none() {
        return None;
    }
    for database in databases.iter().filter(|database| database.name != facts.home) {
        let visited = lock(&engine.extensions).get(&database.name).cloned();
        let extensions = match visited {
            Some(extensions) => extensions,
            None => visit(engine, &database.name).await.ok()?,
        };
        if let Some(extension) = extensions.get(STATEMENTS) {
            return Some(Known {
                facts: Facts { home: database.name.clone(), ..facts.clone() },
                databases: databases.to_vec(),
                home: database.name.clone(),
                extension: Some(extension.clone()),
            });
        }
    }
    None
}

async fn visit(engine: &Postgres, database: &str) -> Result<Extensions, CollectError> {
    let mut lease = engine.lease_database(database, Collector::Server).await?;
    let extensions = facts::extensions(lease.session()).await?;
    lease.done();
    remember(engine, database, extensions.clone());
    Ok(extensions)
}

/// Notes the extensions of a database that was visited.
pub(super) fn remember(engine: &Postgres, database: &str, extensions: Extensions) {
    lock(&engine.extensions).insert(database.to_owned(), extensions);
}

/// The server as it is reported.
pub(super) fn describe(engine: &Postgres, known: &Known) -> Server {
    let what_if = lock(&engine.extensions).values().any(|extensions| extensions.contains_key("hypopg"));
    let leave = (engine.leave)();
    Server {
        version: known.facts.version(),
        system_identifier: known.facts.system_identifier.clone(),
        started_at: known.facts.started_at,
        in_recovery: known.facts.in_recovery,
        databases: known.databases.iter().map(|database| database.name.clone()).collect(),
        what_if,
        may_apply: leave.may_apply && !known.facts.in_recovery,
        approvers: leave.approvers,
    }
}

fn instance(engine: &Postgres, server: Server) -> Instance {
    Instance {
        id: engine.id,
        name: engine.config.name.clone(),
        environment: engine.config.environment.clone(),
        engine: Engine::PostgreSql,
        server: Some(server),
    }
}
