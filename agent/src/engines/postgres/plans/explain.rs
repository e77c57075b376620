//! Asks the planner. Nothing is executed here: the text is prepared by the extended protocol, which takes exactly
//! one statement, and then only explained, in a transaction that can't write, and only if planning it runs no code of
//! the database's users.

use querysmith_shared::dialect::identifier;
use serde_json::Value;

use super::reading_part::reading_part;
use super::{code, conditions, values};
use crate::engines::CollectError;
use crate::engines::postgres::row;
use crate::engines::postgres::session::Session;

/// A statement that is prepared in a session.
#[derive(Debug, Clone)]
pub(in crate::engines::postgres) struct Prepared {
    name: String,
    text: String,
    search_path: String,
    parameters: u32,
    generic: bool,
}

/// The first version that plans a text with parameters without preparing it.
const GENERIC_PLAN: u32 = 16;

/// Whether the session is still usable after `error`: the server itself refused the statement.
pub(in crate::engines::postgres) fn is_refusal(error: &CollectError) -> bool {
    match error {
        // Classes 57 (but for a cancelled statement) and 08 end the session.
        CollectError::Statement { code: Some(code), .. } => {
            code == "57014" || !(code.starts_with("57") || code.starts_with("08"))
        }
        CollectError::NotPlanned(_) => true,
        _ => false,
    }
}

/// Whether the role lacks a right.
pub(in crate::engines::postgres) fn is_permission(error: &CollectError) -> bool {
    matches!(error, CollectError::Statement { code: Some(code), .. } if code == "42501")
}

impl Prepared {
    /// Prepares `text` and plans it for any values. Where the role may not plan a statement because it writes, what
    /// the statement reads is planned instead.
    pub(in crate::engines::postgres) async fn planned(
        session: &mut Session,
        name: &str,
        text: &str,
        search_path: &str,
        major: u32,
    ) -> Result<(Self, String), CollectError> {
        let refused = match Self::attempt(session, name, text, search_path, major).await {
            Err(error) if is_permission(&error) => error,
            outcome => return outcome,
        };
        match reading_part(text) {
            Some(part) => Self::attempt(session, name, &part, search_path, major).await,
            None => Err(refused),
        }
    }

    async fn attempt(
        session: &mut Session,
        name: &str,
        text: &str,
        search_path: &str,
        major: u32,
    ) -> Result<(Self, String), CollectError> {
        let prepared = Self::new(session, name, text, search_path, major).await?;
        match prepared.generic(session).await {
            Ok(generic) => Ok((prepared, generic)),
            Err(error) => {
                if is_refusal(&error) {
                    prepared.drop(session).await?;
                }
                Err(error)
            }
        }
    }

    /// Prepares `text`, whose names mean what `search_path` says.
    async fn new(
        session: &mut Session,
        name: &str,
        text: &str,
        search_path: &str,
        major: u32,
    ) -> Result<Self, CollectError> {
        let mut prepared = Self {
            name: name.to_owned(),
            text: super::prepare::preparable(text),
            search_path: search_path.to_owned(),
            parameters: 0,
            generic: major >= GENERIC_PLAN,
        };
        // Even to prepare it may read literals of a domain, and with it run the domain's checks.
        code::refuse(session, &prepared.text).await?;
        session.batch(prepared.begin("auto")).await?;
        let outcome = session.execute(format!("PREPARE {name} AS {}", prepared.text)).await;
        prepared.end(session, outcome).await?;
        let query = sqlx::query(include_str!("../sql/parameter_types.sql")).bind(name);
        let types = session.one(query, |row| row::strings(row, 0)).await?.unwrap_or_default();
        prepared.parameters = u32::try_from(types.len()).unwrap_or(u32::MAX);
        Ok(prepared)
    }

    /// The plan for any values.
    pub(in crate::engines::postgres) async fn generic(
        &self,
        session: &mut Session,
    ) -> Result<String, CollectError> {
        code::refuse(session, &self.text).await?;
        // What was planned before may not know of an index that was imagined since.
        session
            .batch(format!("DISCARD /* querysmith */ PLANS; {}", self.begin("force_generic_plan")))
            .await?;
        let outcome = if self.generic && self.parameters > 0 {
            // By the simple protocol, because in the extended one the parameters would be the agent's to give.
            // That the text is exactly one statement is proved: the server has prepared it.
            let text = &self.text;
            let sql = format!("EXPLAIN /* querysmith */ (GENERIC_PLAN, VERBOSE, FORMAT JSON) {text}");
            session.simple_text(sql).await
        } else {
            let nulls = vec!["NULL".to_owned(); self.parameters as usize];
            self.execute(session, &nulls).await
        };
        self.end(session, outcome).await.map(Option::unwrap_or_default)
    }

    /// The plan for these values, SQL expressions.
    pub(in crate::engines::postgres) async fn with_values(
        &self,
        session: &mut Session,
        values: &[String],
    ) -> Result<String, CollectError> {
        code::refuse(session, &self.text).await?;
        session.batch(self.begin("force_custom_plan")).await?;
        let outcome = self.execute(session, values).await;
        self.end(session, outcome).await.map(Option::unwrap_or_default)
    }

    /// Values to plan with, found by means of the generic plan; `None` where there are no parameters or one of
    /// them can't be found.
    pub(in crate::engines::postgres) async fn representative_values(
        &self,
        session: &mut Session,
        generic: &str,
        rows_per_call: f32,
    ) -> Result<Option<Vec<String>>, CollectError> {
        let Ok(plan) = serde_json::from_str::<Value>(generic) else { return Ok(None) };
        if self.parameters == 0 {
            return Ok(None);
        }
        let uses = conditions::uses(&plan);
        values::find(session, &uses, &self.text, self.parameters, rows_per_call).await
    }

    /// Forgets the statement.
    pub(in crate::engines::postgres) async fn drop(self, session: &mut Session) -> Result<(), CollectError> {
        session.batch(format!("DEALLOCATE /* querysmith */ {}", self.name)).await
    }

    async fn execute(
        &self,
        session: &mut Session,
        values: &[String],
    ) -> Result<Option<String>, CollectError> {
        let arguments = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
        let name = &self.name;
        session
            .simple_text(format!("EXPLAIN /* querysmith */ (VERBOSE, FORMAT JSON) EXECUTE {name}{arguments}"))
            .await
    }

    fn begin(&self, plan_cache_mode: &str) -> String {
        // A path that can't be quoted has a NUL in it, which no setting can hold.
        let path = identifier::postgres_string(&self.search_path).unwrap_or_else(|_| "''".to_owned());
        format!(
            "BEGIN /* querysmith */ TRANSACTION READ ONLY; \
             SET /* querysmith */ LOCAL plan_cache_mode = {plan_cache_mode}; \
             SELECT /* querysmith */ pg_catalog.set_config('search_path', {path}, true)"
        )
    }

    /// Ends the transaction, whatever came of it.
    async fn end<T>(
        &self,
        session: &mut Session,
        outcome: Result<T, CollectError>,
    ) -> Result<T, CollectError> {
        if outcome.as_ref().is_err_and(|error| !is_refusal(error)) {
            return outcome;
        }
        session.batch("ROLLBACK /* querysmith */".to_owned()).await?;
        outcome
    }
}
