//! Reports become rows, once.

use std::time::Duration;

use querysmith_controller::fleet::store::{Ingest, IngestError};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{Lane, ReportBody};

use crate::bodies::every_body;
use crate::ground::{DAY, Ground, delta, instance, now, report, stats};

const WINDOW: Duration = Duration::from_secs(15);

#[tokio::test]
async fn every_kind_of_report_is_stored_once() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let ingester = ground.ingester();
    let reports: Vec<_> =
        (1..).zip(every_body(agent, id)).map(|(sequence, body)| report(sequence, Some(id), body)).collect();
    let last = reports.last().unwrap().sequence;
    for _ in 0..3 {
        let stored = ingester.ingest(agent, 5, Lane::Telemetry, reports.clone()).await.unwrap();
        assert_eq!(stored, last);
    }
    for (expected, sql) in [
        (2, "SELECT count(*) FROM query_stats"),
        (1, "SELECT count(*) FROM stats_window"),
        (2, "SELECT count(*) FROM statement"),
        (100_000, "SELECT max(octet_length(text))::bigint FROM statement"),
        (3, "SELECT count(*) FROM plan"),
        (1, "SELECT count(*) FROM plan_problem"),
        (1, "SELECT count(*) FROM schema_table"),
        (2, "SELECT count(*) FROM index_history WHERE gone_at IS NOT NULL"),
        (2, "SELECT count(*) FROM mark WHERE kind = 'index_gone'"),
        (1, "SELECT count(*) FROM mark WHERE kind = 'plan_change'"),
        (1, "SELECT count(*) FROM mark WHERE kind = 'restart'"),
        (1, "SELECT count(*) FROM table_usage"),
        (1, "SELECT count(*) FROM setting"),
        (1, "SELECT count(*) FROM host_sample"),
        (1, "SELECT count(*) FROM activity_sample"),
        (1, "SELECT count(*) FROM instance WHERE jsonb_array_length(collectors) = 1"),
        (1, "SELECT count(*) FROM agent WHERE cost IS NOT NULL"),
        (1, "SELECT count(*) FROM telemetry_gap"),
        (last.cast_signed(), "SELECT sum(reports)::bigint FROM ingest_watermark"),
    ] {
        assert_eq!(ground.count(sql).await, expected, "{sql}");
    }
    let watermarks = ground.store.watermarks(agent, 5).await.unwrap();
    assert_eq!((watermarks.telemetry, watermarks.changes), (last, 0));
}

#[tokio::test]
async fn minutes_are_exact_however_often_and_late_rows_come() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let ingester = ground.ingester();
    let minute = Timestamp(now().0 / 60_000_000 * 60_000_000).before(Duration::from_secs(600));
    let window = |n: u64| minute.after(Duration::from_secs(15 * n));
    for sequence in 1..=8 {
        let body = stats(window(sequence - 1), window(sequence), vec![delta(1, 2, 3.0), delta(2, 1, 0.5)]);
        ingester.ingest(agent, 5, Lane::Telemetry, vec![report(sequence, Some(id), body)]).await.unwrap();
        if sequence % 3 == 0 {
            while ground.store.roll_up().await.unwrap() > 0 {}
        }
    }
    // Late rows for a day that has no partition, and for a minute that is summed already.
    let late = minute.before(DAY).before(DAY);
    let body = stats(late.before(WINDOW), late, vec![delta(1, 100, 1.0)]);
    ingester.ingest(agent, 5, Lane::Telemetry, vec![report(9, Some(id), body)]).await.unwrap();
    let body = stats(minute, window(1), vec![delta(1, 1000, 1.0)]);
    ingester.ingest(agent, 5, Lane::Telemetry, vec![report(10, Some(id), body)]).await.unwrap();
    while ground.store.roll_up().await.unwrap() > 0 {}
    for (expected, sql) in [
        (8 * 2 + 100 + 1000, "SELECT sum(calls)::bigint FROM query_stats_minute WHERE statement_id = 1"),
        (8, "SELECT sum(calls)::bigint FROM query_stats_minute WHERE statement_id = 2"),
        (0, "SELECT count(*) FROM rollup_due"),
        (2, "SELECT count(*) FROM statement"),
        (
            0,
            "SELECT count(*)
             FROM (SELECT statement_id, date_trunc('minute', window_end) AS minute, sum(calls) AS calls, sum(total_ms) AS ms
                   FROM query_stats GROUP BY 1, 2) AS raw
             FULL JOIN query_stats_minute AS m USING (statement_id, minute)
             WHERE m.calls IS DISTINCT FROM raw.calls OR abs(m.total_ms - raw.ms) > 1e-9",
        ),
    ] {
        assert_eq!(ground.count(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_report_that_cannot_be_stored_does_not_hold_up_the_lane() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let (other, foreign) = ground.agent().await;
    assert_ne!(agent, other);
    let ingester = ground.ingester();
    let now = now();
    // A refusal that only the store can find: a constraint that nothing here knows of.
    sqlx::query("ALTER TABLE host_sample ADD CHECK (cpu_count < 1000)")
        .execute(&ground.store.pool)
        .await
        .unwrap();
    let Some(ReportBody::Host(mut host)) =
        every_body(agent, id).into_iter().find(|body| matches!(body, ReportBody::Host(_)))
    else {
        panic!("there is a host among them")
    };
    host.cpu_count = 2000;
    let good = |n: u64| stats(now.before(WINDOW), now, vec![delta(1, n, 1.0)]);
    let old = now.before(30 * DAY);
    let reports = vec![
        report(1, Some(id), good(1)),
        report(2, Some(id), ReportBody::Host(host)),
        report(3, Some(foreign), good(100)),
        report(4, None, good(100)),
        report(5, Some(id), stats(old.before(WINDOW), old, vec![delta(1, 100, 1.0)])),
        report(6, Some(id), ReportBody::Instance(instance(other, "main"))),
        report(9, Some(id), good(2)),
    ];
    let stored = ingester.ingest(agent, 5, Lane::Telemetry, reports).await.unwrap();
    assert_eq!(stored, 9);
    assert_eq!(ground.count("SELECT sum(calls)::bigint FROM query_stats").await, 3);
    assert_eq!(
        ground.count("SELECT count(*) FROM telemetry_gap WHERE reason LIKE 'report % was set aside:%'").await,
        5
    );
    let owner: uuid::Uuid = sqlx::query_scalar("SELECT agent_id FROM instance WHERE instance_id = $1")
        .bind(foreign.0)
        .fetch_one(&ground.store.pool)
        .await
        .unwrap();
    assert_eq!(owner, other.0);
}

#[tokio::test]
async fn a_stepped_clock_and_broken_counters_count_once_and_fit() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let ingester = ground.ingester();
    let ahead = now().after(400 * DAY);
    let mut broken = delta(1, u64::MAX, f64::INFINITY);
    broken.blocks_hit = u64::MAX;
    broken.io_ms = f64::NAN;
    let reports = vec![
        report(1, Some(id), stats(ahead, ahead.after(WINDOW), vec![delta(1, 5, 1.0)])),
        report(2, Some(id), stats(Timestamp(i64::MIN), now(), vec![broken, broken])),
        report(3, Some(id), stats(now(), now().before(DAY), vec![delta(2, 5, f64::MAX)])),
    ];
    assert_eq!(ingester.ingest(agent, 5, Lane::Telemetry, reports).await.unwrap(), 3);
    while ground.store.roll_up().await.unwrap() > 0 {}
    assert_eq!(ground.count("SELECT count(*) FROM telemetry_gap").await, 0);
    assert_eq!(
        ground.count("SELECT count(*) FROM query_stats WHERE window_end > now() + interval '1 minute'").await,
        0
    );
    assert_eq!(
        ground.count("SELECT sum(calls)::bigint FROM query_stats_minute WHERE statement_id = 2").await,
        5
    );
}

#[tokio::test]
async fn what_a_crash_interrupts_is_stored_by_the_next_try() {
    let mut ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let ingester = ground.ingester();
    let now = now();
    let batch = |from: u64| -> Vec<_> {
        (from..from + 5)
            .map(|sequence| {
                report(sequence, Some(id), stats(now.before(WINDOW), now, vec![delta(1, 1, 1.0)]))
            })
            .collect()
    };
    assert_eq!(ingester.ingest(agent, 5, Lane::Telemetry, batch(1)).await.unwrap(), 5);
    // Tries that are abandoned at some point before, in or behind the COMMIT.
    for patience in 0..40 {
        let attempt = ingester.ingest(agent, 5, Lane::Telemetry, batch(6));
        let _ = tokio::time::timeout(Duration::from_micros(250 * patience), attempt).await;
    }
    assert_eq!(ingester.ingest(agent, 5, Lane::Telemetry, batch(6)).await.unwrap(), 10);
    ground.cluster.kill().unwrap();
    let refused = ingester.ingest(agent, 5, Lane::Telemetry, batch(11)).await;
    assert!(matches!(refused, Err(IngestError::Away(_))), "{refused:?}");
    ground.cluster.start_again().unwrap();
    let mut stored = ingester.ingest(agent, 5, Lane::Telemetry, batch(11)).await;
    for _ in 0..20 {
        if stored.is_ok() {
            break;
        }
        stored = ingester.ingest(agent, 5, Lane::Telemetry, batch(11)).await;
    }
    assert_eq!(stored.unwrap(), 15);
    assert_eq!(ground.count("SELECT sum(calls)::bigint FROM query_stats").await, 15);
    assert_eq!(ground.count("SELECT sum(row_count)::bigint FROM stats_window").await, 15);
}
