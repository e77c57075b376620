//! Trials in a person's hands, and word to the agents that have them.

use querysmith_controller::approve::hold::{Hand, lay_hand};
use querysmith_controller::approve::verdict::Refusal;
use querysmith_controller::approve::{DecideError, Decider};
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::jobs::measure::Measure;
use querysmith_controller::jobs::renew::Renew;
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::people::Role;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::ChangeId;
use querysmith_shared::wire::order::Order;
use querysmith_shared::wire::report::Lane;
use serde_json::json;

use crate::api_ground::Web;
use crate::api_seed::Seed;
use crate::ground::{Ground, now};
use crate::loop_ground::{OnTrial, on_trial, settle, step, text, wait_until};
use crate::shop::{WINDOW, window};

async fn lay(ground: &Ground, change: ChangeId, hand: Hand) -> Result<(), DecideError> {
    let decider = Decider { name: "dba", role: Role::Approver };
    lay_hand(&ground.store, &ground.wake, change, hand, decider, "let me see", chrono::Utc::now()).await
}

/// A change whose verdict is plain: `ms` a call after 150 before.
async fn measured(ground: &Ground, ms: f64) -> OnTrial {
    let trial = on_trial(ground).await;
    let after: Vec<_> = (0..18)
        .map(|n| {
            let end = trial.began.after(WINDOW * u32::try_from(n + 2).unwrap());
            window(trial.instance, trial.last + 1 + n, end, ms, 12)
        })
        .collect();
    ground.ingester().ingest(trial.agent, 1, Lane::Telemetry, after).await.unwrap();
    settle(&ground.store).await;
    trial
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_verdict_is_shown_and_ends_nothing() {
    let ground = Ground::new().await;
    let trial = measured(&ground, 0.3).await;
    let measure = Measure::new(trial.context.clone());
    lay(&ground, trial.change, Hand::Hold).await.unwrap();
    let again = lay(&ground, trial.change, Hand::Hold).await.unwrap_err();
    assert!(matches!(again, DecideError::Refused(Refusal::Held(by)) if by == "dba"));
    measure.run().await.unwrap();
    assert_eq!(text(&ground, "SELECT verdict FROM change").await.as_deref(), Some("helped"));
    assert_eq!(text(&ground, "SELECT wanted FROM change").await.as_deref(), Some("none"));

    lay(&ground, trial.change, Hand::Release).await.unwrap();
    let again = lay(&ground, trial.change, Hand::Release).await.unwrap_err();
    assert!(matches!(again, DecideError::Refused(Refusal::NotHeld)));
    sqlx::query("UPDATE change SET effect_at = NULL").execute(&ground.store.pool).await.unwrap();
    measure.run().await.unwrap();
    assert_eq!(text(&ground, "SELECT wanted FROM change").await.as_deref(), Some("confirm"));
    assert_eq!(
        ground.count("SELECT count(*) FROM audit WHERE action IN ('change.hold', 'change.release')").await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_keeps_is_kept_whatever_is_measured() {
    let ground = Ground::new().await;
    let trial = measured(&ground, 450.0).await;
    lay(&ground, trial.change, Hand::Keep).await.unwrap();
    let again = lay(&ground, trial.change, Hand::Keep).await.unwrap_err();
    assert!(matches!(again, DecideError::Refused(Refusal::Asked(_))));
    Measure::new(trial.context.clone()).run().await.unwrap();
    assert_eq!(text(&ground, "SELECT wanted FROM change").await.as_deref(), Some("confirm"));
    trial.offer.run().await.unwrap();
    wait_until(&ground, "SELECT count(*) FROM change WHERE wanted = 'none'").await;
    let kept = trial.good.told().into_iter().any(|(_, order)| match order {
        Order::Confirm(order) => order.change == trial.change && order.reason == "let me see",
        _ => false,
    });
    assert!(kept);
    let confirmed = vec![step(trial.change, 5, ChangeState::Confirmed, now())];
    ground.ingester().ingest(trial.agent, 1, Lane::Changes, confirmed).await.unwrap();
    for hand in [Hand::Hold, Hand::Release, Hand::Keep] {
        let refused = lay(&ground, trial.change, hand).await.unwrap_err();
        assert!(
            matches!(refused, DecideError::Refused(Refusal::NotOnTrial(ChangeState::Confirmed))),
            "{hand:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_get_word_about_their_trials_and_say_what_is_left() {
    let ground = Ground::new().await;
    let trial = on_trial(&ground).await;
    let renew = Renew { context: trial.context.clone() };
    let before = chrono::Utc::now();
    renew.run().await.unwrap();
    let told: Vec<_> = trial
        .good
        .told()
        .into_iter()
        .filter_map(|(_, order)| match order {
            Order::Renew(order) => Some(order.changes),
            _ => None,
        })
        .collect();
    assert_eq!(told, [vec![trial.change]]);
    let (lease, longest): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("SELECT lease_until, trial_until FROM change")
            .fetch_one(&ground.store.pool)
            .await
            .unwrap();
    assert!((lease - before).num_seconds() >= 899 && (longest - lease).num_seconds() == 6_300);

    let reverting = vec![step(trial.change, 5, ChangeState::Reverting, now())];
    ground.ingester().ingest(trial.agent, 1, Lane::Changes, reverting).await.unwrap();
    renew.run().await.unwrap();
    let renewals = trial.good.told().iter().filter(|(_, order)| matches!(order, Order::Renew(_))).count();
    assert_eq!(renewals, 1, "it is on trial no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_shows_who_holds_a_trial_and_what_may_be_done() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let approver = web.program(Role::Approver).await;
    let path = format!("/api/v1/changes/{}", seed.trial);
    let shown = approver.get(&path).await.good();
    let can =
        |change: &serde_json::Value| ["hold", "release", "keep"].map(|what| change["can"][what] == true);
    assert_eq!((can(&shown), shown["held"].is_null()), ([true, false, true], true));
    let body = json!({ "reason": "sale tonight" });
    web.program(Role::Viewer).await.post(&format!("{path}/hold"), &body).await.problem(403);
    assert_eq!(
        approver.post(&format!("{path}/hold"), &json!({ "reason": "" })).await.problem(400).as_deref(),
        Some("reason")
    );
    let held = approver.post(&format!("{path}/hold"), &body).await.good();
    assert_eq!(can(&held), [false, true, true]);
    assert_eq!(
        (held["held"]["by"].is_string(), held["held"]["reason"].as_str()),
        (true, Some("sale tonight"))
    );
    let kept = approver.post(&format!("{path}/keep"), &body).await.good();
    assert_eq!(can(&kept), [false, true, false]);
    assert!(kept["can"]["keep_reason"].as_str().unwrap().contains("asked for already"));
    let last = kept["events"].as_array().unwrap().last().unwrap()["detail"].clone();
    assert!(
        last.as_str().unwrap().starts_with("kept by") && last.as_str().unwrap().ends_with("sale tonight"),
        "{last}"
    );
}
