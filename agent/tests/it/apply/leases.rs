//! What becomes of a trial when nobody says anything, on a clock that the test turns.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::apply::clock::{Clock, HostClock, Reading};
use agent::apply::context::ApplyConfig;
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::trial::{OnPartition, TrialTerms};
use querysmith_shared::wire::order::{Answer, Apply, Lease, Order, Renew};

use super::stage::{Engine, Stage, approved};

const MINUTE: Duration = Duration::from_secs(60);

/// The host's clocks, turned forward by the test.
#[derive(Debug, Default)]
pub(super) struct TurnedClock {
    host: HostClock,
    by: Mutex<Duration>,
    reboots: Mutex<u32>,
}

impl TurnedClock {
    pub(super) fn turn(&self, by: Duration) {
        *self.by.lock().unwrap() += by;
    }

    /// Another boot, the time of day going on.
    fn reboot(&self) {
        *self.reboots.lock().unwrap() += 1;
    }
}

impl Clock for TurnedClock {
    fn read(&self) -> Reading {
        let (now, by) = (self.host.read(), *self.by.lock().unwrap());
        let boot = format!("{} {}", now.boot, self.reboots.lock().unwrap());
        Reading { boot, uptime: now.uptime + by, wall: now.wall.after(by) }
    }
}

fn config(stage: &Stage, clock: &Arc<TurnedClock>) -> ApplyConfig {
    let clock: Arc<dyn Clock> = clock.clone();
    ApplyConfig { clock, lease_tick: Duration::from_millis(20), ..stage.config() }
}

fn engine(stage: &Stage, clock: &Arc<TurnedClock>) -> Engine {
    Engine::start(config(stage, clock), stage.instances())
}

pub(super) fn order(stage: &Stage, on_partition: OnPartition) -> Apply {
    let order = stage.index(&["customer_id"]);
    let trial = TrialTerms { on_partition, ..TrialTerms::DEFAULT };
    approved(Apply { limits: Limits { trial, ..order.limits }, ..order })
}

async fn renew(engine: &Engine, order: &Apply) -> Vec<Lease> {
    match engine.applier.handle(Order::Renew(Renew { changes: vec![order.change], fence: order.fence })).await
    {
        Answer::Leases(leases) => leases,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_word_from_the_controller_a_trial_is_taken_back() {
    let (stage, clock) = (Stage::set().await, Arc::new(TurnedClock::default()));
    let engine = engine(&stage, &clock);
    let order = order(&stage, OnPartition::Revert);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Trial).await;
    // Word after ten minutes, and again: it lasts longer than any single lease.
    for _ in 0..3 {
        clock.turn(10 * MINUTE);
        let lease = renew(&engine, &order).await.remove(0);
        assert!((895..=900).contains(&lease.lease_left_s), "{lease:?}");
    }
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    clock.turn(16 * MINUTE);
    let reverting = engine.reaches(&order, S::Reverting).await;
    assert!(reverting.detail.contains("no word from the controller for 15 min"), "{}", reverting.detail);
    engine.reaches(&order, S::Reverted).await;
    assert_eq!(stage.index_is_valid(&order).await, None);
    assert!(renew(&engine, &order).await.is_empty());
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_stays_until_the_longest_trial_is_over() {
    let (stage, clock) = (Stage::set().await, Arc::new(TurnedClock::default()));
    let engine = engine(&stage, &clock);
    let order = order(&stage, OnPartition::Hold);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Trial).await;
    clock.turn(7 * 60 * MINUTE);
    let lease = renew(&engine, &order).await.remove(0);
    assert!((3_590..=3_600).contains(&lease.trial_left_s), "{lease:?}");
    // Word doesn't make the trial longer.
    clock.turn(59 * MINUTE);
    renew(&engine, &order).await;
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    clock.turn(2 * MINUTE);
    let reverting = engine.reaches(&order, S::Reverting).await;
    assert!(reverting.detail.contains("nobody kept it within 8 h"), "{}", reverting.detail);
    engine.reaches(&order, S::Reverted).await;
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_goes_on_with_what_is_left_after_a_restart_and_a_reboot() {
    let (stage, clock) = (Stage::set().await, Arc::new(TurnedClock::default()));
    let first = engine(&stage, &clock);
    let order = order(&stage, OnPartition::Revert);
    assert_eq!(first.apply(&order).await, Answer::Accepted);
    first.reaches(&order, S::Trial).await;
    clock.turn(10 * MINUTE);
    assert_eq!(renew(&first, &order).await.len(), 1);
    clock.turn(8 * MINUTE);
    first.stop().await;

    // Three minutes off, which the time of day tells.
    clock.reboot();
    clock.turn(3 * MINUTE);
    let second = engine(&stage, &clock);
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    clock.turn(5 * MINUTE);
    second.reaches(&order, S::Reverted).await;
    second.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_and_what_has_no_undo_has_no_lease() {
    let (stage, clock) = (Stage::set().await, Arc::new(TurnedClock::default()));
    let engine = engine(&stage, &clock);
    let (kept, analyze) = (order(&stage, OnPartition::Revert), stage.analyze());
    for order in [&kept, &analyze] {
        assert_eq!(engine.apply(order).await, Answer::Accepted);
        engine.reaches(order, S::Trial).await;
    }
    assert_eq!(engine.confirm(&kept).await, Answer::Accepted);
    assert!(renew(&engine, &kept).await.is_empty());
    assert!(renew(&engine, &analyze).await.is_empty());
    clock.turn(24 * 60 * MINUTE);
    // A look at the leases later both are as they were.
    let other = order(&stage, OnPartition::Revert);
    assert_eq!(engine.undo(&kept).await, Answer::Accepted);
    engine.reaches(&kept, S::Reverted).await;
    assert_eq!(
        engine.apply(&other).await,
        Answer::Refused("the approval has expired: approve its next proposal".into())
    );
    assert_eq!(engine.reports.states(&kept).last(), Some(&S::Reverted));
    assert_eq!(engine.reports.states(&analyze).last(), Some(&S::Trial));
    engine.stop().await;
}
