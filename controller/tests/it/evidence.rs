//! The evidence is complete: every call counts once, whatever the grid it is seen on.

use std::time::Duration;

use querysmith_advice::evidence::{Evidence, WindowSum};
use querysmith_advice::measure::effect::Verdict;
use querysmith_advice::thresholds::Thresholds;
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::store::evidence::HistoryCache;
use querysmith_controller::store::value::moment;
use querysmith_shared::id::{InstanceId, StatementId};
use querysmith_shared::observation::settings::{Setting, SettingsChanges};
use querysmith_shared::parameter::ParameterType;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{Lane, ReportBody};

use crate::api_seed::Seed;
use crate::ground::{Ground, delta, now, report, stats};
use crate::shop::description;

const WINDOW: Duration = Duration::from_secs(15);

async fn evidence(ground: &Ground, cache: &HistoryCache, now: Timestamp) -> Evidence {
    let instances = ground.store.watched_instances().await.unwrap();
    ground.store.evidence(&instances[0], cache, &Thresholds::default(), now).await.unwrap()
}

fn check_windows(windows: &[WindowSum]) {
    for pair in windows.windows(2) {
        assert!(pair[0].end <= pair[1].end && pair[0].start < pair[1].start, "{pair:?}");
    }
}

async fn calls(
    ground: &Ground,
    instance: InstanceId,
    statement: Option<StatementId>,
    from: Timestamp,
) -> u64 {
    let calls: i64 = sqlx::query_scalar(
        "SELECT COALESCE(sum(calls), 0)::bigint
         FROM query_stats_minute
         WHERE instance_id = $1
           AND minute >= $2
           AND ($3::bigint IS NULL OR statement_id = $3)",
    )
    .bind(instance.0)
    .bind(moment(from))
    .bind(statement.map(|statement| statement.0))
    .fetch_one(&ground.store.pool)
    .await
    .unwrap();
    calls.unsigned_abs()
}

async fn check(ground: &Ground, instance: InstanceId, evidence: &Evidence) {
    for statement in &evidence.statements {
        check_windows(&statement.windows);
        let seen: u64 = statement.windows.iter().map(|window| window.calls).sum();
        let from = statement.windows[0].start;
        assert_eq!(seen, calls(ground, instance, Some(statement.id), from).await, "{}", statement.id);
    }
    check_windows(&evidence.totals);
    let total: u64 = evidence.totals.iter().map(|window| window.calls).sum();
    assert_eq!(total, calls(ground, instance, None, evidence.totals[0].start).await);
}

#[tokio::test]
async fn every_call_of_a_week_counts_once_on_every_grid() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let ingester = ground.ingester();
    let now = now();
    // A week and a bit by minutes, up to an hour ago; the last hour as an agent reports it.
    sqlx::query(
        "INSERT INTO query_stats_minute
         SELECT $1, statement, date_trunc('minute', $2::timestamptz) - make_interval(mins => age), statement * 7 + age % 5,
                1, 3.5, 9.0, 1, 1, 0, 0, 0, 0
         FROM generate_series(1, 3) AS statement
         CROSS JOIN generate_series(60, 11600, 5) AS age",
    )
    .bind(id.0)
    .bind(moment(now))
    .execute(&ground.store.pool)
    .await
    .unwrap();
    let mut reports = description(id, 1, now);
    let first = reports.last().unwrap().sequence + 1;
    for n in 0..232 {
        let end = now.before(WINDOW * u32::try_from(232 - n).unwrap());
        let rows = vec![delta(1, 3, 2.0), delta(2, 5, 1.0), delta(4, 1, 0.5)];
        reports.push(report(first + n, Some(id), stats(end.before(WINDOW), end, rows)));
    }
    ingester.ingest(agent, 1, Lane::Telemetry, reports).await.unwrap();
    while ground.store.roll_up().await.unwrap() > 0 {}

    // By hours that are summed or not: some of them, then all.
    sqlx::query(
        "INSERT INTO hour_due (instance_id, hour, noted_at)
         SELECT DISTINCT instance_id, date_trunc('hour', minute, 'UTC'), now()
         FROM query_stats_minute
         ON CONFLICT DO NOTHING",
    )
    .execute(&ground.store.pool)
    .await
    .unwrap();
    loop {
        check(&ground, id, &evidence(&ground, &HistoryCache::default(), now).await).await;
        if ground.store.sum_hours(chrono::Utc::now(), chrono::TimeDelta::zero()).await.unwrap() == 0 {
            break;
        }
    }
    assert!(ground.count("SELECT count(*) FROM query_stats_hour").await > 3 * 24 * 7);

    let cache = HistoryCache::default();
    let seen = evidence(&ground, &cache, now).await;
    let ids: Vec<i64> = seen.statements.iter().map(|statement| statement.id.0).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    check(&ground, id, &seen).await;
    // Statement 3 was quiet and is seen from now on: its past is read then.
    let body = stats(now.before(WINDOW), now, vec![delta(3, 9, 900.0)]);
    ingester.ingest(agent, 1, Lane::Telemetry, vec![report(first + 500, Some(id), body)]).await.unwrap();
    while ground.store.roll_up().await.unwrap() > 0 {}
    let seen = evidence(&ground, &cache, now).await;
    assert_eq!(seen.statements.len(), 4);
    check(&ground, id, &seen).await;
    assert_eq!(seen.tables.len(), 2);
}

#[tokio::test]
async fn settings_are_read_in_their_units() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let setting = |name: &str, value: &str, unit: Option<&str>| Setting {
        name: name.into(),
        value: value.into(),
        unit: unit.map(Into::into),
        source: "default".into(),
        context: "user".into(),
        boot_value: None,
        min: None,
        max: None,
        pending_restart: false,
        value_type: ParameterType::Integer,
        choices: Vec::new(),
        by_alter_system: false,
    };
    let changed = vec![setting("random_page_cost", "1.1", None), setting("work_mem", "16384", Some("kB"))];
    let body = ReportBody::Settings(SettingsChanges { changed });
    ground.ingester().ingest(agent, 1, Lane::Telemetry, vec![report(1, Some(id), body)]).await.unwrap();
    let seen = evidence(&ground, &HistoryCache::default(), now()).await;
    assert_eq!((seen.settings.random_page_cost, seen.settings.work_mem_bytes), (1.1, 16 << 20));
}

#[tokio::test]
async fn an_undo_by_a_person_is_not_taken_for_a_trial_that_could_tell_nothing() {
    let ground = Ground::new().await;
    Seed::sow(&ground).await;
    for (by_measure, expected) in [(false, None), (true, Some(Verdict::TooLittleData))] {
        sqlx::query(
            "UPDATE change
             SET state = 'reverted', verdict = 'too_little_data', trial_decided_at = CASE WHEN $1 THEN now() END",
        )
        .bind(by_measure)
        .execute(&ground.store.pool)
        .await
        .unwrap();
        let evidence = evidence(&ground, &HistoryCache::default(), now()).await;
        let verdicts: Vec<_> = evidence.changes.iter().map(|change| change.verdict).collect();
        assert_eq!(verdicts, vec![expected; 2], "both changes of the seed");
    }
}
