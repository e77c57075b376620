//! Reports: in order, once, whatever breaks on the way.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use agent::link::outbox::{Outbox, SpoolConfig};
use querysmith_shared::id::{InstanceId, StatementId};
use querysmith_shared::observation::query_stats::{Coverage, QueryStats, StatementDelta};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{Lane, ReportBody};
use uuid::Uuid;

use super::log::{Side, has};
use super::world::{Agent, Controller, Place, now, until};

fn statistics(window: i64, calls: u64) -> ReportBody {
    let row = StatementDelta {
        statement: StatementId(1),
        calls,
        rows: 1,
        total_ms: 1.0,
        sum_squares_ms2: 1.0,
        blocks_hit: 0,
        blocks_read: 0,
        blocks_dirtied: 0,
        blocks_written: 0,
        temp_blocks_read: 0,
        temp_blocks_written: 0,
        io_ms: 0.0,
        wal_bytes: 0,
    };
    let rows =
        (0..300).map(|statement| StatementDelta { statement: StatementId(statement), ..row }).collect();
    ReportBody::QueryStats(QueryStats {
        window_start: Timestamp(window * 60_000_000),
        window_end: Timestamp((window + 1) * 60_000_000),
        rows,
        coverage: Coverage::default(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn both_lanes_arrive_in_order_and_the_spool_is_emptied() {
    let controller = Controller::start().await;
    let agent = controller.agent().await;
    for _ in 0..100 {
        agent.telemetry().await;
    }
    for _ in 0..5 {
        agent.change().await;
    }
    let all: Vec<u64> = (1..=100).collect();
    until("all telemetry is stored", || controller.memory.stored(Lane::Telemetry) == all).await;
    until("all changes are stored", || controller.memory.stored(Lane::Changes) == [1, 2, 3, 4, 5]).await;
    until("the spool is empty", || agent.outbox.stats().reports == 0).await;
    assert_eq!(controller.memory.offered_again.load(Ordering::SeqCst), 0);
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_while_the_controller_was_away_is_merged_not_lost_and_counted_once() {
    let controller = Controller::start().await;
    let state = Place::new();
    let id = controller.enrol(&controller.token(Duration::from_secs(60)), &state).await.unwrap();
    let nowhere = "127.0.0.1:9".parse().unwrap();
    // Room for about ten of these reports: the others have to be merged into them.
    let small = SpoolConfig { max_bytes: 100_000, ..SpoolConfig::default() };
    let outbox = Outbox::open(state.path(), small).unwrap();
    let agent = Agent::run_with(id, state, nowhere, outbox);
    let instance = Some(InstanceId(Uuid::from_u128(4)));
    for window in 0..60 {
        let body = statistics(window, 1);
        agent.outbox.append(Lane::Telemetry, now(), instance, body).await.unwrap();
        assert!(agent.outbox.stats().bytes <= small.max_bytes, "{:?}", agent.outbox.stats());
    }
    assert_eq!(agent.outbox.stats().dropped_reports, 0);
    let outbox = agent.outbox.clone();
    let (state, id) = (agent.state, agent.id);
    outbox.close().await;
    let agent = Agent::run(id, state, controller.address);
    until("the spool is empty", || agent.outbox.stats().reports == 0 && controller.fleet.is_connected(id))
        .await;
    let stored = controller.memory.bodies(Lane::Telemetry);
    let calls: u64 = stored
        .iter()
        .map(|report| match &report.body {
            ReportBody::QueryStats(stats) => stats.rows.iter().map(|row| row.calls).sum(),
            _ => 0,
        })
        .sum();
    assert_eq!(calls, 60 * 300);
    assert!(stored.len() < 20, "{} reports", stored.len());
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_stored_is_set_aside_and_the_others_pass() {
    let controller = Controller::start().await;
    controller.memory.refuse_report(3);
    let agent = controller.agent().await;
    for _ in 0..6 {
        agent.telemetry().await;
    }
    until("the others are stored", || controller.memory.stored(Lane::Telemetry) == [1, 2, 4, 5, 6]).await;
    until("the spool is empty", || agent.outbox.stats().reports == 0).await;
    assert!(has(Side::Agent, &["it is kept aside", "a stand-in's whim"]));
    assert!(has(Side::Controller, &["a stand-in's whim"]));
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_wait_while_the_store_is_away() {
    let controller = Controller::start().await;
    let agent = controller.agent().await;
    controller.memory.away.store(true, Ordering::SeqCst);
    for _ in 0..40 {
        agent.telemetry().await;
    }
    until("the controller says so", || has(Side::Controller, &["the store is away; reports wait"])).await;
    assert!(controller.memory.stored(Lane::Telemetry).is_empty());
    assert!(controller.fleet.is_connected(agent.id));
    controller.memory.away.store(false, Ordering::SeqCst);
    until("all is stored", || controller.memory.stored(Lane::Telemetry).len() == 40).await;
    assert_eq!(controller.memory.stored(Lane::Telemetry), (1..=40).collect::<Vec<_>>());
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_reports_pass_quickly() {
    let controller = Controller::start().await;
    let state = Place::new();
    let id = controller.enrol(&controller.token(Duration::from_secs(60)), &state).await.unwrap();
    let outbox = Outbox::open(state.path(), SpoolConfig::default()).unwrap();
    let instance = Some(InstanceId(Uuid::from_u128(4)));
    let begun = Instant::now();
    for group in 0..25 {
        let appends =
            (0..20).map(|at| outbox.append(Lane::Telemetry, now(), instance, statistics(group * 20 + at, 1)));
        futures_util::future::join_all(appends).await;
    }
    let (appended, bytes) = (begun.elapsed(), outbox.stats().bytes);
    let begun = Instant::now();
    let agent = Agent::run_with(id, state, controller.address, outbox);
    until("all is stored", || controller.memory.stored(Lane::Telemetry).len() == 500).await;
    println!(
        "500 reports, {bytes} bytes: appended in {appended:?}, sent and stored in {:?}",
        begun.elapsed()
    );
    until("the spool is empty", || agent.outbox.stats().reports == 0).await;
    assert_eq!(controller.memory.offered_again.load(Ordering::SeqCst), 0);
    agent.stop().await;
    controller.fleet.shutdown().await;
}
