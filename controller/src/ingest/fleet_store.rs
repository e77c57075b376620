//! The fleet's tables, as the link sees them.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::link::Hello;

use crate::fleet::store::{
    AgentStatus, FleetStore, IssuedCertificate, NewAgent, StoreAway, TokenVerdict, Watermarks,
};
use crate::store::Store;
use crate::store::error::StoreError;

/// The store behind the link's trait.
#[derive(Debug, Clone)]
pub struct FleetTables {
    store: Store,
}

impl FleetTables {
    /// The tables of this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

impl FleetStore for FleetTables {
    fn redeem_token<'a>(
        &'a self,
        secret_hash: [u8; 32],
        agent: &'a NewAgent,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<TokenVerdict, StoreAway>> {
        async move { self.store.redeem_join_token(secret_hash, agent, now).await.map_err(away) }.boxed()
    }

    fn agent_status(&self, agent: AgentId) -> BoxFuture<'_, Result<AgentStatus, StoreAway>> {
        async move { self.store.agent_status(agent).await.map_err(away) }.boxed()
    }

    fn not_active<'a>(&'a self, agents: &'a [AgentId]) -> BoxFuture<'a, Result<Vec<AgentId>, StoreAway>> {
        async move { self.store.agents_not_active(agents).await.map_err(away) }.boxed()
    }

    fn record_certificate<'a>(
        &'a self,
        agent: AgentId,
        certificate: &'a IssuedCertificate,
    ) -> BoxFuture<'a, Result<(), StoreAway>> {
        async move { self.store.record_certificate(agent, certificate).await.map_err(away) }.boxed()
    }

    fn record_hello<'a>(
        &'a self,
        agent: AgentId,
        hello: &'a Hello,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreAway>> {
        async move {
            let mut hello = hello.clone();
            // No agent can claim another's instance, because the id is made of the agent's own.
            hello.instances.retain(|instance| {
                let is_own = instance.id == InstanceId::derive(agent, &instance.name);
                if !is_own {
                    tracing::warn!(agent.id = %agent, instance.id = %instance.id, "an agent claims an instance that is not its own");
                }
                is_own
            });
            self.store.record_hello(agent, &hello, now).await.map_err(away)?;
            self.store.note_obeyed(agent, hello.obeyed.as_ref(), now).await.map_err(away)
        }
        .boxed()
    }

    fn record_seen(&self, agent: AgentId, now: Timestamp) -> BoxFuture<'_, Result<(), StoreAway>> {
        async move { self.store.record_seen(agent, now).await.map_err(away) }.boxed()
    }

    fn watermarks(&self, agent: AgentId, incarnation: u64) -> BoxFuture<'_, Result<Watermarks, StoreAway>> {
        async move { self.store.watermarks(agent, incarnation).await.map_err(away) }.boxed()
    }
}

fn away(error: StoreError) -> StoreAway {
    StoreAway(Box::new(error))
}
