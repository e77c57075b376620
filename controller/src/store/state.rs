//! Writes settings, the host, activity, the collectors' state, the agent's cost, and gaps.

use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::observation::activity::Activity;
use querysmith_shared::observation::collector::{AgentCost, CollectorReport};
use querysmith_shared::observation::host::Host;
use querysmith_shared::observation::settings::Setting;
use querysmith_shared::timestamp::Timestamp;
use serde::Serialize;

use super::value::{count, json, moment, text};
use super::writing::Writing;
use crate::store::error::StoreError;

/// Telemetry that is missing, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRow {
    /// Whose telemetry.
    pub agent: AgentId,
    /// Of which instance, if of one.
    pub instance: Option<InstanceId>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How many reports.
    pub reports: u64,
    /// Why, in words.
    pub reason: String,
}

impl Writing {
    /// Adds or replaces settings. Idempotent.
    pub async fn put_settings(
        &mut self,
        instance: InstanceId,
        settings: &[Setting],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let names: Vec<_> = settings.iter().map(|s| text(&s.name)).collect();
        let values: Vec<_> = settings.iter().map(|s| text(&s.value)).collect();
        let units: Vec<_> = settings.iter().map(|s| s.unit.as_deref().map(text)).collect();
        let sources: Vec<_> = settings.iter().map(|s| text(&s.source)).collect();
        let contexts: Vec<_> = settings.iter().map(|s| text(&s.context)).collect();
        let boots: Vec<_> = settings.iter().map(|s| s.boot_value.as_deref().map(text)).collect();
        let lows: Vec<_> = settings.iter().map(|s| s.min.as_deref().map(text)).collect();
        let highs: Vec<_> = settings.iter().map(|s| s.max.as_deref().map(text)).collect();
        let pending: Vec<bool> = settings.iter().map(|s| s.pending_restart).collect();
        let types: Vec<_> = settings.iter().map(|s| s.value_type.as_str()).collect();
        let choices = settings
            .iter()
            .map(|s| document("choices of a setting", &s.choices))
            .collect::<Result<Vec<_>, _>>()?;
        let altered: Vec<bool> = settings.iter().map(|s| s.by_alter_system).collect();
        sqlx::query(
            "INSERT INTO setting (instance_id, name, value, unit, source, context, boot_value, min_value, max_value,
                                  pending_restart, value_type, choices, by_alter_system, changed_at)
             SELECT DISTINCT ON (name) $1, name, value, unit, source, context, boot_value, min_value, max_value,
                    pending_restart, value_type, choices::jsonb,
                    by_alter_system, $2
             FROM UNNEST($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                         $10::text[], $11::boolean[], $12::text[], $13::text[], $14::boolean[])
                 AS s (name, value, unit, source, context, boot_value, min_value, max_value, pending_restart,
                       value_type, choices, by_alter_system)
             ORDER BY name
             ON CONFLICT (instance_id, name) DO UPDATE
             SET value = EXCLUDED.value, unit = EXCLUDED.unit, source = EXCLUDED.source,
                 context = EXCLUDED.context, boot_value = EXCLUDED.boot_value, min_value = EXCLUDED.min_value,
                 max_value = EXCLUDED.max_value, pending_restart = EXCLUDED.pending_restart,
                 value_type = EXCLUDED.value_type, choices = EXCLUDED.choices,
                 by_alter_system = EXCLUDED.by_alter_system,
                 changed_at = EXCLUDED.changed_at",
        )
        .bind(instance.0)
        .bind(moment(at))
        .bind(names)
        .bind(values)
        .bind(units)
        .bind(sources)
        .bind(contexts)
        .bind(boots)
        .bind(lows)
        .bind(highs)
        .bind(pending)
        .bind(types)
        .bind(choices)
        .bind(altered)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Adds a reading of the host.
    pub async fn add_host(
        &mut self,
        instance: InstanceId,
        host: &Host,
        read_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO host_sample (instance_id, read_at, cpu_fraction, cpu_count, load1, memory_total_bytes,
                                      memory_available_bytes, disk_total_bytes, disk_free_bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(instance.0)
        .bind(moment(read_at))
        .bind(host.cpu_fraction)
        .bind(i32::from(host.cpu_count))
        .bind(host.load1)
        .bind(count(host.memory_total_bytes))
        .bind(count(host.memory_available_bytes))
        .bind(count(host.disk_total_bytes))
        .bind(count(host.disk_free_bytes))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Adds a sample of activity.
    pub async fn add_activity(
        &mut self,
        instance: InstanceId,
        activity: &Activity,
        read_at: Timestamp,
    ) -> Result<(), StoreError> {
        let connections = |is_counted: &dyn Fn(&str) -> bool| -> i32 {
            let counted = activity.connections.iter().filter(|c| is_counted(&c.state));
            counted.map(|c| i32::try_from(c.count).unwrap_or(i32::MAX)).fold(0, i32::saturating_add)
        };
        sqlx::query(
            "INSERT INTO activity_sample (instance_id, read_at, active, idle, idle_in_transaction, blocked, sample)
             VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)",
        )
        .bind(instance.0)
        .bind(moment(read_at))
        .bind(connections(&|state| state == "active"))
        .bind(connections(&|state| state == "idle"))
        .bind(connections(&|state| state.starts_with("idle in transaction")))
        .bind(i32::try_from(activity.blocked.len()).unwrap_or(i32::MAX))
        .bind(document("sample of activity", activity)?)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Replaces the state of an instance's collectors.
    pub async fn put_collectors(
        &mut self,
        instance: InstanceId,
        report: &CollectorReport,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE instance
             SET collectors = $2::jsonb, collectors_at = $3
             WHERE instance_id = $1",
        )
        .bind(instance.0)
        .bind(document("collectors' state", &report.collectors)?)
        .bind(moment(at))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Replaces what the agent costs.
    pub async fn put_cost(&mut self, agent: AgentId, cost: &AgentCost) -> Result<(), StoreError> {
        sqlx::query("UPDATE agent SET cost = $2::jsonb, cost_at = $3 WHERE agent_id = $1")
            .bind(agent.0)
            .bind(document("agent's cost", cost)?)
            .bind(moment(cost.measured_at))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Says that telemetry is missing.
    pub async fn add_gap(&mut self, gap: &GapRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO telemetry_gap (agent_id, instance_id, gap_from, gap_to, dropped_reports, reason)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(gap.agent.0)
        .bind(gap.instance.map(|instance| instance.0))
        .bind(moment(gap.from.min(gap.to)))
        .bind(moment(gap.to))
        .bind(count(gap.reports))
        .bind(text(&gap.reason))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn document<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    json(value).map_err(|error| StoreError::Unreadable { what, source: Box::new(error) })
}
