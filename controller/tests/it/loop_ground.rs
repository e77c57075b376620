//! The loop as far as a test wants it: an agent that answers, an instance with a problem, a change on trial.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_advice::thresholds::Thresholds;
use querysmith_controller::advising::big_stack::BigStack;
use querysmith_controller::advising::context::AdviceContext;
use querysmith_controller::apply::agents::Agents;
use querysmith_controller::apply::carry::Carrier;
use querysmith_controller::approve::{ApproveRequest, Decider, approve};
use querysmith_controller::fleet::roster::OrderError;
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::jobs::detect::Detect;
use querysmith_controller::jobs::offer::Offer;
use querysmith_controller::jobs::propose::Propose;
use querysmith_controller::jobs::roll_up::RollUp;
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::Store;
use querysmith_controller::store::evidence::HistoryCache;
use querysmith_controller::store::people::Role;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::trial::TrialTerms;
use querysmith_shared::id::{AgentId, ChangeId, InstanceId, ProposalId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::{
    Answer, CandidateAnswer, Lease, Order, PlannedStatement, WhatIf, WhatIfAnswer,
};
use querysmith_shared::wire::report::{ChangeReport, Lane, Report, ReportBody};

use crate::ground::{Ground, now};
use crate::shop::{WINDOW, description, window};

/// An agent that answers like a good one, and remembers what it was told and when.
#[derive(Default)]
pub(crate) struct GoodAgent {
    pub connected: Vec<AgentId>,
    pub orders: Mutex<Vec<(Instant, Order)>>,
}

impl GoodAgent {
    pub(crate) fn told(&self) -> Vec<(Instant, Order)> {
        self.orders.lock().unwrap().clone()
    }
}

impl Agents for GoodAgent {
    fn connected(&self) -> Vec<AgentId> {
        self.connected.clone()
    }

    fn order(
        &self,
        _agent: AgentId,
        order: Order,
        _timeout: Duration,
    ) -> BoxFuture<'_, Result<Answer, OrderError>> {
        self.orders.lock().unwrap().push((Instant::now(), order.clone()));
        let answer = match order {
            Order::WhatIf(question) => Answer::WhatIf(imagine(&question)),
            Order::Apply(_) | Order::Undo(_) | Order::Confirm(_) | Order::Pause(_) => Answer::Accepted,
            Order::Renew(order) => {
                let lease = |change| Lease { change, lease_left_s: 900, trial_left_s: 7_200 };
                Answer::Leases(order.changes.into_iter().map(lease).collect())
            }
        };
        async move { Ok(answer) }.boxed()
    }
}

fn imagine(question: &WhatIf) -> WhatIfAnswer {
    let planned = |cost, uses_candidate| {
        let statements = question.statements.iter();
        let planned = statements.map(|statement| PlannedStatement {
            statement: *statement,
            cost: Ok(cost),
            uses_candidate,
            plan: None,
        });
        planned.collect::<Vec<_>>()
    };
    let candidate =
        || CandidateAnswer { estimated_bytes: 30 << 20, problem: None, changed: planned(20.0, true) };
    WhatIfAnswer {
        question: question.question,
        not_simulated: None,
        baseline: planned(27_346.0, false),
        candidates: question.candidates.iter().map(|_| candidate()).collect(),
    }
}

pub(crate) fn context(ground: &Ground, agents: Arc<dyn Agents>) -> AdviceContext {
    AdviceContext {
        store: ground.store.clone(),
        wake: ground.wake.clone(),
        agents,
        threads: BigStack::new(2),
        history: HistoryCache::default(),
        thresholds: Arc::new(Thresholds::default()),
        proposal_life: Duration::from_secs(3_600),
        terms: TrialTerms::DEFAULT,
    }
}

pub(crate) async fn settle(store: &Store) {
    RollUp { store: store.clone() }.run().await.unwrap();
}

pub(crate) async fn text(ground: &Ground, sql: &'static str) -> Option<String> {
    sqlx::query_scalar(sql).fetch_optional(&ground.store.pool).await.unwrap().flatten()
}

pub(crate) fn step(change: ChangeId, sequence: u64, state: ChangeState, at: Timestamp) -> Report {
    let body = ReportBody::Change(ChangeReport {
        change,
        state,
        at,
        detail: format!("now {state}"),
        sql: None,
        duration_ms: Some(5),
        observed: None,
        trial_step: None,
    });
    Report { lane: Lane::Changes, sequence, made_at: at, instance: None, body }
}

/// An instance with a problem since a quarter of an hour.
pub(crate) async fn troubled(ground: &Ground) -> (AgentId, InstanceId, u64) {
    let (agent, instance) = ground.agent().await;
    let ingester = ground.ingester();
    let began = now().before(20 * 60 * Duration::from_secs(1));
    let mut reports = description(instance, 1, now());
    let first = reports.last().unwrap().sequence + 1;
    // Up to six minutes ago.
    for n in 0..56 {
        let end = began.after(WINDOW * u32::try_from(n + 1).unwrap());
        reports.push(window(instance, first + n, end, 150.0, 12_000));
    }
    let last = reports.last().unwrap().sequence;
    assert_eq!(ingester.ingest(agent, 1, Lane::Telemetry, reports).await.unwrap(), last);
    settle(&ground.store).await;
    (agent, instance, last)
}

/// A change whose effect is in the database, by its agent's word.
pub(crate) struct OnTrial {
    pub agent: AgentId,
    pub instance: InstanceId,
    /// Number of the agent's last report of telemetry.
    pub last: u64,
    pub change: ChangeId,
    /// When the change was in place: five minutes ago.
    pub began: Timestamp,
    pub good: Arc<GoodAgent>,
    pub context: AdviceContext,
    pub offer: Offer,
}

/// Found, proposed, approved, ordered, applied.
pub(crate) async fn on_trial(ground: &Ground) -> OnTrial {
    let (agent, instance, last) = troubled(ground).await;
    let good = Arc::new(GoodAgent { connected: vec![agent], ..GoodAgent::default() });
    let context = context(ground, Arc::clone(&good) as Arc<dyn Agents>);

    // The newest window must be fresh for the detectors to believe in it.
    let ingester = ground.ingester();
    let fresh = window(instance, last + 1, now(), 150.0, 12_000);
    ingester.ingest(agent, 1, Lane::Telemetry, vec![fresh]).await.unwrap();
    let detect = Detect::new(context.clone());
    detect.run().await.unwrap();
    let found =
        text(ground, "SELECT title FROM finding WHERE kind = 'missing_index' AND resolved_at IS NULL").await;
    assert!(found.is_some(), "nothing was found");

    let propose = Propose::new(context.clone());
    propose.run().await.unwrap();
    propose.run().await.unwrap();
    assert_eq!(ground.count("SELECT count(*) FROM proposal WHERE state = 'waiting'").await, 1);
    assert_eq!(ground.count("SELECT count(*) FROM proposal_finding").await, 1);
    let (proposal, digest): (uuid::Uuid, Vec<u8>) =
        sqlx::query_as("SELECT proposal_id, digest FROM proposal")
            .fetch_one(&ground.store.pool)
            .await
            .unwrap();

    let read: [u8; 32] = digest.try_into().unwrap();
    let decider = Decider { name: "dba", role: Role::Approver };
    let yes = ApproveRequest { read: &read, reason: None, signature: None };
    let approved =
        approve(&ground.store, &ground.wake, ProposalId(proposal), yes, decider, chrono::Utc::now());
    let change = approved.await.unwrap();
    let carrier =
        Carrier::new(ground.store.clone(), ground.wake.clone(), Arc::clone(&good) as Arc<dyn Agents>);
    let offer = Offer { carrier };
    offer.run().await.unwrap();
    wait_until(ground, "SELECT count(*) FROM change WHERE state = 'offered' AND wanted = 'none'").await;
    let applied: Vec<_> =
        good.told().into_iter().filter(|(_, order)| matches!(order, Order::Apply(_))).collect();
    let Order::Apply(apply) = &applied[0].1 else { panic!("it is an order to apply") };
    assert_eq!((apply.change, apply.digest, apply.approved_by.as_str()), (change, read, "dba"));

    // The agent works; an old report that comes again under another incarnation changes nothing.
    let began = now().before(Duration::from_secs(300));
    let steps = [ChangeState::Received, ChangeState::Armed, ChangeState::Applying, ChangeState::Trial];
    let reports: Vec<_> =
        (1..).zip(steps).map(|(sequence, state)| step(change, sequence, state, began)).collect();
    for incarnation in [1, 2] {
        ingester.ingest(agent, incarnation, Lane::Changes, reports.clone()).await.unwrap();
    }
    assert_eq!(ground.count("SELECT count(*) FROM change_event WHERE actor = 'agent'").await, 4);
    assert_eq!(ground.count("SELECT count(*) FROM mark WHERE kind = 'change_applied'").await, 1);
    assert_eq!(text(ground, "SELECT state FROM change").await.as_deref(), Some("trial"));
    OnTrial { agent, instance, last: last + 1, change, began, good, context, offer }
}

pub(crate) async fn wait_until(ground: &Ground, sql: &'static str) {
    let began = Instant::now();
    while ground.count(sql).await == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "{sql}");
        tokio::task::yield_now().await;
    }
}
