//! Databases and neighbours that make trouble while a change is carried out.

use std::time::Duration;

use agent::apply::fault::{FaultPoint, Faults};
use agent::engines::postgres::change::{ChangeTarget, application_name, scope_key};
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::wire::order::{Answer, Apply};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::stage::{Engine, Stage, approved};

const BUILDING: &str = "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'";

async fn connect_as(stage: &Stage, role: &str) -> PgConnection {
    PgConnection::connect(&stage.cluster.url_as(role, "shop")).await.unwrap()
}

async fn builds(stage: &Stage, engine: &Engine, order: &Apply) {
    assert_eq!(engine.apply(order).await, Answer::Accepted);
    stage.eventually(BUILDING).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_waits_for_an_old_snapshot_and_says_so() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let mut old = stage.old_snapshot().await;
    let order = stage.index(&["customer_id"]);
    builds(&stage, &engine, &order).await;
    let report = engine.reports_that(&order, |report| report.detail.contains("waiting for")).await;
    assert!(report.detail.contains("waiting for old snapshots"), "{}", report.detail);
    sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
    engine.reaches(&order, S::Trial).await;
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_does_not_begin_behind_a_long_transaction() {
    let stage = Stage::set().await;
    let mut old = stage.old_snapshot().await;
    let mut config = stage.config();
    config.stalling_after = Duration::from_millis(1);
    let engine = Engine::start(config, stage.instances());
    let order = stage.index(&["customer_id"]);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let report = engine.reports_that(&order, |report| report.detail.starts_with("waiting for")).await;
    assert_eq!(report.state, S::Armed);
    assert!(report.detail.contains("a transaction of process"), "{}", report.detail);
    assert_eq!(stage.index_is_valid(&order).await, None);
    sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
    engine.reaches(&order, S::Trial).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_build_leaves_is_removed() {
    let stage = Stage::set().await;
    let engine = stage.engine();

    // Somebody cancels it.
    let mut old = stage.old_snapshot().await;
    let order = stage.index(&["customer_id"]);
    builds(&stage, &engine, &order).await;
    assert_eq!(stage.index_is_valid(&order).await, Some(false));
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_progress_create_index";
    stage.cluster.execute("shop", cancel).await.unwrap();
    engine.reports_that(&order, |report| report.detail.contains("57014")).await;
    sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
    let aborted = engine.settles(&order).await;
    assert_eq!(aborted.state, S::Aborted);
    assert!(aborted.detail.contains("cancelled"), "{}", aborted.detail);
    assert_eq!(stage.index_is_valid(&order).await, None);

    // A lock is held for longer than the limit.
    let mut writer = stage.cluster.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; UPDATE orders SET note = '' WHERE id = 1").execute(&mut writer).await.unwrap();
    let impatient =
        Apply { limits: Limits { lock_wait_ms: 100, ..Limits::INDEX_BUILD }, ..stage.index(&["note"]) };
    let order = approved(impatient);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reports_that(&order, |report| report.detail.contains("the undo failed")).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut writer).await.unwrap();
    let aborted = engine.settles(&order).await;
    assert_eq!(aborted.state, S::Aborted);
    assert!(aborted.detail.contains("held it up for more than 0.1 s"), "{}", aborted.detail);

    // The values don't fit into an index.
    stage.make_notes_too_long().await;
    let order = stage.index(&["note"]);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let aborted = engine.settles(&order).await;
    assert_eq!(aborted.state, S::Aborted);
    assert!(aborted.detail.contains("too long for an index"), "{}", aborted.detail);
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_cancels_a_running_build() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let mut old = stage.old_snapshot().await;
    let order = stage.index(&["customer_id"]);
    builds(&stage, &engine, &order).await;
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    stage.eventually("SELECT count(*) = 0 FROM pg_stat_progress_create_index").await;
    sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
    engine.reaches(&order, S::Reverted).await;
    assert_eq!(stage.index_is_valid(&order).await, None);
    let reports = engine.stop().await;
    assert_eq!(reports.states(&order), [S::Received, S::Armed, S::Applying, S::Reverting, S::Reverted]);
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_cancels_a_running_analyze() {
    let stage = Stage::set().await;
    // Longer than the ANALYZE waits for its lock by itself.
    let order = stage.analyze();
    let order = approved(Apply { limits: Limits { lock_wait_ms: 600_000, ..order.limits }, ..order });
    let engine = stage.engine();
    let mut holder = stage.cluster.connect("shop").await.unwrap();
    let sql = "BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE";
    sqlx::raw_sql(sql).execute(&mut holder).await.unwrap();
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    stage.eventually("SELECT count(*) = 1 FROM pg_locks WHERE NOT granted").await;
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    let end = engine.settles(&order).await;
    assert_eq!((end.state, end.detail.contains("it harms")), (S::Aborted, true), "{}", end.detail);
    stage.eventually("SELECT count(*) = 0 FROM pg_locks WHERE NOT granted").await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stop_file_cancels_a_running_build() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let mut old = stage.old_snapshot().await;
    let order = stage.index(&["customer_id"]);
    builds(&stage, &engine, &order).await;
    std::fs::write(stage.directory.path().join("stop-changes"), "").unwrap();
    stage.eventually("SELECT count(*) = 0 FROM pg_stat_progress_create_index").await;
    sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
    let end = engine.settles(&order).await;
    assert_eq!(end.state, S::Aborted);
    assert!(end.detail.contains("stop-changes"), "{}", end.detail);
    assert_eq!(stage.index_is_valid(&order).await, None);
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_of_one_change_does_not_wait_for_the_build_of_another() {
    let stage = Stage::set().await;
    stage
        .cluster
        .execute("shop", "CREATE TABLE other (id integer); ALTER TABLE other OWNER TO owner")
        .await
        .unwrap();
    let engine = stage.engine();
    let mut first = stage.index(&["id"]);
    if let querysmith_shared::change::Change::CreateIndex(index) = &mut first.what {
        index.table.name = "other".into();
        index.name = querysmith_shared::change::index_name(first.change, &index.table, &index.keys);
    }
    let first = approved(first);
    assert_eq!(engine.apply(&first).await, Answer::Accepted);
    engine.reaches(&first, S::Trial).await;
    // A writer holds up the build on orders, but not what happens to another table.
    let mut writer = stage.cluster.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; UPDATE orders SET note = '' WHERE id = 1").execute(&mut writer).await.unwrap();
    let second = stage.index(&["customer_id"]);
    builds(&stage, &engine, &second).await;
    assert_eq!(engine.undo(&first).await, Answer::Accepted);
    engine.reaches(&first, S::Reverted).await;
    assert_eq!(engine.reports.states(&second).last(), Some(&S::Applying));
    sqlx::raw_sql("ROLLBACK").execute(&mut writer).await.unwrap();
    engine.reaches(&second, S::Trial).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_agent_at_the_same_table_is_waited_for() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let order = stage.index(&["customer_id"]);
    let mut other = connect_as(&stage, "qs_apply").await;
    let key = scope_key("shop", order.what.table());
    sqlx::raw_sql("SET application_name = 'querysmith/someelse/apply'").execute(&mut other).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)").bind(key).execute(&mut other).await.unwrap();
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let report = engine.reports_that(&order, |report| report.detail.contains("in use by")).await;
    assert!(report.detail.contains("querysmith/someelse/apply"), "{}", report.detail);
    assert_eq!(stage.index_is_valid(&order).await, None);
    other.close().await.unwrap();
    engine.reaches(&order, S::Trial).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_somebody_who_is_no_agent_stops_a_change_and_no_undo() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let in_place = stage.index(&["created_at"]);
    assert_eq!(engine.apply(&in_place).await, Answer::Accepted);
    engine.reaches(&in_place, S::Trial).await;
    let order = stage.index(&["customer_id"]);
    // Under the name of an agent, which anybody may take.
    let mut stranger = connect_as(&stage, "stranger").await;
    let name = format!("SET application_name = '{}'", application_name(order.change, "apply"));
    sqlx::raw_sql(AssertSqlSafe(name)).execute(&mut stranger).await.unwrap();
    let lock = sqlx::query("SELECT pg_advisory_lock($1)").bind(scope_key("shop", order.what.table()));
    lock.execute(&mut stranger).await.unwrap();
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let end = engine.settles(&order).await;
    assert_eq!(end.state, S::Aborted);
    assert!(end.detail.contains("of role stranger holds the lock"), "{}", end.detail);
    assert_eq!(engine.undo(&in_place).await, Answer::Accepted);
    engine.reaches(&in_place, S::Reverted).await;
    assert_eq!(stage.index_is_valid(&in_place).await, None);
    stranger.close().await.unwrap();
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_session_of_an_earlier_run_is_ended() {
    let stage = Stage::set().await;
    let order = stage.index(&["customer_id"]);
    // Its client's host is gone, and the server hasn't noticed.
    let target = ChangeTarget::from_url(&stage.cluster.url_as("qs_apply", "shop")).unwrap();
    let mut dead = target.open("shop", order.change, "apply").await.unwrap();
    assert!(dead.lock_scope(scope_key("shop", order.what.table())).await.unwrap());
    let engine = stage.engine();
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reports_that(&order, |report| report.detail.contains("begun by an earlier run")).await;
    engine.reaches(&order, S::Trial).await;
    assert!(dead.lock_scope(1).await.is_err());
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_waited_for() {
    let mut stage = Stage::set().await;
    let engine = stage.engine();
    stage.cluster.stop_fast().unwrap();
    let order = stage.index(&["customer_id"]);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reports_that(&order, |report| report.detail.contains("can't be reached")).await;
    stage.cluster.start_again().unwrap();
    engine.reaches(&order, S::Trial).await;
    stage.cluster.stop_fast().unwrap();
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    engine
        .reports_that(&order, |report| report.state == S::Reverting && report.detail.contains("can't be"))
        .await;
    stage.cluster.start_again().unwrap();
    engine.reaches(&order, S::Reverted).await;
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_in_the_middle_leaves_nothing_behind() {
    let mut stage = Stage::set().await;
    let engine = stage.engine();
    let old = stage.old_snapshot().await;
    let order = stage.index(&["customer_id"]);
    builds(&stage, &engine, &order).await;
    stage.cluster.stop_immediate().unwrap();
    drop(old);
    stage.cluster.start_again().unwrap();
    let end = engine.settles(&order).await;
    match end.state {
        S::Aborted => assert_eq!(stage.index_is_valid(&order).await, None),
        S::Trial => assert_eq!(stage.index_is_valid(&order).await, Some(true)),
        state => panic!("{state}: {}", end.detail),
    }
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_somebody_else_undid_is_noticed_at_the_next_start() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let order = stage.index(&["customer_id"]);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let trial = engine.reaches(&order, S::Trial).await;
    let reports = engine.stop().await;
    assert_eq!(reports.of(&order).last(), Some(&trial));
    let definition = trial.observed.unwrap();
    let name = definition.split_whitespace().nth(2).unwrap();
    stage.cluster.execute("shop", &format!("DROP INDEX {name}")).await.unwrap();
    let engine = stage.engine();
    engine.reaches(&order, S::Reverted).await;
    let reports = engine.stop().await;
    // What was reported before is not reported again.
    assert_eq!(reports.states(&order), [S::Reverting, S::Reverted]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_the_agent_ends_a_build_and_removes_what_it_left() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let mut writer = stage.cluster.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; UPDATE orders SET note = '' WHERE id = 1").execute(&mut writer).await.unwrap();
    let order = stage.index(&["customer_id"]);
    builds(&stage, &engine, &order).await;
    let stopping = tokio::spawn(engine.stop());
    stage.eventually("SELECT count(*) = 0 FROM pg_stat_progress_create_index").await;
    sqlx::raw_sql("ROLLBACK").execute(&mut writer).await.unwrap();
    let reports = stopping.await.unwrap();
    let end = reports.of(&order).pop().unwrap();
    assert_eq!(end.state, S::Aborted);
    assert!(end.detail.contains("the agent was stopped"), "{}", end.detail);
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyze_that_the_server_skips_is_not_taken_for_done() {
    let stage = Stage::set().await;
    // The table gets another owner at the last moment; of that PostgreSQL only warns.
    let url = stage.cluster.url("shop");
    let mut config = stage.config();
    config.faults = Faults::new(move |point| {
        if point == FaultPoint::AfterLine("intent") {
            let url = url.clone();
            let work = async move {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::raw_sql("ALTER TABLE orders OWNER TO postgres").execute(&mut connection).await.unwrap();
            };
            let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            std::thread::spawn(move || runtime().block_on(work)).join().unwrap();
        }
        false
    });
    let engine = Engine::start(config, stage.instances());
    let order = stage.analyze();
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let end = engine.settles(&order).await;
    assert_eq!(end.state, S::Aborted);
    assert!(end.detail.contains("skipped the table without an error"), "{}", end.detail);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphaned_build_is_adopted() {
    let stage = Stage::set().await;
    let order = stage.index(&["customer_id"]);
    super::crashes::die_in_child(&stage, &order, "after intent", &["apply"]).await;
    // The statement arrived just before the agent died, on a server that doesn't notice dead clients.
    let statements = querysmith_shared::dialect::postgres::render(&order.what, order.limits).unwrap().apply;
    let mut orphan = connect_as(&stage, "qs_apply").await;
    let name =
        format!("SET application_name = '{}'; SET ROLE owner", application_name(order.change, "apply"));
    sqlx::raw_sql(AssertSqlSafe(name)).execute(&mut orphan).await.unwrap();
    let key = scope_key("shop", order.what.table());
    sqlx::query("SELECT pg_advisory_lock($1)").bind(key).execute(&mut orphan).await.unwrap();
    let mut old = stage.old_snapshot().await;
    let build = tokio::spawn(async move {
        let statement = statements.last().unwrap().clone();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut orphan).await.unwrap();
        orphan.close().await.unwrap();
    });
    stage.eventually(BUILDING).await;
    let engine = stage.engine();
    engine.reports_that(&order, |report| report.detail.contains("begun by an earlier run")).await;
    sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
    build.await.unwrap();
    engine.reaches(&order, S::Trial).await;
    assert_eq!(stage.index_is_valid(&order).await, Some(true));
    engine.stop().await;
    stage.nothing_is_left_over().await;
}
