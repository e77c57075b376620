//! What was measured as harm is taken back without anybody asking. (Every verdict: the table in the advice's tests.)

use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::jobs::measure::Measure;
use querysmith_controller::jobs::runner::Work;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::wire::order::Order;
use querysmith_shared::wire::report::Lane;

use crate::ground::{Ground, now};
use crate::loop_ground::{OnTrial, on_trial, settle, step, text, wait_until};
use crate::shop::{WINDOW, window};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_harmed_is_taken_back() {
    let ground = Ground::new().await;
    let OnTrial { agent, instance, last, change, began, good, context, offer } = on_trial(&ground).await;
    let ingester = ground.ingester();
    // It took 150 ms and 12,000 blocks before.
    let after: Vec<_> = (0..18)
        .map(|n| {
            let end = began.after(WINDOW * u32::try_from(n + 2).unwrap());
            window(instance, last + 1 + n, end, 450.0, 36_000)
        })
        .collect();
    ingester.ingest(agent, 1, Lane::Telemetry, after).await.unwrap();
    settle(&ground.store).await;
    Measure::new(context).run().await.unwrap();
    assert_eq!(text(&ground, "SELECT verdict FROM change").await.as_deref(), Some("harmed"));
    assert_eq!(text(&ground, "SELECT wanted FROM change").await.as_deref(), Some("undo"));
    // Not shown as undone before the agent has read back that it is.
    assert_eq!(text(&ground, "SELECT state FROM change").await.as_deref(), Some("trial"));

    offer.run().await.unwrap();
    wait_until(&ground, "SELECT count(*) FROM change WHERE wanted = 'none'").await;
    let undone = good.told().into_iter().filter(|(_, order)| match order {
        Order::Undo(order) => order.change == change,
        _ => false,
    });
    assert_eq!(undone.count(), 1);
    assert!(!good.told().iter().any(|(_, order)| matches!(order, Order::Confirm(_))));
    let why = "SELECT detail FROM change_event WHERE actor = 'controller' ORDER BY event_id DESC LIMIT 1";
    let why = text(&ground, why).await.unwrap();
    assert!(why.contains("harmed"), "{why}");

    let steps = [ChangeState::Reverting, ChangeState::Reverted];
    let reports = (5..).zip(steps).map(|(sequence, state)| step(change, sequence, state, now())).collect();
    ingester.ingest(agent, 1, Lane::Changes, reports).await.unwrap();
    assert_eq!(text(&ground, "SELECT state FROM change").await.as_deref(), Some("reverted"));
}
