//! Reads watched servers.

use chrono::{DateTime, TimeDelta, Utc};
use querysmith_shared::approval::Approver;
use querysmith_shared::observation::collector::CollectorStatus;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::decisions::document;
use super::signatures;
use crate::store::error::StoreError;

/// Gaps that are shown, newest first.
const MOST_GAPS: i64 = 50;

/// One watched server.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceRow {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its environment.
    pub environment: String,
    /// Its engine.
    pub engine: String,
    /// Its version.
    pub version: String,
    /// The agent beside it.
    pub agent_id: Uuid,
    /// That agent was shut out.
    pub agent_revoked: bool,
    /// It is a standby.
    pub in_recovery: bool,
    /// When it was first heard of.
    pub first_seen_at: DateTime<Utc>,
    /// When the last report about it was stored.
    pub last_report_at: Option<DateTime<Utc>>,
    /// How its collectors are doing.
    pub collectors: Vec<CollectorStatus>,
    /// Identity of its data directory.
    pub system_identifier: Option<String>,
    /// Databases that are watched.
    pub databases: Vec<String>,
    /// Its host lets changes be made.
    pub may_apply: bool,
    /// Whose signatures they need; nobody's where the controller's word is enough.
    pub approvers: Vec<Approver>,
    /// Findings that are not resolved.
    pub open_findings: i64,
}

#[derive(FromRow)]
struct StoredInstance {
    instance_id: Uuid,
    name: String,
    environment: String,
    engine: String,
    version: String,
    agent_id: Uuid,
    agent_revoked: bool,
    in_recovery: bool,
    first_seen_at: DateTime<Utc>,
    last_report_at: Option<DateTime<Utc>>,
    collectors: Value,
    system_identifier: Option<String>,
    databases: Vec<String>,
    may_apply: bool,
    approvers: Value,
    open_findings: i64,
}

/// What the statements of a server did in one minute.
#[derive(Debug, Clone, Copy, PartialEq, FromRow)]
pub struct MinuteLoad {
    /// Which server.
    pub instance_id: Uuid,
    /// Which minute.
    pub minute: DateTime<Utc>,
    /// Calls.
    pub calls: i64,
    /// Time of the calls.
    pub total_ms: f64,
    /// How much of the minute the statistics cover.
    pub covered_s: f64,
}

/// A reading of a host.
#[derive(Debug, Clone, Copy, PartialEq, FromRow)]
pub struct HostRow {
    /// Share of all CPUs in use.
    pub cpu_fraction: f32,
    /// Number of CPUs.
    pub cpu_count: i32,
    /// Load average over one minute.
    pub load1: f32,
    /// Memory.
    pub memory_total_bytes: i64,
    /// Memory programs could still get.
    pub memory_available_bytes: i64,
    /// File system of the data directory.
    pub disk_total_bytes: i64,
    /// Free space there.
    pub disk_free_bytes: i64,
}

/// A stretch of time for which telemetry is missing.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ReadGap {
    /// Start.
    pub gap_from: DateTime<Utc>,
    /// End.
    pub gap_to: DateTime<Utc>,
    /// Reports that are missing.
    pub dropped_reports: i64,
    /// Why.
    pub reason: String,
}

impl Store {
    /// Servers by name, after that of `after`, and how many there are.
    pub async fn read_instances(
        &self,
        after: Option<&(String, Uuid)>,
        limit: i64,
    ) -> Result<(Vec<InstanceRow>, i64), StoreError> {
        let rows: Vec<StoredInstance> = sqlx::query_as(
            "SELECT instance.instance_id, instance.name, instance.environment, instance.engine, instance.version,
                    instance.agent_id, agent.revoked_at IS NOT NULL AS agent_revoked, instance.in_recovery,
                    instance.first_seen_at, instance.last_report_at, instance.collectors,
                    instance.system_identifier, instance.databases, instance.may_apply, instance.approvers,
                    (SELECT count(*) FROM finding
                     WHERE finding.instance_id = instance.instance_id
                       AND finding.resolved_at IS NULL) AS open_findings
             FROM instance
             JOIN agent USING (agent_id)
             WHERE $1::text IS NULL
                OR (instance.name, instance.instance_id) > ($1, $2)
             ORDER BY instance.name, instance.instance_id
             LIMIT $3",
        )
        .bind(after.map(|key| key.0.as_str()))
        .bind(after.map(|key| key.1))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar("SELECT count(*) FROM instance").fetch_one(&self.pool).await?;
        Ok((rows.into_iter().map(instance).collect::<Result<_, _>>()?, total))
    }

    /// One server.
    pub async fn read_instance(&self, id: Uuid) -> Result<Option<InstanceRow>, StoreError> {
        let row: Option<StoredInstance> = sqlx::query_as(
            "SELECT instance.instance_id, instance.name, instance.environment, instance.engine, instance.version,
                    instance.agent_id, agent.revoked_at IS NOT NULL AS agent_revoked, instance.in_recovery,
                    instance.first_seen_at, instance.last_report_at, instance.collectors,
                    instance.system_identifier, instance.databases, instance.may_apply, instance.approvers,
                    (SELECT count(*) FROM finding
                     WHERE finding.instance_id = instance.instance_id
                       AND finding.resolved_at IS NULL) AS open_findings
             FROM instance
             JOIN agent USING (agent_id)
             WHERE instance.instance_id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(instance).transpose()
    }

    /// Whether there is such a server.
    pub async fn has_instance(&self, id: Uuid) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM instance WHERE instance_id = $1)")
            .bind(id)
            .fetch_one(&self.pool)
            .await?)
    }

    /// What servers did in each of the minutes from `from` on, where something came.
    pub async fn minute_loads(
        &self,
        instances: &[Uuid],
        from: DateTime<Utc>,
    ) -> Result<Vec<MinuteLoad>, StoreError> {
        Ok(sqlx::query_as(
            "WITH covered AS (
                 SELECT instance_id, date_trunc('minute', window_end) AS minute,
                        sum(extract(epoch FROM window_end - window_start))::float8 AS covered_s
                 FROM stats_window
                 WHERE instance_id = ANY ($1)
                   AND window_end >= $2
                 GROUP BY instance_id, date_trunc('minute', window_end)
             ), loads AS (
                 SELECT instance_id, minute, LEAST(sum(calls), 1e15)::bigint AS calls, sum(total_ms) AS total_ms
                 FROM query_stats_minute
                 WHERE instance_id = ANY ($1)
                   AND minute >= $2
                 GROUP BY instance_id, minute
             )
             SELECT covered.instance_id, covered.minute, COALESCE(loads.calls, 0) AS calls,
                    COALESCE(loads.total_ms, 0) AS total_ms, covered.covered_s
             FROM covered
             LEFT JOIN loads USING (instance_id, minute)
             ORDER BY covered.instance_id, covered.minute",
        )
        .bind(instances)
        .bind(from)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The last reading of a server's host, not older than an hour.
    pub async fn read_host(&self, instance: Uuid, now: DateTime<Utc>) -> Result<Option<HostRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT cpu_fraction, cpu_count, load1, memory_total_bytes, memory_available_bytes, disk_total_bytes,
                    disk_free_bytes
             FROM host_sample
             WHERE instance_id = $1
               AND read_at >= $2
             ORDER BY read_at DESC
             LIMIT 1",
        )
        .bind(instance)
        .bind(now - TimeDelta::hours(1))
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Missing telemetry of a server, newest first.
    pub async fn read_gaps(&self, instance: Uuid) -> Result<Vec<ReadGap>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT telemetry_gap.gap_from, telemetry_gap.gap_to, telemetry_gap.dropped_reports, telemetry_gap.reason
             FROM telemetry_gap
             JOIN instance ON instance.agent_id = telemetry_gap.agent_id
             WHERE instance.instance_id = $1
               AND (telemetry_gap.instance_id IS NULL OR telemetry_gap.instance_id = $1)
             ORDER BY telemetry_gap.gap_to DESC, telemetry_gap.gap_id DESC
             LIMIT $2",
        )
        .bind(instance)
        .bind(MOST_GAPS)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Names of the settings whose new value waits for a restart.
    pub async fn settings_pending_restart(&self, instance: Uuid) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT name
             FROM setting
             WHERE instance_id = $1
               AND pending_restart
             ORDER BY name",
        )
        .bind(instance)
        .fetch_all(&self.pool)
        .await?)
    }
}

fn instance(row: StoredInstance) -> Result<InstanceRow, StoreError> {
    Ok(InstanceRow {
        id: row.instance_id,
        name: row.name,
        environment: row.environment,
        engine: row.engine,
        version: row.version,
        agent_id: row.agent_id,
        agent_revoked: row.agent_revoked,
        in_recovery: row.in_recovery,
        first_seen_at: row.first_seen_at,
        last_report_at: row.last_report_at,
        collectors: document(row.collectors, "collectors of an instance")?,
        system_identifier: row.system_identifier,
        databases: row.databases,
        may_apply: row.may_apply,
        approvers: signatures::read(row.approvers)?,
        open_findings: row.open_findings,
    })
}
