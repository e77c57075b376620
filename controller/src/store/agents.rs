//! Writes who may speak to the controller: join tokens, agents, certificates.

use chrono::{DateTime, Utc};
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::link::Hello;
use uuid::Uuid;

use super::Store;
use super::value::{head, moment, text};
use crate::fleet::store::{AgentStatus, IssuedCertificate, NewAgent, TokenVerdict, Watermarks};
use crate::store::error::StoreError;

/// Longest host name and version kept of an agent, bytes; both are unchecked texts for people.
const MAX_NAME_BYTES: usize = 255;

/// An agent, for a list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EnrolledAgent {
    /// Its id.
    pub agent_id: Uuid,
    /// Its host.
    pub host_name: String,
    /// Its version.
    pub version: String,
    /// When it was last there.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// It may not speak any more.
    pub is_revoked: bool,
}

impl Store {
    /// Every agent, oldest first.
    pub async fn enrolled_agents(&self) -> Result<Vec<EnrolledAgent>, StoreError> {
        let agents = sqlx::query_as(
            "SELECT agent_id, host_name, version, last_seen_at, revoked_at IS NOT NULL AS is_revoked
             FROM agent
             ORDER BY enrolled_at",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(agents)
    }

    /// Adds a join token, of which only the hash is stored.
    pub async fn add_join_token(
        &self,
        secret_hash: [u8; 32],
        created_by: &str,
        note: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO join_token (secret_hash, created_at, created_by, expires_at, note)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(secret_hash.as_slice())
        .bind(moment(now))
        .bind(text(created_by))
        .bind(moment(expires_at))
        .bind(text(note))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Uses a join token up and creates its agent, or says why not; then nothing was written.
    pub async fn redeem_join_token(
        &self,
        secret_hash: [u8; 32],
        agent: &NewAgent,
        now: Timestamp,
    ) -> Result<TokenVerdict, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // The row stays locked until the end: of two who come with one token, one waits and finds it used.
        let token: Option<(bool, bool)> = sqlx::query_as(
            "SELECT used_at IS NOT NULL, expires_at <= $2
             FROM join_token
             WHERE secret_hash = $1
             FOR UPDATE",
        )
        .bind(secret_hash.as_slice())
        .bind(moment(now))
        .fetch_optional(&mut *transaction)
        .await?;
        match token {
            None => return Ok(TokenVerdict::Unknown),
            Some((true, _)) => return Ok(TokenVerdict::Used),
            Some((false, true)) => return Ok(TokenVerdict::Expired),
            Some((false, false)) => {}
        }
        sqlx::query(
            "INSERT INTO agent (agent_id, host_name, version, enrolled_at, certificate_serial, certificate_expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(agent.agent.0)
        .bind(text(head(&agent.host_name, MAX_NAME_BYTES)))
        .bind(text(head(&agent.version, MAX_NAME_BYTES)))
        .bind(moment(now))
        .bind(text(&agent.certificate.serial))
        .bind(moment(agent.certificate.not_after))
        .execute(&mut *transaction)
        .await?;
        sqlx::query("UPDATE join_token SET used_at = $2, used_by = $3 WHERE secret_hash = $1")
            .bind(secret_hash.as_slice())
            .bind(moment(now))
            .bind(agent.agent.0)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(TokenVerdict::Redeemed)
    }

    /// Whether this agent may speak.
    pub async fn agent_status(&self, agent: AgentId) -> Result<AgentStatus, StoreError> {
        let revoked: Option<bool> =
            sqlx::query_scalar("SELECT revoked_at IS NOT NULL FROM agent WHERE agent_id = $1")
                .bind(agent.0)
                .fetch_optional(&self.pool)
                .await?;
        Ok(match revoked {
            None => AgentStatus::Unknown,
            Some(true) => AgentStatus::Revoked,
            Some(false) => AgentStatus::Active,
        })
    }

    /// Those of `agents` that are revoked or unknown.
    pub async fn agents_not_active(&self, agents: &[AgentId]) -> Result<Vec<AgentId>, StoreError> {
        let ids: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
        let not_active: Vec<Uuid> = sqlx::query_scalar(
            "SELECT asked.agent_id
             FROM UNNEST($1::uuid[]) AS asked (agent_id)
             LEFT JOIN agent ON agent.agent_id = asked.agent_id
             WHERE agent.agent_id IS NULL
                OR agent.revoked_at IS NOT NULL",
        )
        .bind(ids)
        .fetch_all(&self.pool)
        .await?;
        Ok(not_active.into_iter().map(AgentId).collect())
    }

    /// Notes the agent's newest certificate.
    pub async fn record_certificate(
        &self,
        agent: AgentId,
        certificate: &IssuedCertificate,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE agent
             SET certificate_serial = $2, certificate_expires_at = $3
             WHERE agent_id = $1",
        )
        .bind(agent.0)
        .bind(text(&certificate.serial))
        .bind(moment(certificate.not_after))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Stores who the agent is and what it watches. Instances whose id is not made of the agent's id and
    /// their name are passed over, so that no agent can claim another's.
    pub async fn record_hello(
        &self,
        agent: AgentId,
        hello: &Hello,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        sqlx::query(
            "UPDATE agent
             SET host_name = $2, version = $3, last_seen_at = $4
             WHERE agent_id = $1",
        )
        .bind(agent.0)
        .bind(text(head(&hello.host_name, MAX_NAME_BYTES)))
        .bind(text(head(&hello.agent_version, MAX_NAME_BYTES)))
        .bind(moment(now))
        .execute(writing.connection())
        .await?;
        for instance in &hello.instances {
            writing.put_instance(agent, instance, now).await?;
        }
        writing.commit().await
    }

    /// Notes that the agent was there until `now`.
    pub async fn record_seen(&self, agent: AgentId, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE agent
             SET last_seen_at = GREATEST(last_seen_at, $2)
             WHERE agent_id = $1",
        )
        .bind(agent.0)
        .bind(moment(now))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What is stored of one incarnation of the agent's spool.
    pub async fn watermarks(&self, agent: AgentId, incarnation: u64) -> Result<Watermarks, StoreError> {
        let rows: Vec<(i16, i64)> = sqlx::query_as(
            "SELECT lane, sequence
             FROM ingest_watermark
             WHERE agent_id = $1
               AND incarnation = $2",
        )
        .bind(agent.0)
        .bind(incarnation.cast_signed())
        .fetch_all(&self.pool)
        .await?;
        let stored = |lane: i16| rows.iter().find(|row| row.0 == lane).map_or(0, |row| row.1.cast_unsigned());
        Ok(Watermarks { telemetry: stored(0), changes: stored(1) })
    }
}
