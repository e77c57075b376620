//! Orders: sent at once, sent again, refused, expired; and proposals that end by themselves.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_advice::propose::how_tried::HowTried;
use querysmith_controller::apply::agents::Agents;
use querysmith_controller::apply::carry::Carrier;
use querysmith_controller::approve::{ApproveRequest, Decider, approve, withdraw};
use querysmith_controller::fleet::roster::OrderError;
use querysmith_controller::jobs::offer::Offer;
use querysmith_controller::jobs::runner::{Ground as JobGround, Job, Scope, start};
use querysmith_controller::jobs::status::Board;
use querysmith_controller::schedule::Schedule;
use querysmith_controller::store::people::Role;
use querysmith_controller::store::proposals::NewProposal;
use querysmith_controller::telemetry::Metrics;
use querysmith_controller::wake::Topic;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::{Analyze, Change, TableName};
use querysmith_shared::dialect::postgres::render;
use querysmith_shared::id::{AgentId, ChangeId, InstanceId, ProposalId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::{Answer, Order, UNKNOWN_CHANGE};
use tokio::sync::watch;
use uuid::Uuid;

use crate::ground::{Ground, now};

type Say = Box<dyn Fn(usize) -> Result<Answer, OrderError> + Send + Sync>;

/// An agent that answers its n-th order as it was told to.
pub(crate) struct Scripted {
    agent: AgentId,
    say: Say,
    told: Mutex<Vec<Instant>>,
    pub(crate) orders: Mutex<Vec<Order>>,
}

impl Scripted {
    pub(crate) fn new(
        agent: AgentId,
        say: impl Fn(usize) -> Result<Answer, OrderError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { agent, say: Box::new(say), told: Mutex::default(), orders: Mutex::default() })
    }
}

impl Agents for Scripted {
    fn connected(&self) -> Vec<AgentId> {
        vec![self.agent]
    }

    fn order(&self, _: AgentId, order: Order, _: Duration) -> BoxFuture<'_, Result<Answer, OrderError>> {
        self.orders.lock().unwrap().push(order);
        let mut told = self.told.lock().unwrap();
        told.push(Instant::now());
        let answer = (self.say)(told.len());
        async move { answer }.boxed()
    }
}

/// A draft of which only the change matters.
pub(crate) fn draft(instance: InstanceId, change: Change, title: &str) -> ProposalDraft {
    ProposalDraft {
        change_id: ChangeId(Uuid::now_v7()),
        instance,
        kind: change.kind(),
        title: title.into(),
        reason: "because".into(),
        finding_ids: Vec::new(),
        evidence: Vec::new(),
        statements: Vec::new(),
        predicted: None,
        cost_log_ratio: None,
        simulated: false,
        not_simulated_reason: None,
        size_bytes: None,
        write_cost: String::new(),
        entries_per_hour: None,
        lock: String::new(),
        duration_estimate_s: None,
        tried: HowTried::BeforeAfter,
        risks: Vec::new(),
        evidence_digest: "rows=1 lost_ms_per_hour=1".into(),
        model_version: 1,
        change,
    }
}

/// Stores a proposal to analyse a table, as the propose job would.
pub(crate) async fn propose(
    ground: &Ground,
    instance: InstanceId,
    table: &str,
    expires_at: Timestamp,
) -> NewProposal {
    let change = Change::Analyze(Analyze {
        database: "shop".into(),
        table: TableName { schema: "public".into(), name: table.into() },
    });
    let sql = render(&change, Limits::ANALYZE).unwrap();
    let draft = draft(instance, change, &format!("Analyze {table}"));
    let proposal = NewProposal {
        id: ProposalId(Uuid::now_v7()),
        subject: format!("analyze {table}"),
        limits: Limits::ANALYZE,
        system_identifier: "7".into(),
        digest: sql.digest("shop"),
        sql,
        created_at: now(),
        expires_at,
        draft,
    };
    let mut writing = ground.store.write().await.unwrap();
    assert!(writing.add_proposal(&proposal).await.unwrap());
    assert!(
        !writing
            .add_proposal(&NewProposal { id: ProposalId(Uuid::now_v7()), ..proposal.clone() })
            .await
            .unwrap()
    );
    writing.commit().await.unwrap();
    proposal
}

async fn approved(ground: &Ground, instance: InstanceId, table: &str) -> ChangeId {
    let proposal = propose(ground, instance, table, now().after(Duration::from_secs(3_600))).await;
    let decider = Decider { name: "dba", role: Role::Approver };
    let yes = ApproveRequest { read: &proposal.digest, reason: None, signature: None };
    approve(&ground.store, &ground.wake, proposal.id, yes, decider, chrono::Utc::now()).await.unwrap()
}

pub(crate) fn offer(ground: &Ground, agents: Arc<Scripted>) -> Offer {
    Offer { carrier: Carrier::new(ground.store.clone(), ground.wake.clone(), agents) }
}

pub(crate) async fn until(ground: &Ground, sql: &'static str) {
    let began = Instant::now();
    while ground.count(sql).await == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "{sql}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_reaches_the_agent_at_once() {
    let ground = Ground::new().await;
    let (agent, instance) = ground.agent().await;
    let agents = Scripted::new(agent, |_| Ok(Answer::Accepted));
    let job = Job {
        name: "offer",
        schedule: Schedule::parse("0 0 0 1 1 *").unwrap(),
        wakes: &[Topic::Changes, Topic::Agents],
        pause: Duration::ZERO,
        budget: Duration::from_secs(20),
        scope: Scope::Controller,
        work: Arc::new(offer(&ground, Arc::clone(&agents))),
    };
    let jobs = JobGround {
        store: ground.store.clone(),
        wake: ground.wake.clone(),
        metrics: Metrics::default(),
        board: Board::default(),
    };
    let (stop, stopping) = watch::channel(false);
    let (_handle, mut tasks) = start(vec![job], &jobs, &stopping);
    until(&ground, "SELECT count(*) FROM job WHERE runs > 0").await;
    let mut waits = Vec::new();
    for n in 0..5 {
        let proposal =
            propose(&ground, instance, &format!("t{n}"), now().after(Duration::from_secs(60))).await;
        let decider = Decider { name: "dba", role: Role::Approver };
        let (store, wake) = (&ground.store, &ground.wake);
        let yes = ApproveRequest { read: &proposal.digest, reason: None, signature: None };
        approve(store, wake, proposal.id, yes, decider, chrono::Utc::now()).await.unwrap();
        let began = Instant::now();
        while agents.told.lock().unwrap().len() <= n {
            assert!(began.elapsed() < Duration::from_secs(60));
            tokio::task::yield_now().await;
        }
        waits.push(agents.told.lock().unwrap()[n].saturating_duration_since(began));
    }
    waits.sort();
    assert!(waits[2] < Duration::from_millis(200), "{waits:?}");
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_answered_is_sent_again_and_a_refusal_ends_it() {
    let ground = Ground::new().await;
    let (agent, instance) = ground.agent().await;
    approved(&ground, instance, "orders").await;
    let agents = Scripted::new(agent, |n| match n {
        1 => Err(OrderError::Timeout),
        2 => Err(OrderError::NotConnected),
        _ => Ok(Answer::Refused("not on the allow-list".into())),
    });
    let offer = offer(&ground, Arc::clone(&agents));
    for attempts in 1..=3 {
        while agents.told.lock().unwrap().len() < attempts {
            querysmith_controller::jobs::runner::Work::run(&offer).await.unwrap();
            tokio::task::yield_now().await;
        }
    }
    until(
        &ground,
        "SELECT count(*) FROM change WHERE state = 'rejected' AND wanted = 'none' AND attempts = 3",
    )
    .await;
    let told = "SELECT count(*) FROM change_event WHERE detail = 'refused: not on the allow-list' AND actor = 'agent'";
    assert_eq!(ground.count(told).await, 1);
}

#[tokio::test]
async fn an_order_that_was_read_before_an_attempt_was_noted_is_not_sent() {
    let ground = Ground::new().await;
    let (agent, instance) = ground.agent().await;
    approved(&ground, instance, "orders").await;
    let store = &ground.store;
    let read = store.pending_orders(&[agent]).await.unwrap().remove(0);
    assert!(store.order_sent(&read, now()).await.unwrap());
    assert!(!store.order_sent(&read, now()).await.unwrap(), "another attempt was noted meanwhile");
    let read = store.pending_orders(&[agent]).await.unwrap().remove(0);
    store.order_accepted(&read).await.unwrap();
    assert!(!store.order_sent(&read, now()).await.unwrap(), "it was answered meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_expired_unsent_is_aborted_here() {
    let ground = Ground::new().await;
    let (agent, instance) = ground.agent().await;
    approved(&ground, instance, "orders").await;
    sqlx::query("UPDATE proposal SET expires_at = now() - interval '1 second'")
        .execute(&ground.store.pool)
        .await
        .unwrap();
    let agents = Scripted::new(agent, |_| Ok(Answer::Accepted));
    let offer = offer(&ground, Arc::clone(&agents));
    querysmith_controller::jobs::runner::Work::run(&offer).await.unwrap();
    until(&ground, "SELECT count(*) FROM change WHERE state = 'aborted' AND wanted = 'none'").await;
    assert!(agents.told.lock().unwrap().is_empty());
}

async fn withdrawn(ground: &Ground, change: ChangeId) {
    let decider = Decider { name: "dba", role: Role::Approver };
    withdraw(&ground.store, &ground.wake, change, decider, "not tonight", chrono::Utc::now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_before_it_was_sent_is_never_sent() {
    let ground = Ground::new().await;
    let (agent, instance) = ground.agent().await;
    let change = approved(&ground, instance, "orders").await;
    // Another controller has just read it, and comes too late to send it.
    let read = ground.store.pending_orders(&[agent]).await.unwrap();
    withdrawn(&ground, change).await;
    assert!(!ground.store.order_sent(&read[0], now()).await.unwrap());
    let sql = "SELECT count(*) FROM change WHERE state = 'aborted' AND wanted = 'none' AND attempts = 0";
    assert_eq!(ground.count(sql).await, 1);
    let agents = Scripted::new(agent, |_| Ok(Answer::Accepted));
    querysmith_controller::jobs::runner::Work::run(&offer(&ground, Arc::clone(&agents))).await.unwrap();
    assert!(agents.orders.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_after_it_was_sent_ends_with_the_agents_word() {
    let ground = Ground::new().await;
    let (agent, instance) = ground.agent().await;
    let change = approved(&ground, instance, "orders").await;
    let agents = Scripted::new(agent, |n| match n {
        1 => Err(OrderError::Timeout),
        _ => Ok(Answer::Refused(UNKNOWN_CHANGE.into())),
    });
    let offer = offer(&ground, Arc::clone(&agents));
    querysmith_controller::jobs::runner::Work::run(&offer).await.unwrap();
    until(&ground, "SELECT count(*) FROM change WHERE state = 'offered'").await;
    withdrawn(&ground, change).await;
    let began = Instant::now();
    while ground.count("SELECT count(*) FROM change WHERE state = 'aborted' AND wanted = 'none'").await == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "it never ended");
        querysmith_controller::jobs::runner::Work::run(&offer).await.unwrap();
        tokio::task::yield_now().await;
    }
    let orders = agents.orders.lock().unwrap();
    assert!(matches!(&orders[..], [Order::Apply(_), Order::Undo(_)]), "{orders:?}");
}

#[tokio::test]
async fn proposals_expire_and_go_with_their_findings() {
    let ground = Ground::new().await;
    let (_, instance) = ground.agent().await;
    let expiring = propose(&ground, instance, "a", now().before(Duration::from_secs(1))).await;
    let kept = propose(&ground, instance, "b", now().after(Duration::from_secs(60))).await;
    let going = propose(&ground, instance, "c", now().after(Duration::from_secs(60))).await;
    assert_eq!(ground.store.expire_proposals(now()).await.unwrap(), [expiring.id]);
    for (proposal, resolved) in [(&kept, false), (&going, true)] {
        sqlx::query(
            "WITH finding AS (
                 INSERT INTO finding (finding_id, instance_id, kind, severity, title, summary, advice, evidence,
                                      first_seen_at, last_seen_at, resolved_at)
                 VALUES (gen_random_uuid(), $1, 'missing_index', 'low', '', '', '', '[]', now(), now(),
                         CASE WHEN $3 THEN now() END)
                 RETURNING finding_id
             )
             INSERT INTO proposal_finding SELECT $2, finding_id FROM finding",
        )
        .bind(instance.0)
        .bind(proposal.id.0)
        .bind(resolved)
        .execute(&ground.store.pool)
        .await
        .unwrap();
    }
    assert_eq!(ground.store.withdraw_proposals(instance, &[], now()).await.unwrap(), [going.id]);
    assert_eq!(ground.count("SELECT count(*) FROM proposal WHERE state = 'waiting'").await, 1);
    assert_eq!(ground.store.withdraw_proposals(instance, &[], now()).await.unwrap(), []);
    for (action, reason) in [
        ("proposal.expire", "nobody decided in time"),
        ("proposal.withdraw", "the findings it answers are resolved"),
    ] {
        let told: (String, String) =
            sqlx::query_as("SELECT actor, detail ->> 'reason' FROM audit WHERE action = $1")
                .bind(action)
                .fetch_one(&ground.store.pool)
                .await
                .unwrap();
        assert_eq!(told, ("controller".to_owned(), reason.to_owned()));
    }
}
