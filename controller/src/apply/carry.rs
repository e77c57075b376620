//! Carries wishes to agents.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::ChangeId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::fence::Fence;
use tokio::task::JoinSet;

use super::agents::Agents;
use super::order::{Meaning, Step, meaning, next_step};
use super::pause::tell;
use crate::store::Store;
use crate::store::changes::Actor;
use crate::store::orders::PendingOrder;
use crate::store::switchback::PendingPause;
use crate::wake::{Topic, Wake};

/// An agent journals an order (one write to its disk) before it answers.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Carries wishes to agents, each by itself, so that one that does not answer holds up no other. At most one
/// order for a change is under way.
pub struct Carrier {
    store: Store,
    wake: Wake,
    agents: Arc<dyn Agents>,
    under_way: Arc<Mutex<BTreeSet<ChangeId>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carrier").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

impl Carrier {
    /// A carrier with nothing under way. Dropping it drops what is; the store still has the wishes.
    pub fn new(store: Store, wake: Wake, agents: Arc<dyn Agents>) -> Self {
        Self { store, wake, agents, under_way: Arc::default(), tasks: Mutex::default() }
    }

    /// Sends what is wanted of connected agents and is not under way yet. Returns before the answers.
    pub async fn send_pending(&self) -> Result<()> {
        let connected = self.agents.connected();
        if connected.is_empty() {
            return Ok(());
        }
        let now = Timestamp::from(SystemTime::now());
        let fence = self.store.fence().await.context("failed to read the head of the audit")?;
        for pending in self.store.pending_orders(&connected).await.context("failed to read orders")? {
            let Some(step) = next_step(&pending, fence, now) else { continue };
            let is_new = lock(&self.under_way).insert(pending.change);
            if is_new {
                self.spawn(pending, step);
            }
        }
        let pauses = self.store.pending_pauses(&connected, now).await.context("failed to read pauses")?;
        for pause in pauses {
            if lock(&self.under_way).insert(pause.change) {
                self.spawn_pause(pause, fence);
            }
        }
        Ok(())
    }

    fn spawn_pause(&self, pause: PendingPause, fence: Fence) {
        let (store, wake, agents) = (self.store.clone(), self.wake.clone(), Arc::clone(&self.agents));
        let change = pause.change;
        self.spawn_for(change, async move {
            let now = Timestamp::from(SystemTime::now());
            if let Err(error) = tell(&store, agents.as_ref(), &pause, fence, now).await {
                tracing::warn!(change.id = %change, error = format!("{error:#}"), "failed to tell of a pause");
            }
            wake.publish(Topic::Changes, Some(change.0));
        });
    }

    /// Does something for a change that is noted as under way.
    fn spawn_for(&self, change: ChangeId, work: impl Future<Output = ()> + Send + 'static) {
        let under_way = Arc::clone(&self.under_way);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let _done = RemoveAtEnd { under_way, change };
            work.await;
        });
    }

    fn spawn(&self, pending: PendingOrder, step: Step) {
        let (store, wake, agents) = (self.store.clone(), self.wake.clone(), Arc::clone(&self.agents));
        let change = pending.change;
        self.spawn_for(change, async move {
            if let Err(error) = carry(&store, agents.as_ref(), &pending, step).await {
                tracing::warn!(change.id = %change, error = format!("{error:#}"), "failed to carry an order");
            }
            wake.publish(Topic::Changes, Some(change.0));
        });
    }
}

async fn carry(store: &Store, agents: &dyn Agents, pending: &PendingOrder, step: Step) -> Result<()> {
    let now = || Timestamp::from(SystemTime::now());
    let order = match step {
        Step::Send(order) => order,
        Step::Expired => {
            let why = (Actor::Controller, "the approval expired before the agent took the order");
            return store
                .order_ended(pending, ChangeState::Aborted, why, now())
                .await
                .context("failed to end a change");
        }
    };
    // Noted before it is sent: an agent's first report must not find the change merely approved.
    if !store.order_sent(pending, now()).await.context("failed to note an order")? {
        // Something else is wanted by now, or an earlier attempt was noted: the next look finds it.
        return Ok(());
    }
    let fence = order.fence().copied();
    let answer = agents.order(pending.agent, order, ANSWER_TIME).await;
    tracing::info!(
        change.id = %pending.change,
        agent.id = %pending.agent,
        wanted = pending.wanted.as_str(),
        answer = ?answer,
        "sent an order"
    );
    match meaning(pending.wanted, answer) {
        Meaning::Accepted => {
            store.order_accepted(pending).await.context("failed to note an answer")?;
            store
                .note_obeyed(pending.agent, fence.as_ref(), now())
                .await
                .context("failed to note what an agent obeyed")
        }
        Meaning::Ended { end, actor, detail } => {
            store.order_ended(pending, end, (actor, &detail), now()).await.context("failed to note a refusal")
        }
        Meaning::MissingSignatures(missing) => store
            .order_lacks_signatures(pending, &missing, now())
            .await
            .context("failed to note what is lacking"),
        // If it is no later record than this store's, an order overtook this one, which is sent again.
        Meaning::Behind(obeyed) => store
            .note_obeyed(pending.agent, Some(&obeyed), now())
            .await
            .context("failed to note what an agent obeyed"),
        Meaning::Again => Ok(()),
    }
}

struct RemoveAtEnd {
    under_way: Arc<Mutex<BTreeSet<ChangeId>>>,
    change: ChangeId,
}

impl Drop for RemoveAtEnd {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.change);
    }
}

fn lock(set: &Mutex<BTreeSet<ChangeId>>) -> std::sync::MutexGuard<'_, BTreeSet<ChangeId>> {
    // Every statement leaves the set whole.
    set.lock().unwrap_or_else(PoisonError::into_inner)
}
