//! Which waiting proposals the schema has overtaken.

use querysmith_advice::propose::obsolete::{Obsolete, obsolete};
use querysmith_shared::id::{InstanceId, ProposalId};
use querysmith_shared::timestamp::Timestamp;

use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// The waiting proposals of an instance whose index was built by hand, or whose table is gone, as far as its
    /// schema was last reported.
    pub async fn overtaken_proposals(
        &self,
        instance: InstanceId,
        now: Timestamp,
    ) -> Result<Vec<Obsolete>, StoreError> {
        let waiting: Option<i32> =
            sqlx::query_scalar("SELECT 1 FROM proposal WHERE instance_id = $1 AND state = 'waiting' LIMIT 1")
                .bind(instance.0)
                .fetch_optional(&self.pool)
                .await?;
        // The schema is large, and most of the time nothing waits.
        if waiting.is_none() {
            return Ok(Vec::new());
        }
        let proposals = self.known_proposals(instance, now).await?;
        Ok(obsolete(&self.tables(instance).await?, &proposals))
    }

    /// Why this proposal is overtaken; `None` where it is not, is not waiting, or is not there.
    pub async fn why_overtaken(
        &self,
        proposal: ProposalId,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let instance = sqlx::query_scalar("SELECT instance_id FROM proposal WHERE proposal_id = $1")
            .bind(proposal.0)
            .fetch_optional(&self.pool)
            .await?;
        let Some(instance) = instance.map(InstanceId) else { return Ok(None) };
        let overtaken = self.overtaken_proposals(instance, now).await?;
        Ok(overtaken.into_iter().find(|other| other.proposal == proposal).map(|other| other.reason))
    }
}
