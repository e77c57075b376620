//! A store that was put back from a backup doesn't decide again on what its agents have done since.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::Utc;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_controller::apply::agents::Agents;
use querysmith_controller::apply::carry::Carrier;
use querysmith_controller::approve::verdict::Refusal;
use querysmith_controller::approve::{ApproveRequest, DecideError, Decider, approve};
use querysmith_controller::fleet::roster::OrderError;
use querysmith_controller::fleet::store::FleetStore;
use querysmith_controller::ingest::fleet_store::FleetTables;
use querysmith_controller::jobs::offer::Offer;
use querysmith_controller::jobs::renew::Renew;
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::people::Role;
use querysmith_controller::store::{Store, StoreOptions};
use querysmith_shared::id::{AgentId, ChangeId, InstanceId};
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::link::Hello;
use querysmith_shared::wire::order::{Answer, Order};
use serde_json::Value;

use crate::ground::{Ground, hello, instance, now};
use crate::loop_ground::context;
use crate::orders::{propose, until};

/// An agent that keeps to the rule of fences, and nothing else.
struct Fenced {
    agent: AgentId,
    obeyed: Mutex<Option<Fence>>,
    refused: Mutex<usize>,
}

impl Agents for Fenced {
    fn connected(&self) -> Vec<AgentId> {
        vec![self.agent]
    }

    fn order(&self, _: AgentId, order: Order, _: Duration) -> BoxFuture<'_, Result<Answer, OrderError>> {
        let mut obeyed = self.obeyed.lock().unwrap();
        let fence = *order.fence().unwrap();
        let answer = match *obeyed {
            Some(seen) if fence.is_refused_after(&seen) => {
                *self.refused.lock().unwrap() += 1;
                Answer::Behind(seen)
            }
            _ => {
                *obeyed = Some(fence);
                match order {
                    Order::Renew(_) => Answer::Leases(Vec::new()),
                    _ => Answer::Accepted,
                }
            }
        };
        async move { Ok(answer) }.boxed()
    }
}

impl Fenced {
    fn refused(&self) -> usize {
        *self.refused.lock().unwrap()
    }

    fn epoch(&self) -> u64 {
        self.obeyed.lock().unwrap().unwrap().epoch
    }
}

fn offer(ground: &Ground, agents: &Arc<Fenced>) -> Offer {
    let agents = Arc::clone(agents) as Arc<dyn Agents>;
    Offer { carrier: Carrier::new(ground.store.clone(), ground.wake.clone(), agents) }
}

async fn approved(ground: &Ground, instance: InstanceId, table: &str) -> Result<ChangeId, DecideError> {
    let proposal = propose(ground, instance, table, now().after(Duration::from_secs(3_600))).await;
    let decider = Decider { name: "dba", role: Role::Approver };
    let yes = ApproveRequest { read: &proposal.digest, reason: None, signature: None };
    let change = approve(&ground.store, &ground.wake, proposal.id, yes, decider, Utc::now()).await;
    ground.store.seal_audit(Utc::now()).await.unwrap();
    change
}

async fn says_hello(ground: &Ground, agents: &Fenced) {
    let obeyed = *agents.obeyed.lock().unwrap();
    let hello = Hello { obeyed, ..hello(vec![instance(agents.agent, "main")]) };
    FleetTables::new(ground.store.clone()).record_hello(agents.agent, &hello, now()).await.unwrap();
}

const NOTHING_WANTED: &str =
    "SELECT (NOT EXISTS (SELECT FROM change WHERE wanted <> 'none'))::integer::bigint";
const AHEAD: &str = "SELECT count(*) FROM agent WHERE ahead_since IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_gives_no_orders_until_a_person_says_to_go_on() {
    let mut newer = Ground::new().await;
    let (agent, instance) = newer.agent().await;
    let agents = Arc::new(Fenced { agent, obeyed: Mutex::default(), refused: Mutex::default() });
    approved(&newer, instance, "first").await.unwrap();
    // What is under way ends with its carrier.
    let carrying = offer(&newer, &agents);
    carrying.run().await.unwrap();
    until(&newer, NOTHING_WANTED).await;

    // The backup, and a decision after it.
    newer.store.pool.close().await;
    newer.cluster.execute("postgres", "CREATE DATABASE backup TEMPLATE store").await.unwrap();
    newer.store = Store::connect(&newer.cluster.url("store"), StoreOptions::default()).unwrap();
    approved(&newer, instance, "second").await.unwrap();
    let carrying = offer(&newer, &agents);
    carrying.run().await.unwrap();
    until(&newer, NOTHING_WANTED).await;
    says_hello(&newer, &agents).await;
    assert_eq!(newer.count(AHEAD).await, 0);

    // Put back, it doesn't know yet; the agent does.
    let url = newer.cluster.url("backup");
    newer.store.pool.close().await;
    newer.store = Store::connect(&url, StoreOptions::default()).unwrap();
    let older = newer;
    // The one approval of the backup's own makes its record as long as the agent's, but it is another one.
    approved(&older, instance, "third").await.unwrap();
    let carrying = offer(&older, &agents);
    carrying.run().await.unwrap();
    until(&older, AHEAD).await;
    assert_eq!(agents.refused(), 1);
    carrying.run().await.unwrap();
    assert_eq!(agents.refused(), 1, "it isn't bothered again");
    let refused = approved(&older, instance, "fourth").await;
    assert!(matches!(refused, Err(DecideError::Refused(Refusal::OlderStore))), "{refused:?}");
    says_hello(&older, &agents).await;
    assert_eq!(older.count(AHEAD).await, 1);
    assert_eq!(older.store.hosts_ahead().await.unwrap(), ["host"]);
    let renew = Renew { context: context(&older, Arc::clone(&agents) as Arc<dyn Agents>) };
    renew.run().await.unwrap();
    assert_eq!(agents.refused(), 1);

    // A person goes on with it: an epoch above, which connected agents hear of though nothing is on trial.
    let mut writing = older.store.write().await.unwrap();
    let resumed = writing.resume().await.unwrap();
    writing.commit().await.unwrap();
    assert_eq!((resumed.epoch, resumed.hosts), (2, vec!["host".to_owned()]));
    assert_eq!(agents.epoch(), 1);
    renew.run().await.unwrap();
    assert_eq!(agents.epoch(), 2);
    renew.run().await.unwrap();
    carrying.run().await.unwrap();
    until(&older, NOTHING_WANTED).await;
    approved(&older, instance, "fifth").await.unwrap();

    // What was in use before gets nothing through any more.
    let url = older.cluster.url("store");
    let mut former = older;
    former.store = Store::connect(&url, StoreOptions::default()).unwrap();
    approved(&former, instance, "sixth").await.unwrap();
    let carrying = offer(&former, &agents);
    carrying.run().await.unwrap();
    until(&former, AHEAD).await;
    assert_eq!(agents.refused(), 2);
    let told: Value = sqlx::query_scalar("SELECT to_jsonb(fencing) FROM fencing")
        .fetch_one(&former.store.pool)
        .await
        .unwrap();
    assert_eq!(told["epoch"], 1);
}

/// Whoever gets at the store itself can cut off the audit's end, but the agents have it.
#[tokio::test(flavor = "multi_thread")]
async fn an_audit_whose_end_was_cut_off_is_told_by_the_agents() {
    let ground = Ground::new().await;
    let (agent, instance) = ground.agent().await;
    let agents = Arc::new(Fenced { agent, obeyed: Mutex::default(), refused: Mutex::default() });
    approved(&ground, instance, "first").await.unwrap();
    let carrying = offer(&ground, &agents);
    carrying.run().await.unwrap();
    until(&ground, NOTHING_WANTED).await;
    says_hello(&ground, &agents).await;
    assert!(ground.store.hosts_ahead().await.unwrap().is_empty());
    let mut connection = ground.store.pool.acquire().await.unwrap();
    for sql in [
        "SET session_replication_role = replica",
        "DELETE FROM audit_seal WHERE position = (SELECT max(position) FROM audit_seal)",
        "RESET session_replication_role",
    ] {
        sqlx::query(sql).execute(&mut *connection).await.unwrap();
    }
    says_hello(&ground, &agents).await;
    assert_eq!(ground.store.hosts_ahead().await.unwrap(), ["host"]);
}
