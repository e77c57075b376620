//! Lets agents in and shuts them out, as admins decide, with the record of it in the same transaction.

use chrono::{DateTime, Utc};
use querysmith_shared::id::AgentId;

use super::value::text;
use super::writing::Writing;
use crate::store::error::StoreError;

/// What became of shutting an agent out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// It is shut out now; its host.
    Now(String),
    /// It was before.
    Before,
    /// There is no such agent.
    Unknown,
}

impl Writing {
    /// Adds a join token, of which only the hash is stored.
    pub async fn admit(
        &mut self,
        secret_hash: [u8; 32],
        created_by: &str,
        note: &str,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO join_token (secret_hash, created_at, created_by, expires_at, note)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(secret_hash.as_slice())
        .bind(now)
        .bind(text(created_by))
        .bind(expires_at)
        .bind(text(note))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Shuts an agent out.
    pub async fn revoke(
        &mut self,
        agent: AgentId,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Revoked, StoreError> {
        let host: Option<String> = sqlx::query_scalar(
            "UPDATE agent
             SET revoked_at = $2, revoked_reason = $3
             WHERE agent_id = $1
               AND revoked_at IS NULL
             RETURNING host_name",
        )
        .bind(agent.0)
        .bind(now)
        .bind(text(reason))
        .fetch_optional(self.connection())
        .await?;
        if let Some(host) = host {
            return Ok(Revoked::Now(host));
        }
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM agent WHERE agent_id = $1)")
            .bind(agent.0)
            .fetch_one(self.connection())
            .await?;
        Ok(if known { Revoked::Before } else { Revoked::Unknown })
    }
}
