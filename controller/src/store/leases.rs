//! What agents say of the time that changes on trial have left.

use chrono::TimeDelta;
use querysmith_shared::id::{AgentId, ChangeId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::Lease;
use uuid::Uuid;

use super::Store;
use super::value::moment;
use crate::store::error::StoreError;

impl Store {
    /// The changes on trial of these agents, by agent; none of those that have obeyed another record than this.
    pub async fn trials_of(&self, agents: &[AgentId]) -> Result<Vec<(AgentId, Vec<ChangeId>)>, StoreError> {
        let agents: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
        let rows: Vec<(Uuid, Vec<Uuid>)> = sqlx::query_as(
            "SELECT instance.agent_id, array_agg(change.change_id ORDER BY change.created_at)
             FROM change
             JOIN instance USING (instance_id)
             JOIN agent USING (agent_id)
             WHERE change.state = 'trial'
               AND instance.agent_id = ANY ($1)
               AND agent.ahead_since IS NULL
             GROUP BY instance.agent_id",
        )
        .bind(agents)
        .fetch_all(&self.pool)
        .await?;
        let changes = |ids: Vec<Uuid>| ids.into_iter().map(ChangeId).collect();
        Ok(rows.into_iter().map(|(agent, ids)| (AgentId(agent), changes(ids))).collect())
    }

    /// Notes what an agent said of a change's lease at `now`.
    pub async fn put_lease(&self, lease: Lease, now: Timestamp) -> Result<(), StoreError> {
        let after = |seconds: u32| moment(now) + TimeDelta::seconds(seconds.into());
        sqlx::query(
            "UPDATE change
             SET lease_until = $2, trial_until = $3
             WHERE change_id = $1
               AND state = 'trial'",
        )
        .bind(lease.change.0)
        .bind(after(lease.lease_left_s))
        .bind(after(lease.trial_left_s))
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
