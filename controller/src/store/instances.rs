//! Writes what servers are.

use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::observation::instance::{Instance, Server};
use querysmith_shared::timestamp::Timestamp;

use super::signatures;
use super::value::{moment, text};
use super::writing::Writing;
use crate::store::error::StoreError;

impl Writing {
    /// Adds an instance of `agent`, or brings it up to date. An instance that is already another agent's is
    /// left alone. Idempotent. A server that was started anew since gets a mark.
    pub async fn put_instance(
        &mut self,
        agent: AgentId,
        instance: &Instance,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO instance (instance_id, agent_id, name, environment, engine, first_seen_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (instance_id) DO UPDATE
             SET name = EXCLUDED.name, environment = EXCLUDED.environment, engine = EXCLUDED.engine
             WHERE instance.agent_id = EXCLUDED.agent_id
               AND (instance.name, instance.environment, instance.engine)
                   IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.environment, EXCLUDED.engine)",
        )
        .bind(instance.id.0)
        .bind(agent.0)
        .bind(text(&instance.name))
        .bind(text(&instance.environment))
        .bind(instance.engine.as_str())
        .bind(moment(at))
        .execute(self.connection())
        .await?;
        match &instance.server {
            Some(server) => self.put_server(agent, instance.id, server, at).await,
            None => Ok(()),
        }
    }

    async fn put_server(
        &mut self,
        agent: AgentId,
        instance: InstanceId,
        server: &Server,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let databases: Vec<_> = server.databases.iter().map(|name| text(name)).collect();
        // The start is read from the server's clock to the microsecond, and stays the same until it restarts.
        sqlx::query(
            "WITH before AS (
                 SELECT started_at, approvers
                 FROM instance
                 WHERE instance_id = $1
                   AND agent_id = $2
                 FOR UPDATE
             ), marked AS (
                 INSERT INTO mark (instance_id, at, kind, label)
                 SELECT $1, LEAST($7, $11), 'restart', 'server restarted'
                 FROM before
                 WHERE before.started_at < $7
             ), asked_anew AS (
                 -- Whom the host trusts is another question now, and so is what an order lacks.
                 UPDATE change
                 SET missing_signatures = NULL
                 FROM before
                 WHERE change.instance_id = $1
                   AND change.missing_signatures IS NOT NULL
                   AND before.approvers IS DISTINCT FROM $12
             )
             UPDATE instance
             SET version = $3, version_major = $4, system_identifier = $5, databases = $6, started_at = $7,
                 in_recovery = $8, what_if = $9, may_apply = $10, approvers = $12
             FROM before
             WHERE instance_id = $1",
        )
        .bind(instance.0)
        .bind(agent.0)
        .bind(server.version.to_string())
        .bind(i32::from(server.version.major))
        .bind(text(&server.system_identifier))
        .bind(databases)
        .bind(moment(server.started_at))
        .bind(server.in_recovery)
        .bind(server.what_if)
        .bind(server.may_apply)
        .bind(moment(at))
        .bind(signatures::written(&server.approvers))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that reports about these instances came.
    pub async fn touch_instances(
        &mut self,
        instances: &[InstanceId],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let ids: Vec<_> = instances.iter().map(|instance| instance.0).collect();
        // Once in some seconds is enough to tell silence.
        sqlx::query(
            "UPDATE instance
             SET last_report_at = $2
             WHERE instance_id = ANY ($1)
               AND (last_report_at IS NULL OR last_report_at < $2 - interval '2 seconds')",
        )
        .bind(ids)
        .bind(moment(at))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Puts a mark on an instance's charts.
    pub async fn add_mark(
        &mut self,
        instance: InstanceId,
        at: Timestamp,
        kind: &str,
        label: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO mark (instance_id, at, kind, label) VALUES ($1, $2, $3, $4)")
            .bind(instance.0)
            .bind(moment(at))
            .bind(kind)
            .bind(label)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
