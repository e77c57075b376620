//! One transaction of the writing side. What is written is not there before [`Writing::commit`] returned,
//! and dropped without it nothing was written.

use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::Lane;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::Store;
use super::value::moment;
use crate::store::error::StoreError;

/// A transaction.
#[derive(Debug)]
pub struct Writing {
    transaction: Transaction<'static, Postgres>,
}

/// Which reports a watermark counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// Whose reports.
    pub agent: AgentId,
    /// Of which incarnation of its spool.
    pub incarnation: u64,
    /// In which lane.
    pub lane: Lane,
}

impl Store {
    /// Begins a transaction.
    pub async fn write(&self) -> Result<Writing, StoreError> {
        Ok(Writing { transaction: self.pool.begin().await? })
    }
}

impl Writing {
    /// Makes everything that was written durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }

    /// Remembers this point, to which [`Self::back`] returns.
    pub async fn mark(&mut self) -> Result<(), StoreError> {
        sqlx::query("SAVEPOINT report").execute(self.connection()).await?;
        Ok(())
    }

    /// Takes back what was written since [`Self::mark`], also after an error.
    pub async fn back(&mut self) -> Result<(), StoreError> {
        sqlx::query("ROLLBACK TO SAVEPOINT report").execute(self.connection()).await?;
        Ok(())
    }

    /// The number up to which reports are stored; 0 is none. Until the end of this transaction nobody
    /// else gets at it.
    pub async fn lock_watermark(&mut self, of: Sequence, now: Timestamp) -> Result<u64, StoreError> {
        let sequence: i64 = sqlx::query_scalar(
            "INSERT INTO ingest_watermark (agent_id, incarnation, lane, sequence, updated_at)
             VALUES ($1, $2, $3, 0, $4)
             ON CONFLICT (agent_id, incarnation, lane) DO UPDATE SET updated_at = EXCLUDED.updated_at
             RETURNING sequence",
        )
        .bind(of.agent.0)
        .bind(of.incarnation.cast_signed())
        .bind(lane_number(of.lane))
        .bind(moment(now))
        .fetch_one(self.connection())
        .await?;
        Ok(sequence.cast_unsigned())
    }

    /// Raises the watermark, which [`Self::lock_watermark`] locked.
    pub async fn raise_watermark(&mut self, of: Sequence, to: u64, reports: usize) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE ingest_watermark
             SET sequence = $4, reports = reports + $5
             WHERE agent_id = $1 AND incarnation = $2 AND lane = $3",
        )
        .bind(of.agent.0)
        .bind(of.incarnation.cast_signed())
        .bind(lane_number(of.lane))
        .bind(to.cast_signed())
        .bind(i64::try_from(reports).unwrap_or(i64::MAX))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The instances that belong to this agent.
    pub async fn instances_of(&mut self, agent: AgentId) -> Result<Vec<InstanceId>, StoreError> {
        let ids: Vec<Uuid> = sqlx::query_scalar("SELECT instance_id FROM instance WHERE agent_id = $1")
            .bind(agent.0)
            .fetch_all(self.connection())
            .await?;
        Ok(ids.into_iter().map(InstanceId).collect())
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

/// The lane as the store writes it.
pub(super) fn lane_number(lane: Lane) -> i16 {
    match lane {
        Lane::Telemetry => 0,
        Lane::Changes => 1,
    }
}
