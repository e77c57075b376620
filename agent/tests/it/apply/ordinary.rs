//! What happens when nothing goes wrong.

use std::sync::atomic::{AtomicUsize, Ordering};

use agent::apply::report::ChangeSink;
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::id::InstanceId;
use querysmith_shared::wire::order::Answer;
use querysmith_shared::wire::report::ChangeReport;

use super::stage::{Engine, Reports, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_is_built_verified_and_taken_back() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let order = stage.index(&["customer_id", "-created_at"]);

    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let trial = engine.reaches(&order, S::Trial).await;
    assert!(trial.duration_ms.is_some());
    assert!(trial.observed.unwrap().contains("USING btree (customer_id, created_at DESC)"));
    assert!(trial.sql.unwrap().contains("CREATE INDEX CONCURRENTLY"));
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    assert_eq!(engine.reports.states(&order), [S::Received, S::Armed, S::Applying, S::Trial]);

    // The same order again is no second change.
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    assert_eq!(engine.confirm(&order).await, Answer::Accepted);
    assert_eq!(engine.confirm(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Confirmed).await;

    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    let reverted = engine.reaches(&order, S::Reverted).await;
    assert!(reverted.sql.unwrap().contains("DROP INDEX CONCURRENTLY"));
    assert_eq!(stage.index_is_valid(&order).await, None);
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    let reports = engine.stop().await;
    assert_eq!(
        reports.states(&order),
        [S::Received, S::Armed, S::Applying, S::Trial, S::Confirmed, S::Reverting, S::Reverted]
    );
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_gathered_and_have_no_undo() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let order = stage.analyze();
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let trial = engine.reaches(&order, S::Trial).await;
    assert!(trial.observed.unwrap().contains("changed_since_analyze = 0"));
    super::stage::refused(engine.undo(&order).await, "no undo");
    assert_eq!(engine.confirm(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Confirmed).await;
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_one_server_take_turns() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let orders = [
        stage.index(&["customer_id"]),
        stage.index(&["created_at"]),
        stage.index(&["note"]),
        stage.analyze(),
    ];
    for order in &orders {
        assert_eq!(engine.apply(order).await, Answer::Accepted);
    }
    for order in &orders {
        engine.reaches(order, S::Trial).await;
    }
    let reports = engine.stop().await;
    let mut spans: Vec<_> = orders
        .iter()
        .map(|order| {
            let at = |state| reports.of(order).iter().find(|report| report.state == state).unwrap().at;
            (at(S::Applying), at(S::Trial))
        })
        .collect();
    spans.sort();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{spans:?}");
    stage.nothing_is_left_over().await;
}

/// A spool that is full at first.
struct FullAtFirst {
    attempts: AtomicUsize,
    reports: Reports,
}

impl ChangeSink for FullAtFirst {
    async fn report(&self, report: ChangeReport, instance: InstanceId) -> anyhow::Result<()> {
        anyhow::ensure!(self.attempts.fetch_add(1, Ordering::Relaxed) > 0, "the spool is full");
        self.reports.report(report, instance).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_are_not_taken_are_offered_again_in_their_order() {
    let stage = Stage::set().await;
    let reports = Reports::default();
    let sink = FullAtFirst { attempts: AtomicUsize::new(0), reports: reports.clone() };
    let engine = Engine::start_with(stage.config(), stage.instances(), sink, reports);
    let order = stage.index(&["customer_id"]);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Trial).await;
    let reports = engine.stop().await;
    assert_eq!(reports.states(&order), [S::Received, S::Armed, S::Applying, S::Trial]);
}
