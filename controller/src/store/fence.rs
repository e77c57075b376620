//! The fence that orders carry, and agents that have obeyed another record than this store's.

use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::fence::Fence;
use uuid::Uuid;

use super::Store;
use super::value::moment;
use super::writing::Writing;
use crate::store::error::StoreError;

/// Highest epoch that is believed: an agent that makes one up must not leave no room for the next.
const LAST_EPOCH: u64 = 1 << 40;

/// What a person who goes on with this store passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// The epoch that begins.
    pub epoch: i64,
    /// The hosts of the agents that had obeyed another record.
    pub hosts: Vec<String>,
}

impl Store {
    /// What an order carries now.
    pub async fn fence(&self) -> Result<Fence, StoreError> {
        let (epoch, position, hash): (i64, i64, Option<Vec<u8>>) = sqlx::query_as(
            "SELECT fencing.epoch, coalesce(head.position, 0), head.hash
             FROM fencing
             LEFT JOIN LATERAL (SELECT position, hash FROM audit_seal ORDER BY position DESC LIMIT 1) AS head ON true",
        )
        .fetch_one(&self.pool)
        .await?;
        // Both columns are checked by the schema.
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        let hash = hash.and_then(|hash| hash.try_into().ok()).unwrap_or_default();
        Ok(Fence { epoch: number(epoch), position: number(position), hash })
    }

    /// Notes what an agent has obeyed, if anything. Where that is none of this store's record, the agent gets no orders
    /// from here on, and the log says why.
    pub async fn note_obeyed(
        &self,
        agent: AgentId,
        obeyed: Option<&Fence>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let ahead: Option<bool> = sqlx::query_scalar(
            "WITH judged AS (
                 SELECT CASE
                            WHEN $2::bigint IS NULL THEN false
                            WHEN $2 <> fencing.epoch THEN $2 > fencing.epoch
                            ELSE $3 > 0
                                 AND NOT EXISTS (SELECT FROM audit_seal WHERE position = $3 AND hash = $4)
                        END AS is_ahead
                 FROM fencing
             )
             UPDATE agent
             SET obeyed_epoch = $2,
                 obeyed_position = $3,
                 ahead_since = CASE WHEN judged.is_ahead THEN coalesce(ahead_since, $5) END
             FROM judged
             WHERE agent_id = $1
             RETURNING judged.is_ahead",
        )
        .bind(agent.0)
        .bind(obeyed.map(|obeyed| number(obeyed.epoch.min(LAST_EPOCH))))
        .bind(obeyed.map(|obeyed| number(obeyed.position)))
        .bind(obeyed.map(|obeyed| obeyed.hash.to_vec()))
        .bind(moment(now))
        .fetch_optional(&self.pool)
        .await?;
        if ahead == Some(true) {
            tracing::error!(
                agent.id = %agent,
                "this store is older than what the agent has obeyed, so the agent gets no orders: put the newer store \
                 back, or run `querysmith-controller resume`"
            );
        }
        Ok(())
    }

    /// The hosts whose agents have obeyed a head of the audit that is none of this store's: its end was cut off, or it was
    /// put back from a backup.
    pub async fn hosts_ahead(&self) -> Result<Vec<String>, StoreError> {
        let hosts = sqlx::query_scalar(
            "SELECT host_name FROM agent WHERE ahead_since IS NOT NULL ORDER BY host_name",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(hosts)
    }

    /// Those of `agents` that obeyed an earlier epoch: they haven't heard yet that a new one began.
    pub async fn agents_of_earlier_epochs(&self, agents: &[AgentId]) -> Result<Vec<AgentId>, StoreError> {
        let ids: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
        let found: Vec<Uuid> = sqlx::query_scalar(
            "SELECT agent.agent_id
             FROM agent, fencing
             WHERE agent.agent_id = ANY ($1)
               AND agent.obeyed_epoch < fencing.epoch
             ORDER BY agent.agent_id",
        )
        .bind(ids)
        .fetch_all(&self.pool)
        .await?;
        Ok(found.into_iter().map(AgentId).collect())
    }
}

impl Writing {
    /// Begins an epoch above every one that was heard of; agents that were ahead get orders again.
    pub async fn resume(&mut self) -> Result<Resumed, StoreError> {
        let hosts: Vec<String> = sqlx::query_scalar(
            "SELECT host_name FROM agent WHERE ahead_since IS NOT NULL ORDER BY host_name FOR UPDATE",
        )
        .fetch_all(self.connection())
        .await?;
        let epoch: i64 = sqlx::query_scalar(
            "UPDATE fencing
             SET epoch = greatest(epoch, (SELECT coalesce(max(obeyed_epoch), 0) FROM agent)) + 1
             RETURNING epoch",
        )
        .fetch_one(self.connection())
        .await?;
        sqlx::query("UPDATE agent SET ahead_since = NULL WHERE ahead_since IS NOT NULL")
            .execute(self.connection())
            .await?;
        Ok(Resumed { epoch, hosts })
    }
}
