//! Parameters tried by switchback on a real server, on a clock that the test turns.

use std::sync::Arc;
use std::time::Duration;

use agent::apply::clock::Clock;
use agent::apply::context::ApplyConfig;
use querysmith_shared::change::coins::{Arm, CoinSeed};
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::switchback::{Switchback, TrialStep, Turn};
use querysmith_shared::change::trial::{OnPartition, TrialTerms};
use querysmith_shared::wire::order::{Answer, Apply, Order, Pause};

use super::crashes::{SWITCHING, die_in_child};
use super::leases::TurnedClock;
use super::settings::{self, ALLOWED};
use super::stage::{Engine, Stage, approved, refused};

/// Six minutes for each arm.
const PLAN: Switchback = Switchback { window_s: 300, washout_s: 60, most_pairs: 3, seed: CoinSeed([7; 32]) };
/// A second for each arm.
pub(super) const QUICK: Switchback =
    Switchback { window_s: 1, washout_s: 0, most_pairs: 500, seed: CoinSeed([7; 32]) };
const HALF: Duration = Duration::from_secs(360);

/// The order, tried by a plan. It holds: nobody renews its lease here.
pub(super) fn tried(order: Apply, plan: Switchback) -> Apply {
    let trial = TrialTerms {
        switchback: Some(plan),
        longest_s: 7 * 86_400,
        on_partition: OnPartition::Hold,
        ..TrialTerms::DEFAULT
    };
    approved(Apply { limits: Limits { trial, ..order.limits }, ..order })
}

fn work_mem(stage: &Stage) -> Apply {
    tried(stage.setting("work_mem", "4MB", "64MB"), PLAN)
}

fn engine(stage: &Stage, clock: &Arc<TurnedClock>) -> Engine {
    let clock: Arc<dyn Clock> = clock.clone();
    let config = ApplyConfig { clock, lease_tick: Duration::from_millis(20), ..stage.config() };
    Engine::start(config, stage.instances())
}

async fn pause(engine: &Engine, order: &Apply, for_s: u32) -> Answer {
    let pause = Pause { change: order.change, reason: "slow".into(), for_s, fence: order.fence };
    engine.applier.handle(Order::Pause(pause)).await
}

/// Waits until this arm was read back, and checks that it is in force.
async fn switched(stage: &Stage, engine: &Engine, order: &Apply, turn: Turn) {
    let step = Some(TrialStep::Switched(turn));
    engine.reports_that(order, |report| report.trial_step == step).await;
    let (value, in_file) = match turn.arm {
        Arm::A => ("4MB", None),
        Arm::B => ("64MB", Some("64MB")),
    };
    let file = stage.alter_system_has("work_mem").await;
    assert_eq!((stage.shows("work_mem").await.as_str(), file.as_deref()), (value, in_file), "{turn}");
}

/// The arms of a pair, in the order of its coin.
fn turns(order: &Apply, pair: u32) -> [Turn; 2] {
    let first = PLAN.first_arm(order.change, pair);
    [first, first.other()].map(|arm| Turn { arm, pair: Some(pair) })
}

/// An order whose first pair begins with this arm.
fn beginning_with(stage: &Stage, arm: Arm) -> Apply {
    let mut orders = std::iter::repeat_with(|| work_mem(stage));
    orders.find(|order| PLAN.first_arm(order.change, 0) == arm).unwrap()
}

async fn is_undone(stage: &Stage, engine: Engine, order: &Apply) {
    assert_eq!(engine.undo(order).await, Answer::Accepted);
    is_taken_back(stage, engine, order).await;
}

async fn is_taken_back(stage: &Stage, engine: Engine, order: &Apply) {
    engine.reaches(order, S::Reverted).await;
    engine.stop().await;
    let file = stage.alter_system_has("work_mem").await;
    assert_eq!((stage.shows("work_mem").await.as_str(), file), ("4MB", None));
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_is_switched_in_the_order_of_its_coins_and_kept_when_that_is_said() {
    let (stage, clock) = (settings::stage().await, Arc::new(TurnedClock::default()));
    let engine = engine(&stage, &clock);
    let order = work_mem(&stage);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    for pair in 0..PLAN.most_pairs {
        for turn in turns(&order, pair) {
            switched(&stage, &engine, &order, turn).await;
            clock.turn(HALF);
        }
    }
    // All pairs were run: it waits without the change for somebody to say what was measured.
    switched(&stage, &engine, &order, Turn::REST).await;
    let steps: Vec<_> =
        engine.reports.of(&order).into_iter().filter_map(|report| report.trial_step).collect();
    let wanted = (0..PLAN.most_pairs).flat_map(|pair| turns(&order, pair)).chain([Turn::REST]);
    assert_eq!(steps, wanted.map(TrialStep::Switched).collect::<Vec<_>>());

    assert_eq!(engine.confirm(&order).await, Answer::Accepted);
    let kept = engine.reaches(&order, S::Confirmed).await;
    assert_eq!(kept.detail, "it helps");
    assert_eq!(stage.shows("work_mem").await, "64MB");
    // What was kept can still be taken back.
    is_undone(&stage, engine, &order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_takes_the_change_back_at_once_and_ends() {
    let (stage, clock) = (settings::stage().await, Arc::new(TurnedClock::default()));
    let engine = engine(&stage, &clock);
    let order = beginning_with(&stage, Arm::B);
    refused(pause(&engine, &order, 60).await, "doesn't know");
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    switched(&stage, &engine, &order, Turn { arm: Arm::B, pair: Some(0) }).await;
    assert_eq!(pause(&engine, &order, 3_600).await, Answer::Accepted);
    // No clock was turned.
    switched(&stage, &engine, &order, Turn { arm: Arm::A, pair: Some(0) }).await;
    clock.turn(HALF);
    switched(&stage, &engine, &order, Turn::REST).await;
    clock.turn(Duration::from_secs(3_600));
    switched(&stage, &engine, &order, turns(&order, 1)[0]).await;
    is_undone(&stage, engine, &order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_from_outside_ends_the_trial() {
    let stage = settings::stage().await;
    for (arm, hand, expected) in [
        (Arm::B, "ALTER SYSTEM RESET work_mem", "somebody else took it back"),
        (Arm::A, "ALTER SYSTEM SET work_mem = '64MB'", "somebody else made the change"),
    ] {
        let engine = engine(&stage, &Arc::new(TurnedClock::default()));
        let order = beginning_with(&stage, arm);
        assert_eq!(engine.apply(&order).await, Answer::Accepted);
        switched(&stage, &engine, &order, Turn { arm, pair: Some(0) }).await;
        stage.alter_system(hand).await;
        let reverting = engine.reaches(&order, S::Reverting).await;
        // It may be seen between the hand's two statements.
        let is_half = reverting.detail.contains("in the server's file, and another one in force");
        assert!(is_half || reverting.detail.contains(expected), "{}", reverting.detail);
        is_taken_back(&stage, engine, &order).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_host_forbids_meanwhile_is_not_put_in_place_again() {
    let (stage, clock) = (settings::stage().await, Arc::new(TurnedClock::default()));
    let engine = engine(&stage, &clock);
    let order = beginning_with(&stage, Arm::A);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    switched(&stage, &engine, &order, Turn { arm: Arm::A, pair: Some(0) }).await;
    stage.allow("[[allow]]\nkinds = ['analyze']\n");
    clock.turn(HALF);
    let void = Some(TrialStep::Void { pair: 0 });
    let report = engine.reports_that(&order, |report| report.trial_step == void).await;
    assert!(report.detail.contains("allow-list"), "{}", report.detail);
    assert_eq!(stage.shows("work_mem").await, "4MB");
    stage.allow(ALLOWED);
    switched(&stage, &engine, &order, turns(&order, 1)[0]).await;
    is_undone(&stage, engine, &order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_needs_the_settings_for_itself_and_is_of_parameters_only() {
    let (stage, clock) = (settings::stage().await, Arc::new(TurnedClock::default()));
    let engine = engine(&stage, &clock);
    refused(engine.apply(&tried(stage.index(&["customer_id"]), PLAN)).await, "only a parameter");
    let endless = Switchback { most_pairs: u32::MAX, ..PLAN };
    refused(engine.apply(&tried(stage.setting("work_mem", "4MB", "64MB"), endless)).await, "pairs");
    let order = work_mem(&stage);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    switched(&stage, &engine, &order, turns(&order, 0)[0]).await;
    let other = stage.setting("jit", "on", "off");
    assert_eq!(engine.apply(&other).await, Answer::Accepted);
    let refusal = engine.reaches(&other, S::Rejected).await;
    assert!(refusal.detail.contains("needs the settings for itself"), "{}", refusal.detail);
    // One that stands on trial by itself can't be paused.
    let index = stage.index(&["customer_id"]);
    assert_eq!(engine.apply(&index).await, Answer::Accepted);
    engine.reaches(&index, S::Trial).await;
    refused(pause(&engine, &index, 60).await, "only a trial by switchback");
    is_undone(&stage, engine, &order).await;
}

/// Wherever the agent dies, the pair it died in doesn't count, the next one is begun, and all of it can be taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_goes_on_with_the_next_pair_wherever_the_agent_dies() {
    let stage = settings::stage().await;
    for (point, actions) in SWITCHING {
        let order = tried(stage.setting("work_mem", "4MB", "64MB"), QUICK);
        die_in_child(&stage, &order, point, actions).await;
        let engine = engine(&stage, &Arc::new(TurnedClock::default()));
        // A pause that died with it comes again.
        if point == "before paused" {
            assert_eq!(pause(&engine, &order, 1).await, Answer::Accepted);
        }
        let keeps = actions.contains(&"keep");
        if point == "before keep_intent" {
            assert_eq!(engine.confirm(&order).await, Answer::Accepted);
        }
        if keeps {
            if point != "after confirmed" {
                engine.reaches(&order, S::Confirmed).await;
            }
            assert_eq!(stage.shows("work_mem").await, "64MB", "{point}");
        } else {
            let goes_on = |step| matches!(step, Some(TrialStep::Switched(Turn { pair: Some(_), .. })));
            engine.reports_that(&order, |report| goes_on(report.trial_step)).await;
        }
        is_undone(&stage, engine, &order).await;
    }
}
