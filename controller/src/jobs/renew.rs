//! The job that gives agents word about their changes on trial.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use querysmith_shared::id::{AgentId, ChangeId};
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::order::{Answer, MAX_RENEWED, Order, Renew as RenewOrder};

use super::runner::Work;
use crate::advising::context::AdviceContext;
use crate::fleet::roster::OrderError;
use crate::wake::Topic;

/// An agent answers from memory.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Renews the leases of the changes on trial whose agents are connected here, and tells agents of a new epoch.
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
            let store = &self.context.store;
            let fence = store.fence().await.context("failed to read the head of the audit")?;
            let mut trials = store.trials_of(&connected).await.context("failed to read trials")?;
            let unheard = store.agents_of_earlier_epochs(&connected).await;
            for agent in unheard.context("failed to read what agents have obeyed")? {
                if !trials.iter().any(|(known, _)| *known == agent) {
                    trials.push((agent, Vec::new()));
                }
            }
            let renewals = trials.iter().map(|(agent, changes)| self.renew(*agent, changes, fence));
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
    /// Without changes it only tells the agent of the record that it is to obey.
    async fn renew(&self, agent: AgentId, changes: &[ChangeId], fence: Fence) -> Result<()> {
        let store = &self.context.store;
        let mut rest = changes;
        loop {
            let (now_renewed, later) = rest.split_at(rest.len().min(MAX_RENEWED));
            let order = Order::Renew(RenewOrder { changes: now_renewed.to_vec(), fence });
            let leases = match self.context.agents.order(agent, order, ANSWER_TIME).await {
                Ok(Answer::Leases(leases)) => leases,
                Ok(Answer::Behind(obeyed)) => {
                    let noted = store.note_obeyed(agent, Some(&obeyed), self.context.now()).await;
                    return noted.context("failed to note what an agent obeyed");
                }
                Ok(other) => anyhow::bail!("agent {agent} answered a renewal with {other:?}"),
                // It is gone: its leases run on.
                Err(OrderError::NotConnected | OrderError::Timeout) => return Ok(()),
                Err(error) => return Err(error).with_context(|| format!("agent {agent} refused a renewal")),
            };
            let now = self.context.now();
            store
                .note_obeyed(agent, Some(&fence), now)
                .await
                .context("failed to note what an agent obeyed")?;
            for lease in leases {
                store.put_lease(lease, now).await.context("failed to note a lease")?;
                self.context.wake.publish(Topic::Changes, Some(lease.change.0));
            }
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
        }
    }
}
