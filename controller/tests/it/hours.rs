//! Hours are the sums of their minutes, whatever comes late and whoever stops in the middle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::store::Store;
use querysmith_controller::store::hours::SETTLED;
use querysmith_controller::store::value::moment;
use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::Lane;

use crate::ground::{Ground, delta, now, report, stats};

const WINDOW: Duration = Duration::from_secs(15);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// Reports that come late, for three hours that are over, in no order.
const REPORTS: u64 = 120;
/// Statements whose sums differ between the hours as they are read, and their minutes: there are never any.
const WRONG: &str = "
    SELECT count(*)
    FROM (
        SELECT statement_id, sum(calls) AS calls, sum(row_count) AS row_count
        FROM sums_between((SELECT array_agg(instance_id) FROM instance),
                          date_trunc('hour', now(), 'UTC') - interval '29 hours 30 minutes',
                          date_trunc('hour', now(), 'UTC') - interval '29 hours',
                          date_trunc('hour', now(), 'UTC'), 'infinity')
        GROUP BY statement_id
    ) AS read
    FULL JOIN (
        SELECT statement_id, sum(calls) AS calls, sum(row_count) AS row_count
        FROM query_stats_minute
        GROUP BY statement_id
    ) AS minutes USING (statement_id)
    WHERE (read.calls, read.row_count) IS DISTINCT FROM (minutes.calls, minutes.row_count)";

async fn sum_all(store: &Store) {
    while store.roll_up().await.unwrap() > 0 {}
    while store.sum_hours(Utc::now(), TimeDelta::zero()).await.unwrap() > 0 {}
}

fn hour_before(hours: u32) -> Timestamp {
    Timestamp(now().0 / 3_600_000_000 * 3_600_000_000).before(HOUR * hours)
}

async fn come_late(ground: &Ground, agent: AgentId, id: InstanceId) {
    let ingester = ground.ingester();
    for sequence in 1..=REPORTS {
        let minute = u32::try_from(sequence * 37 % 180).unwrap();
        let end = hour_before(5).after(MINUTE * minute + WINDOW * u32::try_from(sequence % 4).unwrap());
        let rows = vec![delta(1, sequence, 1.5), delta(i64::try_from(2 + sequence % 5).unwrap(), 2, 0.5)];
        let body = stats(end.before(WINDOW), end, rows);
        ingester.ingest(agent, 1, Lane::Telemetry, vec![report(sequence, Some(id), body)]).await.unwrap();
    }
}

/// Sums as a controller does that is stopped in the middle every other time, somewhere else each time.
async fn sum_with_stops(store: &Store, is_over: &AtomicBool) {
    for round in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let stop = async {
            for _ in 0..(round * 7 % 90) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = sum_all(store) => {}
            () = stop => sum_all(store).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_counts_once_while_controllers_sum_and_stop_and_windows_come_late() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let is_over = AtomicBool::new(false);
    let write = async {
        come_late(&ground, agent, id).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let look = async {
        while !is_over.load(Ordering::Relaxed) {
            assert_eq!(ground.count(WRONG).await, 0);
        }
    };
    let first = sum_with_stops(&ground.store, &is_over);
    let second = sum_with_stops(&ground.store, &is_over);
    tokio::join!(write, look, first, second);
    sum_all(&ground.store).await;
    for (expected, sql) in [
        (0, WRONG),
        (0, "SELECT count(*) FROM hour_due"),
        (0, "SELECT count(*) FROM rollup_due"),
        (3, "SELECT count(DISTINCT hour) FROM query_stats_hour"),
        (6, "SELECT count(DISTINCT statement_id) FROM query_stats_hour"),
        ((1..=REPORTS.cast_signed()).sum(), "SELECT sum(calls)::bigint FROM query_stats_hour WHERE statement_id = 1"),
        (
            0,
            "SELECT count(*)
             FROM (SELECT statement_id, date_trunc('hour', window_end, 'UTC') AS hour, sum(calls) AS calls,
                          sum(blocks_hit) AS hit, sum(total_ms) AS ms
                   FROM query_stats GROUP BY 1, 2) AS raw
             FULL JOIN query_stats_hour AS h USING (statement_id, hour)
             WHERE (h.calls, h.blocks_hit) IS DISTINCT FROM (raw.calls, raw.hit) OR abs(h.total_ms - raw.ms) > 1e-9",
        ),
        (
            0,
            "SELECT count(*)
             FROM (SELECT date_trunc('hour', window_end, 'UTC') AS hour, sum(window_end - window_start) AS covered
                   FROM stats_window GROUP BY 1) AS raw
             FULL JOIN stats_hour USING (hour)
             WHERE make_interval(secs => covered_s) IS DISTINCT FROM covered",
        ),
    ] {
        assert_eq!(ground.count(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn an_hour_without_statements_is_covered_and_an_hour_that_is_not_over_waits() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let ingester = ground.ingester();
    let mut reports = Vec::new();
    for n in 0..240 {
        let end = hour_before(3).after(WINDOW * n);
        reports.push(report(u64::from(n) + 1, Some(id), stats(end.before(WINDOW), end, Vec::new())));
    }
    ingester.ingest(agent, 1, Lane::Telemetry, reports).await.unwrap();
    let this_hour = stats(now().before(WINDOW), now(), vec![delta(1, 1, 1.0)]);
    ingester.ingest(agent, 1, Lane::Telemetry, vec![report(241, Some(id), this_hour)]).await.unwrap();
    while ground.store.roll_up().await.unwrap() > 0 {}
    // What was noted just now is not summed yet: more of the same may come.
    assert_eq!(ground.store.sum_hours(Utc::now(), SETTLED).await.unwrap(), 0);
    sum_all(&ground.store).await;
    assert_eq!(ground.count("SELECT covered_s::bigint FROM stats_hour").await, 3_600);
    assert_eq!(ground.count("SELECT count(*) FROM query_stats_hour").await, 0);
    assert_eq!(ground.count("SELECT count(*) FROM hour_due").await, 1);
    let (from, to) = (moment(hour_before(10)), moment(now()));
    let covered = ground.store.read_coverage(&[id.0], from, to).await.unwrap();
    assert!((3_600.0..=3_630.0).contains(&covered[0].covered_s), "{covered:?}");
}

#[tokio::test]
async fn what_was_stored_before_there_were_hours_is_read_and_summed() {
    let ground = Ground::new().await;
    let (_, id) = ground.agent().await;
    sqlx::query(
        "INSERT INTO query_stats_minute
         SELECT $1, 7, date_trunc('minute', now()) - make_interval(mins => age), 1, 1, 3.5, 9.0, 1, 1, 0, 0, 0, 0
         FROM generate_series(1, 1500) AS age",
    )
    .bind(id.0)
    .execute(&ground.store.pool)
    .await
    .unwrap();
    let migration = include_str!("../../../migrations/0008_hours.sql");
    let fill = migration.split_inclusive(';').find(|statement| statement.contains("INSERT INTO hour_due"));
    sqlx::raw_sql(fill.unwrap()).execute(&ground.store.pool).await.unwrap();
    assert_eq!(ground.count(WRONG).await, 0);
    while ground.store.sum_hours(Utc::now(), TimeDelta::zero()).await.unwrap() > 0 {
        assert_eq!(ground.count(WRONG).await, 0);
    }
    let open = ground.count("SELECT count(*) FROM hour_due").await;
    assert!((1..=2).contains(&open), "{open}");
    assert!(ground.count("SELECT count(*) FROM query_stats_hour").await >= 24);
}
