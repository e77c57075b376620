//! What an administrator does on the host, without any controller.

use std::time::Duration;

use agent::apply::offline::print_journal;
use agent::apply::revert::{Outcome, RevertTarget, revert};
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::id::InstanceId;
use querysmith_shared::wire::order::Answer;
use uuid::Uuid;

use super::stage::{Engine, LIMIT, Stage};

const REVERTED: Outcome = Outcome::Ended(S::Reverted);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_needs_no_controller() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let kept = stage.index(&["customer_id"]);
    let on_trial = stage.index(&["created_at"]);
    for order in [&kept, &on_trial] {
        assert_eq!(engine.apply(order).await, Answer::Accepted);
        engine.reaches(order, S::Trial).await;
    }
    assert_eq!(engine.confirm(&kept).await, Answer::Accepted);
    let print = || {
        let mut text = Vec::new();
        print_journal(stage.directory.path(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    // While the agent runs it is read from a copy.
    assert!(print().contains("chain verified"));
    let revert = |target| revert(stage.config(), stage.instances(), target, "at night", LIMIT);
    let refused = revert(RevertTarget::All).await.unwrap_err();
    assert!(format!("{refused:#}").contains("stop the agent first"), "{refused:#}");
    engine.stop().await;

    assert_eq!(revert(RevertTarget::All).await.unwrap(), [(on_trial.change, REVERTED)]);
    assert_eq!(stage.index_is_valid(&on_trial).await, None);
    assert_eq!(stage.index_is_valid(&kept).await, Some(true));
    // The host's own word needs no permission.
    stage.allow("enabled = false\n");
    let target = RevertTarget::Change(kept.change);
    assert_eq!(revert(target).await.unwrap(), [(kept.change, REVERTED)]);
    assert_eq!(stage.index_is_valid(&kept).await, None);
    assert_eq!(print().matches("at night").count(), 2);

    // The controller is told at the next start.
    let engine = stage.engine();
    engine.reaches(&kept, S::Reverted).await;
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_taken_back_is_whatever_holds_up_the_rest() {
    let stage = Stage::set().await;
    let mut away = Stage::set().await;
    away.instance = InstanceId(Uuid::from_u128(8));
    let mut closed = Stage::set().await;
    closed.instance = InstanceId(Uuid::from_u128(9));
    let instances = [stage.instances(), away.instances()].concat();
    let all = || [instances.clone(), closed.instances()].concat();
    let engine = Engine::start(stage.config(), all());
    // The oldest of all can't be taken back; then come a server that doesn't answer and one without a role.
    let statistics = stage.analyze();
    let unreachable = away.index(&["customer_id"]);
    let unconnected = closed.index(&["customer_id"]);
    let newest = stage.index(&["customer_id"]);
    for order in [&statistics, &unreachable, &unconnected, &newest] {
        assert_eq!(engine.apply(order).await, Answer::Accepted);
        engine.reaches(order, S::Trial).await;
    }
    engine.stop().await;
    away.cluster.stop_fast().unwrap();

    let revert = |limit| revert(stage.config(), instances.clone(), RevertTarget::All, "at night", limit);
    let outcomes = revert(Duration::from_secs(5)).await.unwrap();
    let of = |change| outcomes.iter().find(|(id, _)| *id == change).map(|(_, outcome)| outcome).unwrap();
    assert_eq!(*of(newest.change), REVERTED);
    assert_eq!(stage.index_is_valid(&newest).await, None);
    assert!(
        matches!(of(statistics.change), Outcome::LeftAlone(why) if why.contains("no undo")),
        "{outcomes:?}"
    );
    assert!(
        matches!(of(unreachable.change), Outcome::NotYet(why) if why.contains("in time")),
        "{outcomes:?}"
    );
    assert!(
        matches!(of(unconnected.change), Outcome::NotYet(why) if why.contains("apply_url")),
        "{outcomes:?}"
    );
    let good: Vec<bool> = outcomes.iter().map(|(_, outcome)| outcome.is_good()).collect();
    assert_eq!(good, [true, false, false, true]);

    // The agent goes on when it runs.
    away.cluster.start_again().unwrap();
    let engine = Engine::start(stage.config(), all());
    for (order, stage) in [(&unreachable, &away), (&unconnected, &closed)] {
        engine.reaches(order, S::Reverted).await;
        assert_eq!(stage.index_is_valid(order).await, None);
    }
    engine.stop().await;
    let outcomes = revert(LIMIT).await.unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_good()), "{outcomes:?}");
}
