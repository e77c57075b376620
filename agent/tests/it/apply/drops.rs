//! Indexes that go because another one does their work, and come back.

use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::wire::order::{Answer, Apply};

use super::crashes::{MAKING, TAKING_BACK, die_in_child};
use super::stage::{Stage, approved, refused};

/// An allow-list with every kind of change in it.
pub(super) const EVERYTHING: &str = "[[allow]]\nkinds = [\"create_index\", \"analyze\", \"drop_index\"]\n";
/// Two indexes that do the same work.
pub(super) const TWINS: &str =
    "CREATE INDEX kept ON orders (customer_id); CREATE INDEX spare ON orders (customer_id)";

async fn stage() -> Stage {
    let stage = Stage::set().await;
    stage.allow(EVERYTHING);
    stage.cluster.execute("shop", TWINS).await.unwrap();
    stage
}

pub(super) fn spare(stage: &Stage) -> Apply {
    stage.dropping(&["customer_id"], "spare", "kept")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_is_dropped_verified_and_built_again() {
    let stage = stage().await;
    let engine = stage.engine();
    let order = spare(&stage);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let trial = engine.reaches(&order, S::Trial).await;
    assert_eq!(trial.observed.unwrap(), "spare is gone, kept is there and valid");
    assert!(trial.sql.unwrap().contains("DROP INDEX CONCURRENTLY"));
    assert_eq!(stage.index_is_valid(&order).await, None);
    let armed = engine.reaches(&order, S::Armed).await;
    assert!(armed.detail.contains("ON public.orders USING btree (customer_id)"), "{}", armed.detail);

    assert_eq!(engine.confirm(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Confirmed).await;
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    let reverted = engine.reaches(&order, S::Reverted).await;
    assert!(reverted.sql.unwrap().contains("CREATE INDEX CONCURRENTLY \"spare\""));
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_that_nobody_allowed_on_this_host_is_refused() {
    let stage = stage().await;
    stage.allow("[[allow]]\n");
    let engine = stage.engine();
    let order = spare(&stage);
    refused(engine.apply(&order).await, "one with kinds = [\"drop_index\"] would");
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_holds_something_stays() {
    let stage = stage().await;
    let engine = stage.engine();
    let stays = async |order: Apply, words: &str| {
        assert_eq!(engine.apply(&order).await, Answer::Accepted);
        let report = engine.settles(&order).await;
        assert_eq!(report.state, S::Rejected);
        assert!(report.detail.contains(words), "{}", report.detail);
    };
    for (make, unmake, words) in [
        ("COMMENT ON INDEX spare IS 'for Eve'", "COMMENT ON INDEX spare IS NULL", "it has a comment"),
        (
            "ALTER INDEX spare SET (fillfactor = 70)",
            "ALTER INDEX spare RESET (fillfactor)",
            "storage parameters",
        ),
        ("CLUSTER orders USING spare", "ALTER TABLE orders SET WITHOUT CLUSTER", "clustered by it"),
        (
            "DROP INDEX kept; CREATE INDEX kept ON orders (customer_id DESC NULLS LAST)",
            "DROP INDEX kept; CREATE INDEX kept ON orders (customer_id)",
            "does not do the work of spare",
        ),
        (
            "DROP INDEX kept; CREATE INDEX kept ON orders (customer_id) WHERE id > 7",
            "DROP INDEX kept; CREATE INDEX kept ON orders (customer_id)",
            "does not do the work of spare",
        ),
    ] {
        stage.cluster.execute("shop", make).await.unwrap();
        stays(spare(&stage), words).await;
        stage.cluster.execute("shop", unmake).await.unwrap();
    }
    stays(stage.dropping(&["id"], "orders_pkey", "kept"), "it enforces a constraint").await;
    stays(stage.dropping(&["created_at"], "spare", "kept"), "another one than was approved").await;
    stays(stage.dropping(&["customer_id"], "nothing", "kept"), "gone already").await;
    refused(engine.apply(&stage.dropping(&["customer_id"], "spare", "spare")).await, "own work");
    let valid = stage.index_is_valid(&spare(&stage)).await;
    assert_eq!(valid, Some(true));
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

/// A reader that stays in its transaction holds a drop up after the index has become INVALID.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_whose_drop_was_held_up_is_built_again() {
    let stage = stage().await;
    let engine = stage.engine();
    let mut reader = stage.cluster.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM orders").execute(&mut reader).await.unwrap();
    let limits = Limits { lock_wait_ms: 100, ..Limits::INDEX_BUILD };
    let order = approved(Apply { limits, ..spare(&stage) });
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reports_that(&order, |report| report.detail.contains("held it up")).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut reader).await.unwrap();
    let end = engine.settles(&order).await;
    assert_eq!(end.state, S::Aborted);
    assert!(end.detail.contains("held it up for more than 0.1 s"), "{}", end.detail);
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

/// Starts the engine again and waits for the end; the journal and the database agree on it.
async fn recovered(stage: &Stage, order: &Apply, unacknowledged: &str, end: &[S]) -> S {
    let engine = stage.engine();
    match unacknowledged {
        "apply" => assert_eq!(engine.apply(order).await, Answer::Accepted),
        "undo" => assert_eq!(engine.undo(order).await, Answer::Accepted),
        _ => {}
    }
    let state = engine.reports_that(order, |report| end.contains(&report.state)).await.state;
    engine.stop().await;
    let there = (state != S::Trial).then_some(true);
    assert_eq!(stage.index_is_valid(order).await, there, "{state}");
    stage.nothing_is_left_over().await;
    state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_survives_every_crash() {
    let mut stage = stage().await;
    for point in MAKING {
        stage.move_to_another_directory();
        stage.allow(EVERYTHING);
        stage
            .cluster
            .execute("shop", "CREATE INDEX IF NOT EXISTS spare ON orders (customer_id)")
            .await
            .unwrap();
        let order = spare(&stage);
        // Only a drop that has to wait takes long enough to be killed in.
        let mut reader = stage.cluster.connect("shop").await.unwrap();
        if point == "running" {
            sqlx::raw_sql("BEGIN; SELECT count(*) FROM orders").execute(&mut reader).await.unwrap();
        }
        die_in_child(&stage, &order, point, &["apply", "trial"]).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut reader).await.unwrap();
        let unacknowledged = if point == "before received" { "apply" } else { "" };
        let end = recovered(&stage, &order, unacknowledged, &[S::Trial, S::Aborted]).await;
        println!("killed {point}: {end}");
        assert!(end == S::Trial || point == "running", "{point}: {end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_that_is_being_taken_back_survives_every_crash() {
    let mut stage = stage().await;
    for point in TAKING_BACK {
        stage.move_to_another_directory();
        stage.allow(EVERYTHING);
        let order = spare(&stage);
        die_in_child(&stage, &order, point, &["apply", "trial", "undo"]).await;
        let unacknowledged = if point == "before revert_intent" { "undo" } else { "" };
        recovered(&stage, &order, unacknowledged, &[S::Reverted]).await;
    }
}
