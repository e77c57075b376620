//! What the planner would do with indexes that do not exist, by hypopg: imagined in one session, where nothing is
//! built, locked or written, and gone with it.

mod answer;
mod imagine;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use querysmith_shared::id::StatementId;
use querysmith_shared::wire::order::{PlannedStatement, WhatIf, WhatIfAnswer};

use super::facts::Extension;
use super::plans::explain::{Prepared, is_refusal};
use super::plans::search_path;
use super::query_stats::delta::Key;
use super::session::Session;
use super::{Postgres, facts, query_stats, server, texts};
use crate::collect::collector::Collector;
use crate::engines::CollectError;
use answer::{Plan, Room};

/// Longest work on one question; what is not done by then is said to be so.
const LIMIT: Duration = Duration::from_secs(20);
/// Name of the extension.
const HYPOPG: &str = "hypopg";

/// Answers `question`.
pub(super) async fn answer(engine: &Postgres, question: &WhatIf) -> WhatIfAnswer {
    let empty = |reason| WhatIfAnswer {
        question: question.question,
        not_simulated: Some(reason),
        baseline: Vec::new(),
        candidates: Vec::new(),
    };
    match simulate(engine, question).await {
        Ok(answer) => answer,
        Err(NotSimulated::Because(reason)) => empty(reason),
        Err(NotSimulated::Failed(error)) => empty(error.to_string()),
    }
}

enum NotSimulated {
    Because(String),
    Failed(CollectError),
}

impl From<CollectError> for NotSimulated {
    fn from(error: CollectError) -> Self {
        Self::Failed(error)
    }
}

async fn simulate(engine: &Postgres, question: &WhatIf) -> Result<WhatIfAnswer, NotSimulated> {
    let begun = Instant::now();
    let known = engine.known()?;
    let database = &question.database;
    if !known.databases.iter().any(|known| known.name == *database) {
        return Err(NotSimulated::Because(format!("the database `{database}` is not watched")));
    }
    if let Some(problem) = known.facts.planning_problem() {
        return Err(NotSimulated::Because(problem.message));
    }
    let keys = keys(engine, &question.statements).await?;
    let statements = statements(engine, &keys).await?;

    let mut lease = engine.lease_database(database, Collector::Plans).await?;
    let extensions = facts::extensions(lease.session()).await?;
    server::remember(engine, database, extensions.clone());
    let mut simulation = Simulation {
        engine,
        major: known.facts.major(),
        deadline: begun + LIMIT,
        prepared: Vec::new(),
        room: Room::default(),
    };
    let baseline = simulation.baseline(lease.session(), question, &keys, &statements).await?;
    let Some(hypopg) = extensions.get(HYPOPG) else {
        // The baseline is worth having even so; the connection is closed with the prepared statements in it.
        return Ok(WhatIfAnswer {
            question: question.question,
            not_simulated: Some(missing(&known.facts, database)),
            baseline,
            candidates: Vec::new(),
        });
    };
    let mut candidates = Vec::new();
    for candidate in &question.candidates {
        candidates.push(simulation.candidate(lease.session(), hypopg, candidate).await?);
    }
    // The lease is not returned: closing the connection ends every prepared statement and imagined index.
    drop(lease);
    Ok(WhatIfAnswer { question: question.question, not_simulated: None, baseline, candidates })
}

fn missing(facts: &facts::Facts, database: &str) -> String {
    let remedy = format!(
        "install the package postgresql-{}-hypopg and run CREATE EXTENSION hypopg in it",
        facts.major()
    );
    format!("the extension hypopg does not exist in the database `{database}`: {remedy}")
}

/// The server's own keys of the statements that were asked for.
async fn keys(engine: &Postgres, ids: &[StatementId]) -> Result<HashMap<StatementId, Key>, CollectError> {
    let mut keys = engine.catalogue().keys_of(ids);
    if ids.iter().any(|id| !keys.contains_key(id)) {
        // Statements that were not called since the agent started are found among all of them.
        keys.extend(query_stats::find(engine, ids).await?);
    }
    Ok(keys)
}

/// Text and user of a statement.
struct Statement {
    text: String,
    user: String,
}

async fn statements(
    engine: &Postgres,
    keys: &HashMap<StatementId, Key>,
) -> Result<HashMap<Key, Statement>, CollectError> {
    let known = engine.known()?;
    let Some(extension) = known.readable() else { return Ok(HashMap::new()) };
    let keys: Vec<Key> = keys.values().copied().collect();
    let mut lease = engine.lease_server(Collector::Plans).await?;
    let mut texts = texts::raw(lease.session(), extension, &keys).await?;
    let users = texts::users(lease.session(), &keys).await?;
    lease.done();
    let statement = |key: &Key| {
        let (text, user) = (texts.remove(key)?, users.get(&key.user)?.clone());
        Some((*key, Statement { text, user }))
    };
    Ok(keys.iter().filter_map(statement).collect())
}

/// The work on one question.
struct Simulation<'a> {
    engine: &'a Postgres,
    major: u32,
    deadline: Instant,
    prepared: Vec<Ready>,
    room: Room,
}

/// A statement that could be planned, and how it is planned in every round.
struct Ready {
    id: StatementId,
    prepared: Prepared,
    values: Option<Vec<String>>,
    baseline: Plan,
}

impl Simulation<'_> {
    async fn baseline(
        &mut self,
        session: &mut Session,
        question: &WhatIf,
        keys: &HashMap<StatementId, Key>,
        statements: &HashMap<Key, Statement>,
    ) -> Result<Vec<PlannedStatement>, CollectError> {
        let mut paths: HashMap<&str, String> = HashMap::new();
        let mut planned = Vec::new();
        for (place, id) in question.statements.iter().enumerate() {
            let failed = |reason: &str| answer::failed(*id, reason);
            let Some((key, statement)) = keys.get(id).and_then(|key| Some((key, statements.get(key)?)))
            else {
                planned.push(failed("the statement is no longer in the server's statistics"));
                continue;
            };
            if Instant::now() >= self.deadline {
                planned.push(failed("the time for the question ran out"));
                continue;
            }
            if !paths.contains_key(statement.user.as_str()) {
                paths.insert(&statement.user, search_path(session, &statement.user).await?);
            }
            let name = format!("qs_{place}");
            let rows = self.engine.catalogue().get(*key).map_or(1.0, |statement| statement.mean_rows);
            let path = &paths[statement.user.as_str()];
            match self.ready(session, *id, &name, &statement.text, path, rows).await {
                Ok(ready) => {
                    planned.push(ready.baseline.answer(*id, &mut self.room));
                    self.prepared.push(ready);
                }
                Err(error) if is_refusal(&error) => planned.push(failed(&error.to_string())),
                Err(error) => return Err(error),
            }
        }
        Ok(planned)
    }

    async fn ready(
        &self,
        session: &mut Session,
        id: StatementId,
        name: &str,
        text: &str,
        search_path: &str,
        rows_per_call: f32,
    ) -> Result<Ready, CollectError> {
        let (prepared, generic) = Prepared::planned(session, name, text, search_path, self.major).await?;
        let values = prepared.representative_values(session, &generic, rows_per_call).await?;
        // With values where all of them can be found: the planner knows nothing of a range or limit otherwise.
        let with_values = match &values {
            Some(values) => prepared.with_values(session, values).await.map(Some),
            None => Ok(None),
        };
        let (values, plan) = match with_values {
            Ok(Some(plan)) => (values, plan),
            Ok(None) => (None, generic),
            Err(error) if is_refusal(&error) => (None, generic),
            Err(error) => return Err(error),
        };
        let baseline = Plan::new(&plan, None, self.engine.config.literals);
        Ok(Ready { id, prepared, values, baseline })
    }

    /// Plans a statement again, as it was planned for the baseline.
    async fn again(&self, session: &mut Session, ready: &Ready) -> Result<String, CollectError> {
        match &ready.values {
            Some(values) => ready.prepared.with_values(session, values).await,
            None => ready.prepared.generic(session).await,
        }
    }
}

/// Whether hypopg of this version crashes a server of this version on indexes with INCLUDE columns.
fn crashes_on_include(hypopg: &Extension, major: u32) -> bool {
    major >= 17 && hypopg.version <= (1, 4)
}
