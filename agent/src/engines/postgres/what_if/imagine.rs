//! One imagined index, and what it changes.

use querysmith_shared::change::CreateIndex;
use querysmith_shared::dialect::{identifier, postgres::hypothetical_index};
use querysmith_shared::wire::order::CandidateAnswer;
use sqlx::AssertSqlSafe;
use sqlx::postgres::types::Oid;

use super::answer::Plan;
use super::{Simulation, crashes_on_include};
use crate::engines::CollectError;
use crate::engines::postgres::facts::Extension;
use crate::engines::postgres::plans::explain::is_refusal;
use crate::engines::postgres::row;
use crate::engines::postgres::session::Session;

impl Simulation<'_> {
    /// Imagines `candidate` alone and plans every statement that touches its table.
    pub(super) async fn candidate(
        &mut self,
        session: &mut Session,
        hypopg: &Extension,
        candidate: &CreateIndex,
    ) -> Result<CandidateAnswer, CollectError> {
        let problem =
            |text: String| CandidateAnswer { estimated_bytes: 0, problem: Some(text), changed: Vec::new() };
        if std::time::Instant::now() >= self.deadline {
            return Ok(problem("the time for the question ran out".to_owned()));
        }
        if !candidate.include.is_empty() && crashes_on_include(hypopg, self.major) {
            return Ok(problem(
                "this version of hypopg can't imagine INCLUDE columns on this server".to_owned(),
            ));
        }
        let index = match imagine(session, hypopg, candidate).await {
            Ok(index) => index,
            Err(Imagined::BadName(reason)) => return Ok(problem(reason)),
            Err(Imagined::Failed(error)) if is_refusal(&error) => return Ok(problem(error.to_string())),
            Err(Imagined::Failed(error)) => return Err(error),
        };
        let mut answer = CandidateAnswer { estimated_bytes: index.bytes, problem: None, changed: Vec::new() };
        for place in 0..self.prepared.len() {
            let ready = &self.prepared[place];
            if !ready.baseline.touches(&candidate.table) {
                continue;
            }
            if std::time::Instant::now() >= self.deadline {
                answer.problem =
                    Some("the time for the question ran out before every statement was planned".to_owned());
                break;
            }
            let text = match self.again(session, ready).await {
                Ok(text) => text,
                // What could be planned without the index and can't be with it is not the index's merit.
                Err(error) if is_refusal(&error) => continue,
                Err(error) => return Err(error),
            };
            let plan = Plan::new(&text, Some(&index.name), self.engine.config.literals);
            if plan.differs_from(&ready.baseline) {
                let id = ready.id;
                answer.changed.push(plan.answer(id, &mut self.room));
            }
        }
        Ok(answer)
    }
}

struct Index {
    name: String,
    bytes: u64,
}

enum Imagined {
    BadName(String),
    Failed(CollectError),
}

impl From<CollectError> for Imagined {
    fn from(error: CollectError) -> Self {
        Self::Failed(error)
    }
}

/// Forgets what was imagined before and imagines one index.
async fn imagine(
    session: &mut Session,
    hypopg: &Extension,
    candidate: &CreateIndex,
) -> Result<Index, Imagined> {
    let bad = |error: identifier::BadName| Imagined::BadName(error.to_string());
    let schema = identifier::postgres(&hypopg.schema).map_err(bad)?;
    let definition = hypothetical_index(candidate).map_err(bad)?;
    session.execute(format!("SELECT /* querysmith */ {schema}.hypopg_reset()")).await?;
    let create = format!(
        "SELECT /* querysmith */ h.indexrelid, h.indexname FROM {schema}.hypopg_create_index($1) AS h"
    );
    let query = sqlx::query(AssertSqlSafe(create)).persistent(false).bind(definition);
    let created = session.one(query, |row| Ok((row::oid(row, 0)?, row::string(row, 1)?))).await?;
    let (oid, name) =
        created.ok_or_else(|| Imagined::BadName("hypopg did not imagine the index".to_owned()))?;
    let size = format!("SELECT /* querysmith */ {schema}.hypopg_relation_size($1)");
    let query = sqlx::query(AssertSqlSafe(size)).persistent(false).bind(Oid(oid));
    let bytes = session.one(query, |row| row::count(row, 0)).await?.unwrap_or(0);
    Ok(Index { name, bytes })
}
