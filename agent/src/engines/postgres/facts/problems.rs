//! What is missing on a server, each with the statement that mends it.

use querysmith_shared::dialect::identifier;
use querysmith_shared::observation::collector::Problem;

use super::{Extension, Facts};

/// The oldest version of pg_stat_statements that can be read, that of PostgreSQL 13.
const OLDEST_STATEMENTS: (u32, u32) = (1, 8);

pub(super) fn of_server(facts: &Facts) -> Vec<Problem> {
    let mut problems = Vec::new();
    if facts.major() < 13 {
        problems.push(problem("the server is older than PostgreSQL 13, the oldest that is supported", None));
    }
    let role = identifier::postgres(&facts.role).unwrap_or_else(|_| "\"?\"".to_owned());
    if !(facts.reads_all_stats && facts.reads_all_settings) {
        let missing = if facts.reads_all_stats { "settings" } else { "statistics of other users" };
        problems.push(problem(
            &format!("the role {role} may not read {missing}"),
            Some(format!("GRANT pg_monitor TO {role}")),
        ));
    }
    if !facts.superuser && !facts.reads_all_data && facts.major() >= 14 {
        problems.push(problem(
            &format!(
                "the role {role} may not read all tables: statements on the others can't be planned, and their \
                 column statistics can't be read"
            ),
            Some(format!("GRANT pg_read_all_data TO {role}")),
        ));
    }
    problems
}

pub(super) fn of_planning(facts: &Facts) -> Option<Problem> {
    facts.superuser.then(|| {
        problem(
            "no statement is planned as a superuser: read with the role that `querysmith-agent grants` makes",
            Some("querysmith-agent grants --read querysmith_read | psql -U postgres".to_owned()),
        )
    })
}

pub(super) fn of_statements(facts: &Facts, extension: Option<&Extension>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if facts.statements_max.is_none() {
        problems.push(problem(
            "pg_stat_statements is not loaded by the server; after the statement the server must be restarted",
            Some(preload(facts.preloaded.as_deref().unwrap_or_default())),
        ));
    }
    let in_home = |message: &str, remedy: &str| Problem {
        message: message.to_owned(),
        remedy: Some(remedy.to_owned()),
        database: Some(facts.home.clone()),
    };
    match extension {
        None => problems.push(in_home(
            "the extension pg_stat_statements does not exist in the database",
            "CREATE EXTENSION pg_stat_statements",
        )),
        Some(extension) if extension.version < OLDEST_STATEMENTS => problems.push(in_home(
            "the extension pg_stat_statements is too old in the database",
            "ALTER EXTENSION pg_stat_statements UPDATE",
        )),
        Some(extension) if extension.version < extension.offered => problems.push(in_home(
            "the extension pg_stat_statements is older in the database than the server offers",
            "ALTER EXTENSION pg_stat_statements UPDATE",
        )),
        Some(_) => {}
    }
    if facts.statements_track.as_deref() == Some("none") {
        problems.push(problem(
            "pg_stat_statements.track is none: no statement is counted; after the statement run SELECT pg_reload_conf()",
            Some("ALTER SYSTEM SET pg_stat_statements.track = 'top'".to_owned()),
        ));
    }
    if facts.compute_query_id.as_deref() == Some("off") {
        problems.push(problem(
            "compute_query_id is off: no statement is counted; after the statement run SELECT pg_reload_conf()",
            Some("ALTER SYSTEM SET compute_query_id = 'auto'".to_owned()),
        ));
    }
    problems
}

/// Adds the library to those that are loaded already: the setting is one list.
fn preload(loaded: &str) -> String {
    let names =
        loaded.split(',').map(str::trim).filter(|name| !name.is_empty()).chain(["pg_stat_statements"]);
    let quoted: Vec<String> =
        names.filter_map(|name| identifier::postgres_string(name.trim_matches('"')).ok()).collect();
    format!("ALTER SYSTEM SET shared_preload_libraries = {}", quoted.join(", "))
}

fn problem(message: &str, remedy: Option<String>) -> Problem {
    Problem { message: message.to_owned(), remedy, database: None }
}
