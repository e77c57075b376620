//! Loads the evidence about one instance: everything the detectors and the proposer look at.

mod history;
mod memory;
mod overtaken;
mod settings;
mod tables;
pub(crate) mod windows;

pub use history::HistoryCache;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::{Evidence, InstanceFacts, PlanEvidence, StatementEvidence};
use querysmith_advice::thresholds::Thresholds;
use querysmith_shared::engine::Version;
use querysmith_shared::id::{AgentId, InstanceId, StatementId};
use querysmith_shared::observation::plan::{PlanNode, PlanOrigin};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::Store;
use super::value::timestamp;
use crate::store::error::StoreError;

/// An instance that can be looked at: its server is known and its agent is not revoked.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedInstance {
    /// The instance.
    pub facts: InstanceFacts,
    /// Its agent.
    pub agent: AgentId,
    /// When a report about it last came.
    pub last_report_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct InstanceRow {
    instance_id: Uuid,
    agent_id: Uuid,
    version: String,
    in_recovery: bool,
    what_if: bool,
    may_apply: bool,
    system_identifier: String,
    last_report_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct StatementRow {
    statement_id: i64,
    database: String,
    user_name: String,
    text: Option<String>,
    truncated: bool,
    first_seen_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct PlanRow {
    statement_id: i64,
    origin: String,
    shape_hash: i64,
    plan: String,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
}

impl Store {
    /// The instances that can be looked at.
    pub async fn watched_instances(&self) -> Result<Vec<WatchedInstance>, StoreError> {
        let rows: Vec<InstanceRow> = sqlx::query_as(
            "SELECT instance.instance_id, instance.agent_id, instance.version, instance.in_recovery,
                    instance.what_if, instance.may_apply, instance.system_identifier, instance.last_report_at
             FROM instance
             JOIN agent USING (agent_id)
             WHERE agent.revoked_at IS NULL
               AND instance.system_identifier IS NOT NULL
             ORDER BY instance.instance_id",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(watched).collect())
    }

    /// The evidence about an instance.
    pub async fn evidence(
        &self,
        instance: &WatchedInstance,
        history: &HistoryCache,
        thresholds: &Thresholds,
        now: Timestamp,
    ) -> Result<Evidence, StoreError> {
        let id = instance.facts.id;
        let chosen = self.chosen_statements(id, now).await?;
        let mut windows = self.windows(id, &chosen, history, now).await?;
        let totals = windows.totals;
        let mut plans = self.plans(id, &chosen).await?;
        let mut statements = self.statements(id, &chosen).await?;
        for statement in &mut statements {
            statement.windows = windows.by_statement.remove(&statement.id).unwrap_or_default();
            statement.plans = plans.remove(&statement.id).unwrap_or_default();
        }
        Ok(Evidence {
            now,
            instance: instance.facts.clone(),
            statements,
            totals,
            tables: self.tables(id).await?,
            settings: self.planner_settings(id).await?,
            parameters: self.parameters(id).await?,
            open_findings: self.open_findings(id).await?,
            proposals: self.known_proposals(id, now).await?,
            changes: self.known_changes(id, now).await?,
            dropped_indexes: self.dropped_indexes(id, now).await?,
            model: self.current_model().await?,
            thresholds: thresholds.clone(),
        })
    }

    async fn statements(
        &self,
        instance: InstanceId,
        chosen: &[i64],
    ) -> Result<Vec<StatementEvidence>, StoreError> {
        let rows: Vec<StatementRow> = sqlx::query_as(
            "SELECT statement_id, database, user_name, text, truncated, first_seen_at
             FROM statement
             WHERE instance_id = $1
               AND statement_id = ANY ($2)",
        )
        .bind(instance.0)
        .bind(chosen)
        .fetch_all(&self.pool)
        .await?;
        let evidence = rows.into_iter().map(|row| StatementEvidence {
            id: StatementId(row.statement_id),
            database: row.database,
            user: row.user_name,
            text: row.text.unwrap_or_default(),
            truncated: row.truncated,
            first_seen: timestamp(row.first_seen_at),
            windows: Vec::new(),
            plans: Vec::new(),
        });
        Ok(evidence.collect())
    }

    async fn plans(
        &self,
        instance: InstanceId,
        chosen: &[i64],
    ) -> Result<BTreeMap<StatementId, Vec<PlanEvidence>>, StoreError> {
        let rows: Vec<PlanRow> = sqlx::query_as(
            "SELECT statement_id, origin, shape_hash, plan::text AS plan, first_seen_at, last_seen_at
             FROM plan
             WHERE instance_id = $1
               AND statement_id = ANY ($2)
             ORDER BY statement_id, last_seen_at",
        )
        .bind(instance.0)
        .bind(chosen)
        .fetch_all(&self.pool)
        .await?;
        let mut plans: BTreeMap<StatementId, Vec<PlanEvidence>> = BTreeMap::new();
        for row in rows {
            // It was read before it was stored; one that can't be read any more is no evidence.
            let Ok(plan) = PlanNode::from_postgres_json(&row.plan) else { continue };
            let origin = match row.origin.as_str() {
                "representative" => PlanOrigin::Representative,
                _ => PlanOrigin::Generic,
            };
            plans.entry(StatementId(row.statement_id)).or_default().push(PlanEvidence {
                shape_hash: row.shape_hash.cast_unsigned(),
                first_seen: timestamp(row.first_seen_at),
                last_seen: timestamp(row.last_seen_at),
                origin,
                plan,
            });
        }
        Ok(plans)
    }
}

fn watched(row: InstanceRow) -> WatchedInstance {
    WatchedInstance {
        facts: InstanceFacts {
            id: InstanceId(row.instance_id),
            version: version(&row.version),
            in_recovery: row.in_recovery,
            what_if: row.what_if,
            may_apply: row.may_apply,
            system_identifier: row.system_identifier,
        },
        agent: AgentId(row.agent_id),
        last_report_at: row.last_report_at.map(timestamp),
    }
}

/// Reads what `Version` writes.
fn version(text: &str) -> Version {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    Version { major: parts.next().unwrap_or(0), minor: parts.next().unwrap_or(0) }
}
