//! Tells agents of pauses of trials by switchback.

use std::time::Duration;

use anyhow::{Context, Result};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::order::{Answer, Order, Pause};

use super::agents::Agents;
use crate::fleet::roster::OrderError;
use crate::store::Store;
use crate::store::switchback::PendingPause;

/// An agent journals a pause (one write to its disk) before it answers.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// The order for a pause: as long as it still has to go.
fn order(pending: &PendingPause, fence: Fence, now: Timestamp) -> Order {
    let left = pending.until.since(now).as_secs();
    Order::Pause(Pause {
        change: pending.change,
        reason: pending.reason.clone(),
        for_s: u32::try_from(left).unwrap_or(u32::MAX).max(1),
        fence,
    })
}

/// Tells an agent of a pause; what it doesn't answer is told again later.
pub(super) async fn tell(
    store: &Store,
    agents: &dyn Agents,
    pending: &PendingPause,
    fence: Fence,
    now: Timestamp,
) -> Result<()> {
    match agents.order(pending.agent, order(pending, fence, now), ANSWER_TIME).await {
        Ok(Answer::Behind(obeyed)) => store
            .note_obeyed(pending.agent, Some(&obeyed), now)
            .await
            .context("failed to note what an agent obeyed"),
        // Its trial has ended meanwhile, or it is an agent that knows no pauses: the reports tell.
        answer @ (Ok(_) | Err(OrderError::Refused(_))) => {
            tracing::info!(change.id = %pending.change, agent.id = %pending.agent, ?answer, "told of a pause");
            store.pause_told(pending).await.context("failed to note an answer")
        }
        Err(OrderError::NotConnected | OrderError::Timeout) => Ok(()),
    }
}
