//! The job that gives agents word about their changes on trial.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use querysmith_shared::id::{AgentId, ChangeId};
use querysmith_shared::wire::order::{Answer, MAX_RENEWED, Order, Renew as RenewOrder};

use super::runner::Work;
use crate::advising::context::AdviceContext;
use crate::fleet::roster::OrderError;
use crate::wake::Topic;

/// An agent answers from memory.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Renews the leases of the changes on trial whose agents are connected here.
pub struct Renew {
    /// What it works with.
    pub context: AdviceContext,
}

impl Work for Renew {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let connected = self.context.agents.connected();
            if connected.is_empty() {
                return Ok(());
            }
            let trials = self.context.store.trials_of(&connected).await.context("failed to read trials")?;
            let renewals = trials.into_iter().map(|(agent, changes)| self.renew(agent, changes));
            let failed: Vec<String> = join_all(renewals)
                .await
                .into_iter()
                .filter_map(|renewed| renewed.err().map(|error| format!("{error:#}")))
                .collect();
            if failed.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(failed.join("; "))) }
        }
        .boxed()
    }
}

impl Renew {
    async fn renew(&self, agent: AgentId, changes: Vec<ChangeId>) -> Result<()> {
        for changes in changes.chunks(MAX_RENEWED) {
            let order = Order::Renew(RenewOrder { changes: changes.to_vec() });
            let leases = match self.context.agents.order(agent, order, ANSWER_TIME).await {
                Ok(Answer::Leases(leases)) => leases,
                Ok(other) => anyhow::bail!("agent {agent} answered a renewal with {other:?}"),
                // It is gone: its leases run on.
                Err(OrderError::NotConnected | OrderError::Timeout) => return Ok(()),
                Err(error) => return Err(error).with_context(|| format!("agent {agent} refused a renewal")),
            };
            let now = self.context.now();
            for lease in leases {
                self.context.store.put_lease(lease, now).await.context("failed to note a lease")?;
                self.context.wake.publish(Topic::Changes, Some(lease.change.0));
            }
        }
        Ok(())
    }
}
