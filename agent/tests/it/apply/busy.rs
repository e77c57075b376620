//! Nothing begins on a server that is too busy for it, and all of it begins once it no longer is.

use std::sync::atomic::{AtomicU8, Ordering};

use agent::apply::throttle::Pressure;
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::wire::order::{Answer, Apply};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use sqlx::Connection;

use super::settings;
use super::stage::{Engine, Stage};

async fn waits(engine: &Engine, order: &Apply, reason: &str) {
    assert_eq!(engine.apply(order).await, Answer::Accepted);
    let told =
        engine.reports_that(order, |report| report.detail.contains("waiting for a quieter hour")).await;
    assert!(told.detail.contains(reason), "{}", told.detail);
    assert_eq!(told.state, S::Armed);
}

/// What the kernel would say of the host's CPUs, per cent.
static CPU_PERCENT: AtomicU8 = AtomicU8::new(0);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_waits_for_the_host_and_no_turn_or_lock_is_held_meanwhile() {
    let stage = settings::stage().await;
    let mut config = stage.config();
    config.pressure =
        || Some(Pressure { cpu_percent: CPU_PERCENT.load(Ordering::Relaxed).into(), io_percent: 0.0 });
    let engine = Engine::start(config, stage.instances());
    CPU_PERCENT.store(93, Ordering::Relaxed);
    let index = stage.index(&["customer_id"]);
    waits(
        &engine,
        &index,
        "waited for a CPU in 93 % of the last five minutes, and this host's limit is 80 %",
    )
    .await;
    // What is no work goes on, and nobody is kept from the table.
    let set = stage.setting("jit", "on", "off");
    assert_eq!(engine.apply(&set).await, Answer::Accepted);
    engine.reaches(&set, S::Trial).await;
    stage.nothing_is_left_over().await;
    // What waits can be withdrawn.
    let withdrawn = stage.index(&["note"]);
    waits(&engine, &withdrawn, "93 %").await;
    assert_eq!(engine.undo(&withdrawn).await, Answer::Accepted);
    engine.reaches(&withdrawn, S::Aborted).await;

    CPU_PERCENT.store(10, Ordering::Relaxed);
    engine.reaches(&index, S::Trial).await;
    // What is in place is taken back on the busiest of hosts.
    CPU_PERCENT.store(100, Ordering::Relaxed);
    assert_eq!(engine.undo(&index).await, Answer::Accepted);
    engine.reaches(&index, S::Reverted).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_waits_for_a_standby_that_is_behind() {
    let stage = Stage::set().await;
    stage.allow("[throttle]\nreplication_lag_bytes = '1MB'\nreplication_lag_s = 36000\n[[allow]]\n");
    let standby = Cluster::start_standby(&stage.cluster, Options::default()).unwrap();
    stage.eventually("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'").await;
    standby.execute("postgres", "SELECT pg_wal_replay_pause()").await.unwrap();
    let mut connection = standby.connect("postgres").await.unwrap();
    let paused =
        "SELECT 1 FROM (SELECT pg_get_wal_replay_pause_state() AS state) AS s WHERE state = 'paused'";
    while sqlx::query(paused).fetch_optional(&mut connection).await.unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    stage
        .cluster
        .execute("shop", "CREATE TABLE far AS SELECT n FROM generate_series(1, 100000) AS n")
        .await
        .unwrap();
    let engine = stage.engine();
    let index = stage.index(&["customer_id"]);
    waits(&engine, &index, "behind, and this host's limit is 1.0 MB").await;
    standby.execute("postgres", "SELECT pg_wal_replay_resume()").await.unwrap();
    engine.reaches(&index, S::Trial).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_waits_until_a_queue_for_locks_is_gone() {
    let stage = Stage::set().await;
    stage.allow("[throttle]\nblocked_sessions = 0\n[[allow]]\n");
    stage.cluster.execute("shop", "CREATE TABLE queue ()").await.unwrap();
    let mut first = stage.cluster.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE queue").execute(&mut first).await.unwrap();
    let mut second = stage.cluster.connect("shop").await.unwrap();
    let waiting = tokio::spawn(async move {
        sqlx::raw_sql("BEGIN; LOCK TABLE queue; COMMIT").execute(&mut second).await.unwrap();
    });
    let old = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
               AND query_start < clock_timestamp() - interval '6 seconds'";
    stage.eventually(old).await;
    let engine = stage.engine();
    let analyze = stage.analyze();
    waits(&engine, &analyze, "1 sessions wait for locks for more than 5 s, and this host's limit is 0").await;
    sqlx::raw_sql("ROLLBACK").execute(&mut first).await.unwrap();
    first.close().await.unwrap();
    waiting.await.unwrap();
    engine.reaches(&analyze, S::Trial).await;
    engine.stop().await;
}
