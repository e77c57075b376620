//! Trials by switchback: from what an agent reports and its server shows to what is asked of the agent.

use std::sync::Arc;
use std::time::Duration;

use querysmith_advice::thresholds::Thresholds;
use querysmith_advice::thresholds::switchback::SwitchbackThresholds;
use querysmith_controller::advising::context::AdviceContext;
use querysmith_controller::api::context::Reach;
use querysmith_controller::apply::agents::Agents;
use querysmith_controller::apply::carry::Carrier;
use querysmith_controller::approve::{ApproveRequest, Decider, approve};
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::jobs::measure::Measure;
use querysmith_controller::jobs::offer::Offer;
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::people::Role;
use querysmith_controller::store::proposals::NewProposal;
use querysmith_shared::change::Change;
use querysmith_shared::change::coins::{Arm, CoinSeed};
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::change::switchback::{Switchback, TrialStep, Turn};
use querysmith_shared::change::trial::TrialTerms;
use querysmith_shared::dialect::postgres::render;
use querysmith_shared::id::{AgentId, ChangeId, InstanceId, ProposalId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::Order;
use querysmith_shared::wire::report::{ChangeReport, Lane, Report, ReportBody};
use serde_json::json;
use uuid::Uuid;

use crate::api_ground::Web;
use crate::ground::{Ground, delta, now, report, stats};
use crate::loop_ground::{GoodAgent, context, settle, step, text, wait_until};
use crate::orders::draft;

/// From one reading of the counters to the next.
const READING: Duration = Duration::from_secs(15);
/// A minute and a quarter for each arm.
const QUICK: Switchback = Switchback { window_s: 60, washout_s: 15, most_pairs: 20, seed: CoinSeed([3; 32]) };

fn half(terms: &Switchback) -> Duration {
    Duration::from_secs(terms.half_s().into())
}

/// A trial by switchback, and what it is worked on with.
struct Tried {
    ground: Ground,
    agent: AgentId,
    instance: InstanceId,
    change: ChangeId,
    good: Arc<GoodAgent>,
    context: AdviceContext,
    telemetry: u64,
    changes: u64,
}

impl Tried {
    /// A server that was watched for `quiet_pairs` pairs, and a change that was in place at `began`.
    async fn begin(terms: Switchback, quiet_pairs: u32, began: Timestamp) -> Self {
        let ground = Ground::new().await;
        let (agent, instance) = ground.agent().await;
        let good = Arc::new(GoodAgent { connected: vec![agent], ..GoodAgent::default() });
        let mut context = context(&ground, Arc::clone(&good) as Arc<dyn Agents>);
        let switchback = SwitchbackThresholds {
            window_s: terms.window_s.into(),
            washout_s: terms.washout_s.into(),
            most_pairs: terms.most_pairs,
            ..SwitchbackThresholds::default()
        };
        context.thresholds = Arc::new(Thresholds { switchback, ..Thresholds::default() });
        let change = proposed_and_approved(&ground, instance, terms).await;
        let mut tried = Self { ground, agent, instance, change, good, context, telemetry: 0, changes: 0 };
        let pair = half(&terms) * 2;
        tried.watch(began.before(pair * quiet_pairs), began, |_| 1.0).await;
        let states = [ChangeState::Received, ChangeState::Armed, ChangeState::Applying, ChangeState::Trial];
        for state in states {
            tried.reports(|change, sequence| step(change, sequence, state, began)).await;
        }
        tried
    }

    /// The server shows what its statements did from `from` to `to`, each `factor` times as slow as usual.
    async fn watch(&mut self, from: Timestamp, to: Timestamp, factor: impl Fn(Timestamp) -> f64) {
        let mut reports = Vec::new();
        let mut start = from;
        while start.after(READING) <= to {
            let end = start.after(READING);
            // Noise that is there always.
            let noise = if self.telemetry % 7 < 3 { 1.03 } else { 1.0 };
            let factor = factor(start) * noise;
            let rows = (1..=3).map(|id| delta(id, 50, 50.0 * 2.0 * id as f64 * factor)).collect();
            self.telemetry += 1;
            reports.push(report(self.telemetry, Some(self.instance), stats(start, end, rows)));
            start = end;
        }
        self.ground.ingester().ingest(self.agent, 1, Lane::Telemetry, reports).await.unwrap();
        settle(&self.ground.store).await;
    }

    async fn reports(&mut self, make: impl Fn(ChangeId, u64) -> Report) {
        self.changes += 1;
        let report = make(self.change, self.changes);
        self.ground.ingester().ingest(self.agent, 1, Lane::Changes, vec![report]).await.unwrap();
    }

    async fn switched(&mut self, at: Timestamp, arm: Arm, pair: Option<u32>) {
        let trial_step = Some(TrialStep::Switched(Turn { arm, pair }));
        self.reports(|change, sequence| {
            let Report { body: ReportBody::Change(report), .. } =
                step(change, sequence, ChangeState::Trial, at)
            else {
                unreachable!("it is of a change")
            };
            let detail = format!("{} {pair:?}", arm == Arm::B);
            let body = ReportBody::Change(ChangeReport { trial_step, detail, ..report });
            Report { lane: Lane::Changes, sequence, made_at: at, instance: None, body }
        })
        .await;
    }

    /// The agent goes through pairs from `began` on, with the change `effect` times as slow; returns the end.
    async fn run(&mut self, terms: &Switchback, pairs: u32, began: Timestamp, effect: f64) -> Timestamp {
        let mut at = began;
        for pair in 0..pairs {
            let first = terms.first_arm(self.change, pair);
            for arm in [first, first.other()] {
                self.switched(at, arm, Some(pair)).await;
                let end = at.after(half(terms));
                self.watch(at, end, |_| if arm == Arm::B { effect } else { 1.0 }).await;
                at = end;
            }
        }
        self.switched(at, Arm::A, None).await;
        at
    }

    async fn measure(&self) {
        Measure::new(self.context.clone()).run().await.unwrap();
    }

    async fn estimate(&self) -> f64 {
        let estimate = text(&self.ground, "SELECT effect ->> 'estimate' FROM change").await.unwrap();
        estimate.parse().unwrap()
    }

    async fn wanted(&self) -> (String, String) {
        let wanted = text(&self.ground, "SELECT wanted FROM change").await.unwrap();
        (wanted, text(&self.ground, "SELECT wanted_reason FROM change").await.unwrap_or_default())
    }
}

async fn proposed_and_approved(ground: &Ground, instance: InstanceId, terms: Switchback) -> ChangeId {
    let set =
        SetParameter { name: "work_mem".into(), value: "64MB".into(), replaces: "4MB".into(), before: None };
    let change = Change::SetParameter(set);
    let trial = TrialTerms { switchback: Some(terms), ..Limits::PARAMETER.trial };
    let limits = Limits { trial, ..Limits::PARAMETER };
    let sql = render(&change, limits).unwrap();
    let proposal = NewProposal {
        id: ProposalId(Uuid::now_v7()),
        subject: "set_parameter work_mem".into(),
        limits,
        system_identifier: "7".into(),
        digest: sql.digest(change.database()),
        sql,
        created_at: now(),
        expires_at: now().after(Duration::from_secs(3_600)),
        draft: draft(instance, change, "Set work_mem"),
    };
    let mut writing = ground.store.write().await.unwrap();
    assert!(writing.add_proposal(&proposal).await.unwrap());
    writing.commit().await.unwrap();
    let decider = Decider { name: "dba", role: Role::Approver };
    let yes = ApproveRequest { read: &proposal.digest, reason: None, signature: None };
    approve(&ground.store, &ground.wake, proposal.id, yes, decider, chrono::Utc::now()).await.unwrap()
}

/// Long enough ago for so many pairs.
fn ago(terms: &Switchback, pairs: u32) -> Timestamp {
    now().before(half(terms) * 2 * pairs + Duration::from_secs(120))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_harms_is_taken_back_and_its_page_says_why() {
    let began = ago(&QUICK, 9);
    let mut tried = Tried::begin(QUICK, 25, began).await;
    tried.run(&QUICK, 4, began, 1.4).await;
    tried.measure().await;
    assert_eq!(tried.wanted().await.0, "none", "four coins show nothing");
    let later = began.after(half(&QUICK) * 8);
    for pair in 4..9 {
        let first = QUICK.first_arm(tried.change, pair);
        for (number, arm) in (0..).zip([first, first.other()]) {
            let at = later.after(half(&QUICK) * (2 * (pair - 4) + number));
            tried.switched(at, arm, Some(pair)).await;
            tried.watch(at, at.after(half(&QUICK)), |_| if arm == Arm::B { 1.4 } else { 1.0 }).await;
        }
    }
    tried.switched(later.after(half(&QUICK) * 10), Arm::A, None).await;
    // A controller that begins anew comes to the same.
    tried.measure().await;
    let (wanted, why) = tried.wanted().await;
    assert_eq!(wanted, "undo", "{why}");
    assert!(why.starts_with("harmed: the statements take more time with the change; "), "{why}");
    assert!(why.ends_with("over 7 pairs of windows"), "{why}");
    assert!((tried.estimate().await - 0.4).abs() < 0.05, "{why}");
    assert_eq!(text(&tried.ground, "SELECT verdict FROM change").await.as_deref(), Some("harmed"));

    let agents = Arc::clone(&tried.good) as Arc<dyn Agents>;
    let web = Web::start_on(tried.ground, agents, Reach::default(), None).await;
    let viewer = web.program(Role::Viewer).await;
    let page = viewer.get(&format!("/api/v1/changes/{}", tried.change)).await.good();
    let trial = &page["switchback"];
    assert_eq!((&trial["window_s"], &trial["most_pairs"]), (&json!(60), &json!(20)), "{trial}");
    let turns = trial["turns"].as_array().unwrap();
    assert_eq!(turns.len(), 20, "{trial}");
    assert_eq!((&turns[0]["pair"], &turns[19]["pair"]), (&json!(1), &json!(null)));
    let found = &trial["found"];
    assert!(found["harm"].as_f64().unwrap() >= 100.0 && found["harm_threshold"] == json!(100.0), "{found}");
    // The turns are no events of the page.
    assert!(page["events"].as_array().unwrap().len() < 10, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_helps_is_kept() {
    let began = ago(&QUICK, 6);
    let mut tried = Tried::begin(QUICK, 25, began).await;
    tried.run(&QUICK, 6, began, 0.6).await;
    tried.measure().await;
    let (wanted, why) = tried.wanted().await;
    assert_eq!(wanted, "confirm", "{why}");
    assert!(why.starts_with("helped: the statements take less time with the change; "), "{why}");
    assert!((tried.estimate().await + 0.4).abs() < 0.05, "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_watched_too_shortly_is_no_trial_and_goes() {
    let began = ago(&QUICK, 1);
    let tried = Tried::begin(QUICK, 3, began).await;
    tried.measure().await;
    let (wanted, why) = tried.wanted().await;
    assert_eq!(wanted, "undo");
    assert!(why.contains("3 of 20 pairs of windows were watched"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_plainly_slow_pauses_at_once() {
    let terms = Switchback { window_s: 300, washout_s: 60, ..QUICK };
    let began = now().before(Duration::from_secs(330));
    let mut tried = Tried::begin(terms, 25, began).await;
    // Its first pair is still to begin: the guardrail does not wait for it.
    tried.watch(began, now(), |_| 4.0).await;
    tried.measure().await;
    assert_eq!(tried.wanted().await.0, "none", "the first strike takes nothing back for good");
    let reason = text(&tried.ground, "SELECT pause_reason FROM change").await.unwrap();
    assert!(reason.contains("times as long"), "{reason}");

    let agents = Arc::clone(&tried.good) as Arc<dyn Agents>;
    let carrier = Carrier::new(tried.ground.store.clone(), tried.ground.wake.clone(), agents);
    let offer = Offer { carrier };
    for _ in 0..2 {
        offer.run().await.unwrap();
        wait_until(&tried.ground, "SELECT count(*) FROM change WHERE pause_told_until = pause_until").await;
        // Told once.
        tried.measure().await;
    }
    let told: Vec<u32> = tried
        .good
        .told()
        .into_iter()
        .filter_map(|(_, order)| match order {
            Order::Pause(pause) if pause.change == tried.change => Some(pause.for_s),
            _ => None,
        })
        .collect();
    let [for_s] = told[..] else { panic!("{told:?}") };
    assert!((3_000..=3_600).contains(&for_s), "{for_s}");
}
