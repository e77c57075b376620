//! Reads the fleet in a few numbers, and its agents.

use chrono::{DateTime, TimeDelta, Utc};
use querysmith_advice::measure::effect::{Effect, Role};
use querysmith_shared::id::AgentId;
use querysmith_shared::observation::collector::AgentCost;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::value::readable;
use crate::store::error::StoreError;

/// Kept changes that are looked at for what they save; the newest, should there ever be more.
const MOST_CHANGES: i64 = 500;

/// The fleet in a few numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct FleetCounts {
    /// Watched servers.
    pub instances: i64,
    /// Agents that are not revoked.
    pub agents: i64,
    /// Findings that are not resolved.
    pub open_findings: i64,
    /// Proposals that wait and have not expired.
    pub proposals_waiting: i64,
    /// Changes that have not ended.
    pub changes_active: i64,
    /// Changes measured as help.
    pub changes_helped: i64,
    /// Changes taken back.
    pub changes_reverted: i64,
}

/// One agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRow {
    /// Its id.
    pub id: AgentId,
    /// Its host.
    pub host_name: String,
    /// Its version.
    pub version: String,
    /// When it joined.
    pub enrolled_at: DateTime<Utc>,
    /// When it last spoke.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When its certificate ends.
    pub certificate_expires_at: Option<DateTime<Utc>>,
    /// When it was shut out.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Since when it is known to have obeyed another record than this store's.
    pub ahead_since: Option<DateTime<Utc>>,
    /// What it costs.
    pub cost: Option<AgentCost>,
    /// Ids and names of what it watches, by name.
    pub instances: Vec<(Uuid, String)>,
}

#[derive(FromRow)]
struct StoredAgent {
    agent_id: Uuid,
    host_name: String,
    version: String,
    enrolled_at: DateTime<Utc>,
    last_seen_at: Option<DateTime<Utc>>,
    certificate_expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    ahead_since: Option<DateTime<Utc>>,
    cost: Option<Value>,
    instance_ids: Vec<Uuid>,
    instance_names: Vec<String>,
}

impl Store {
    /// The fleet in a few numbers.
    pub async fn fleet_counts(&self, now: DateTime<Utc>) -> Result<FleetCounts, StoreError> {
        Ok(sqlx::query_as(
            "SELECT (SELECT count(*) FROM instance) AS instances,
                    (SELECT count(*) FROM agent WHERE revoked_at IS NULL) AS agents,
                    (SELECT count(*) FROM finding WHERE resolved_at IS NULL) AS open_findings,
                    (SELECT count(*) FROM proposal WHERE state = 'waiting' AND expires_at > $1) AS proposals_waiting,
                    (SELECT count(*) FROM change
                     WHERE state IN ('approved', 'offered', 'received', 'armed', 'applying', 'trial', 'reverting'))
                        AS changes_active,
                    (SELECT count(*) FROM change WHERE verdict = 'helped') AS changes_helped,
                    (SELECT count(*) FROM change WHERE state = 'reverted') AS changes_reverted",
        )
        .bind(now)
        .fetch_one(&self.pool)
        .await?)
    }

    /// Database time an hour that kept changes save: what each touched statement took before less what it
    /// takes after, times its calls of the last hour. `None` before the first kept change that helped.
    pub async fn saved_ms_per_hour(&self, now: DateTime<Utc>) -> Result<Option<f64>, StoreError> {
        let kept: Vec<(Uuid, Value)> = sqlx::query_as(
            "SELECT instance_id, effect
             FROM change
             WHERE state = 'confirmed'
               AND verdict = 'helped'
               AND effect IS NOT NULL
             ORDER BY created_at DESC
             LIMIT $1",
        )
        .bind(MOST_CHANGES)
        .fetch_all(&self.pool)
        .await?;
        if kept.is_empty() {
            return Ok(None);
        }
        let (mut instances, mut statements, mut gains) = (Vec::new(), Vec::new(), Vec::new());
        for (instance, effect) in kept {
            let Some(effect) = readable::<Effect>(effect, "effect of a change", instance) else { continue };
            for statement in effect.statements.iter().filter(|statement| statement.role == Role::Touched) {
                if let (Some(before), Some(after)) = (statement.before, statement.after) {
                    instances.push(instance);
                    statements.push(statement.statement_id.0);
                    gains.push(before.mean_ms - after.mean_ms);
                }
            }
        }
        let saved: Option<f64> = sqlx::query_scalar(
            "SELECT sum(gain.ms * calls.an_hour)
             FROM UNNEST($1::uuid[], $2::bigint[], $3::float8[]) AS gain (instance_id, statement_id, ms)
             CROSS JOIN LATERAL (
                 SELECT COALESCE(sum(minute.calls), 0)::float8 AS an_hour
                 FROM query_stats_minute AS minute
                 WHERE minute.instance_id = gain.instance_id
                   AND minute.statement_id = gain.statement_id
                   AND minute.minute >= $4
             ) AS calls",
        )
        .bind(instances)
        .bind(statements)
        .bind(gains)
        .bind(now - TimeDelta::hours(1))
        .fetch_one(&self.pool)
        .await?;
        Ok(Some(saved.unwrap_or(0.0)))
    }

    /// Agents by host name, after that of `after`, and how many there are.
    pub async fn read_agents(
        &self,
        after: Option<&(String, Uuid)>,
        limit: i64,
    ) -> Result<(Vec<AgentRow>, i64), StoreError> {
        let rows: Vec<StoredAgent> = sqlx::query_as(
            "SELECT agent.agent_id, agent.host_name, agent.version, agent.enrolled_at, agent.last_seen_at,
                    agent.certificate_expires_at, agent.revoked_at, agent.ahead_since, agent.cost,
                    watched.instance_ids, watched.instance_names
             FROM agent
             CROSS JOIN LATERAL (
                 SELECT COALESCE(array_agg(instance_id ORDER BY name, instance_id), '{}') AS instance_ids,
                        COALESCE(array_agg(name ORDER BY name, instance_id), '{}') AS instance_names
                 FROM instance
                 WHERE instance.agent_id = agent.agent_id
             ) AS watched
             WHERE $1::text IS NULL
                OR (agent.host_name, agent.agent_id) > ($1, $2)
             ORDER BY agent.host_name, agent.agent_id
             LIMIT $3",
        )
        .bind(after.map(|key| key.0.as_str()))
        .bind(after.map(|key| key.1))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar("SELECT count(*) FROM agent").fetch_one(&self.pool).await?;
        Ok((rows.into_iter().map(agent).collect(), total))
    }

    /// One agent.
    pub async fn read_agent(&self, id: AgentId) -> Result<Option<AgentRow>, StoreError> {
        let row: Option<StoredAgent> = sqlx::query_as(
            "SELECT agent.agent_id, agent.host_name, agent.version, agent.enrolled_at, agent.last_seen_at,
                    agent.certificate_expires_at, agent.revoked_at, agent.ahead_since, agent.cost,
                    ARRAY(SELECT instance_id FROM instance WHERE instance.agent_id = agent.agent_id
                          ORDER BY name, instance_id) AS instance_ids,
                    ARRAY(SELECT name FROM instance WHERE instance.agent_id = agent.agent_id
                          ORDER BY name, instance_id) AS instance_names
             FROM agent
             WHERE agent.agent_id = $1",
        )
        .bind(id.0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(agent))
    }
}

fn agent(row: StoredAgent) -> AgentRow {
    AgentRow {
        id: AgentId(row.agent_id),
        host_name: row.host_name,
        version: row.version,
        enrolled_at: row.enrolled_at,
        last_seen_at: row.last_seen_at,
        certificate_expires_at: row.certificate_expires_at,
        revoked_at: row.revoked_at,
        ahead_since: row.ahead_since,
        cost: row.cost.and_then(|cost| readable(cost, "cost of an agent", row.agent_id)),
        instances: row.instance_ids.into_iter().zip(row.instance_names).collect(),
    }
}
