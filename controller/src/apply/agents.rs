//! The agents as orders need them.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_shared::id::AgentId;
use querysmith_shared::wire::order::{Answer, Order};

use crate::fleet::roster::{Fleet, OrderError};

/// Those who can be given orders.
pub trait Agents: Send + Sync + 'static {
    /// Who is connected to this controller now.
    fn connected(&self) -> Vec<AgentId>;

    /// Sends an order and waits for its answer.
    fn order(
        &self,
        agent: AgentId,
        order: Order,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Answer, OrderError>>;
}

impl Agents for Fleet {
    fn connected(&self) -> Vec<AgentId> {
        self.connected().into_iter().map(|connected| connected.agent).collect()
    }

    fn order(
        &self,
        agent: AgentId,
        order: Order,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Answer, OrderError>> {
        self.order(agent, order, timeout).boxed()
    }
}
