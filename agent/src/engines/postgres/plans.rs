//! Plans of the statements that matter: those that took most of the time lately. Texts are read again from the
//! server for it; none comes from anywhere else.

pub(super) mod code;
mod conditions;
pub(super) mod explain;
mod prepare;
mod reading_part;
mod values;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant, SystemTime};

use querysmith_shared::dialect::identifier;
use querysmith_shared::observation::collector::Problem;
use querysmith_shared::observation::plan::{PlanObservation, PlanOrigin, Plans};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ReportBody;

use super::query_stats::delta::Key;
use super::session::Session;
use super::{Known, Postgres, redact, row, texts};
use crate::collect::collector::Collector;
use crate::collect::sink::Reports;
use crate::engines::{CollectError, Collected};
use code::Everywhere;
use explain::{Prepared, is_permission, is_refusal};
use reading_part::needs_more_than_reading;

/// Statements that one run plans at most.
const MOST: usize = 20;
/// A statement is planned again after so long.
const EVERY: Duration = Duration::from_secs(600);
/// A run begins no further statement after so long.
const RUN_LIMIT: Duration = Duration::from_secs(20);
/// Longest plan that is reported: thousands of partitions make megabytes that nobody reads.
const MAX_PLAN_BYTES: usize = 200_000;
/// Plans of one report: with the longest plans still within a report's limit.
const BATCH: usize = 16;
/// Name of the prepared statement.
const NAME: &str = "qs_plan";
/// Why there is no plan of an INSERT: not a missing grant, as the reading role shall not write.
const ONLY_WRITERS: &str = "the server plans a statement that writes only for a role that may write";

pub(super) async fn collect(engine: &Postgres, reports: &dyn Reports) -> Result<Collected, CollectError> {
    let begun = Instant::now();
    let known = engine.known()?;
    let mut collected = Collected::default();
    let Some(extension) = known.readable() else { return Ok(collected) };
    if known.facts.superuser {
        // What the planner runs, it would run with every right there is.
        collected.problems.extend(known.facts.planning_problem());
        return Ok(collected);
    }
    let keys = engine.catalogue().to_plan(begun, EVERY, MOST);
    if keys.is_empty() {
        return Ok(collected);
    }
    let mut lease = engine.lease_server(Collector::Plans).await?;
    let texts = texts::raw(lease.session(), extension, &keys).await?;
    let users = texts::users(lease.session(), &keys).await?;
    lease.done();
    let mut refused = 0;
    let mut failure = None;
    let mut databases = 0;
    for database in &known.databases {
        let of_database: Vec<Key> = keys.iter().copied().filter(|key| key.database == database.oid).collect();
        if of_database.is_empty() {
            continue;
        }
        databases += 1;
        let mut run = Run {
            engine,
            known: &known,
            begun,
            texts: &texts,
            users: &users,
            plans: Vec::new(),
            refused: 0,
            everywhere: None,
        };
        let outcome = run.database(&database.name, &of_database).await;
        collected.problems.extend(run.everywhere.map(|everywhere| everywhere.problem(&database.name)));
        refused += run.refused;
        collected.rows += run.plans.len() as u64;
        send(reports, run.plans).await?;
        if let Err(error) = outcome {
            failure = Some(engine.note_failure(&database.name, error, &mut collected));
        }
    }
    if refused > 0 {
        collected.problems.push(not_permitted(&known, refused));
    }
    engine.outcome(collected, databases, failure)
}

/// One run over the statements of one database.
struct Run<'a> {
    engine: &'a Postgres,
    known: &'a Known,
    begun: Instant,
    texts: &'a HashMap<Key, String>,
    users: &'a HashMap<u32, String>,
    plans: Vec<PlanObservation>,
    refused: usize,
    /// What keeps the whole database from being planned.
    everywhere: Option<Everywhere>,
}

impl Run<'_> {
    async fn database(&mut self, database: &str, keys: &[Key]) -> Result<(), CollectError> {
        let mut lease = self.engine.lease_database(database, Collector::Plans).await?;
        self.everywhere = code::everywhere(lease.session()).await?;
        let mut paths: HashMap<u32, String> = HashMap::new();
        for key in keys {
            if self.begun.elapsed() >= RUN_LIMIT {
                break;
            }
            if let Entry::Vacant(unknown) = paths.entry(key.user) {
                let user = self.users.get(&key.user).map_or("", String::as_str);
                unknown.insert(search_path(lease.session(), user).await?);
            }
            // Whatever comes of it, it is not tried again before its time.
            self.engine.catalogue().planned(*key, Instant::now());
            let Some(text) = self.texts.get(key) else {
                self.keep(
                    *key,
                    PlanOrigin::Generic,
                    Err("its text is too long or no longer there".to_owned()),
                );
                continue;
            };
            match self.statement(lease.session(), *key, text, &paths[&key.user]).await {
                Ok(()) => {}
                Err(error) if is_permission(&error) && needs_more_than_reading(text) => {
                    self.keep(*key, PlanOrigin::Generic, Err(ONLY_WRITERS.to_owned()));
                }
                Err(error) if is_refusal(&error) => {
                    self.refused += usize::from(is_permission(&error));
                    self.keep(*key, PlanOrigin::Generic, Err(error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        lease.session().unlock().await?;
        lease.done();
        Ok(())
    }

    async fn statement(
        &mut self,
        session: &mut Session,
        key: Key,
        text: &str,
        search_path: &str,
    ) -> Result<(), CollectError> {
        let major = self.known.facts.major();
        let (prepared, generic) = Prepared::planned(session, NAME, text, search_path, major).await?;
        let outcome = self.plans_of(session, &prepared, &generic, key).await;
        if outcome.as_ref().is_err_and(|error| !is_refusal(error)) {
            return outcome;
        }
        prepared.drop(session).await?;
        outcome
    }

    async fn plans_of(
        &mut self,
        session: &mut Session,
        prepared: &Prepared,
        generic: &str,
        key: Key,
    ) -> Result<(), CollectError> {
        let rows = self.engine.catalogue().get(key).map_or(1.0, |statement| statement.mean_rows);
        let values = prepared.representative_values(session, generic, rows).await?;
        self.keep(key, PlanOrigin::Generic, self.redacted(generic));
        if let Some(values) = values {
            match prepared.with_values(session, &values).await {
                Ok(plan) => self.keep(key, PlanOrigin::Representative, self.redacted(&plan)),
                // A value that its type does not accept is no news: the generic plan is there.
                Err(error) if is_refusal(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn redacted(&self, plan: &str) -> Result<String, String> {
        match redact::plan_json(plan, self.engine.config.literals) {
            Some(plan) if plan.len() <= MAX_PLAN_BYTES => Ok(plan),
            Some(plan) => Err(format!("the plan is {} bytes long, more than is reported", plan.len())),
            None => Err("the plan can't be read".to_owned()),
        }
    }

    /// Keeps a plan for the report, if it is another than the one reported last.
    fn keep(&mut self, key: Key, origin: PlanOrigin, plan: Result<String, String>) {
        let mut hasher = DefaultHasher::new();
        plan.hash(&mut hasher);
        let mut catalogue = self.engine.catalogue();
        let Some(statement) = catalogue.get(key).map(|statement| statement.id) else { return };
        if catalogue.plan_is_new(key, origin, hasher.finish()) {
            let planned_at = Timestamp::from(SystemTime::now());
            self.plans.push(PlanObservation { statement, planned_at, origin, plan });
        }
    }
}

async fn send(reports: &dyn Reports, mut plans: Vec<PlanObservation>) -> Result<(), CollectError> {
    while !plans.is_empty() {
        let batch = plans.drain(..plans.len().min(BATCH)).collect();
        reports.append(ReportBody::Plans(Plans { plans: batch })).await.map_err(CollectError::Store)?;
    }
    Ok(())
}

/// What unqualified names mean to `user` in the session's database.
pub(super) async fn search_path(session: &mut Session, user: &str) -> Result<String, CollectError> {
    let query = sqlx::query(include_str!("sql/search_path.sql")).bind(user);
    let path = session.one(query, |row| row::string(row, 0)).await?;
    let path = path.filter(|path| !path.is_empty()).unwrap_or_else(|| "\"$user\", public".to_owned());
    let quoted = identifier::postgres(user).unwrap_or_else(|_| "\"$user\"".to_owned());
    Ok(path.replace("\"$user\"", &quoted).replace("$user", &quoted))
}

fn not_permitted(known: &Known, statements: usize) -> Problem {
    let role = identifier::postgres(&known.facts.role).unwrap_or_default();
    let remedy = if known.facts.major() >= 14 {
        format!("GRANT pg_read_all_data TO {role}")
    } else {
        format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    };
    Problem {
        message: format!(
            "{statements} statements could not be planned: the role {role} may not read their tables"
        ),
        remedy: Some(remedy),
        database: None,
    }
}
