//! A long stretch is read by the hour, and says the same as by the minute.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use querysmith_controller::store::Store;
use querysmith_controller::store::people::Role;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::api_ground::{Client, Web};
use crate::api_seed::{HOT, Seed, this_minute};

async fn read(client: &Client, instance: &str, stretch: &str) -> Vec<Value> {
    let mut read = Vec::new();
    for path in [
        format!("/api/v1/queries?{stretch}"),
        format!("/api/v1/queries?sort=mean&limit=1&{stretch}"),
        format!("/api/v1/instances/{instance}/queries/{HOT}?{stretch}"),
        format!("/api/v1/instances/{instance}/series?metric=db_time&step_s=3600&{stretch}"),
        format!("/api/v1/instances/{instance}/series?metric=calls&step_s=600&{stretch}"),
    ] {
        let mut answer = client.get(&path).await.good();
        // Of a page, only where the next one begins may differ in its writing.
        answer.as_object_mut().unwrap().remove("next_cursor");
        read.push(answer);
    }
    read
}

/// Equal, but for the last bits of sums that were added in another order.
#[track_caller]
fn assert_alike(a: &Value, b: &Value, place: &str) {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{place}: {a} and {b}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{place}");
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                assert_alike(a, b, &format!("{place}[{at}]"));
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{place}");
            for (name, a) in a {
                assert_alike(a, &b[name], &format!("{place}.{name}"));
            }
        }
        _ => assert_eq!(a, b, "{place}"),
    }
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn calls_of(page: &Value) -> i64 {
    page["items"].as_array().unwrap().iter().map(|row| row["calls"].as_i64().unwrap()).sum()
}

async fn note_due(store: &Store, hours: &str) {
    let sql =
        format!("INSERT INTO hour_due (instance_id, hour, noted_at) SELECT *, now() FROM ({hours}) AS hours");
    sqlx::query(AssertSqlSafe(sql)).execute(&store.pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_say_what_their_minutes_say() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let store = &web.ground.store;
    let minute = this_minute();
    // Thirty hours of the two statements, and windows that cover them but for one hour.
    sqlx::query(
        "INSERT INTO query_stats_minute (instance_id, statement_id, minute, calls, row_count, total_ms, sum_squares_ms2,
                                         blocks_hit, blocks_read, temp_blocks_read, temp_blocks_written, io_ms, wal_bytes)
         SELECT $1, statement_id, $2 - n * interval '1 minute', 1 + n % 5, n % 3, 0.1 * (1 + n % 50), n, n, 1, 0, 0, 0, 0
         FROM statement, generate_series(61, 1800) AS n
         WHERE instance_id = $1",
    )
    .bind(seed.instance.0)
    .bind(minute)
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO stats_window (instance_id, window_end, window_start, row_count, tracked, capacity, evictions, was_reset)
         SELECT $1, $2 - n * interval '1 minute' + interval '59 seconds', $2 - n * interval '1 minute' - interval '1 second',
                2, 500, 5000, 0, false
         FROM generate_series(61, 1800) AS n
         WHERE n NOT BETWEEN 300 AND 360",
    )
    .bind(seed.instance.0)
    .bind(minute)
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query("UPDATE instance SET first_seen_at = now() - interval '3 days'")
        .execute(&store.pool)
        .await
        .unwrap();
    note_due(store, "SELECT DISTINCT instance_id, date_trunc('hour', minute, 'UTC') FROM query_stats_minute")
        .await;
    let client = web.program(Role::Viewer).await;
    // Never on the hour: there the first window, which began before, is cut to the stretch, and its hour is not.
    let from =
        (minute - TimeDelta::hours(26)).duration_trunc(TimeDelta::hours(1)).unwrap() - TimeDelta::minutes(7);
    let to = minute - TimeDelta::minutes(3);
    let stretch = format!("from={}&to={}", written(from), written(to));
    let instance = seed.instance.to_string();

    let by_minute = read(&client, &instance, &stretch).await;
    assert_eq!(web.ground.count("SELECT count(*) FROM query_stats_hour").await, 0);
    let calls: i64 = sqlx::query_scalar(
        "SELECT sum(calls)::bigint FROM query_stats_minute WHERE minute >= $1 AND minute < $2",
    )
    .bind(from)
    .bind(to)
    .fetch_one(&store.pool)
    .await
    .unwrap();
    assert_eq!(calls_of(&by_minute[0]), calls);
    // Some hours are summed, others not yet; then all.
    let mut by_hour = Vec::new();
    while store.sum_hours(Utc::now(), TimeDelta::zero()).await.unwrap() > 0 {
        by_hour = read(&client, &instance, &stretch).await;
        for (at, (minute, hour)) in by_minute.iter().zip(&by_hour).enumerate() {
            // The trend's and the latency's steps are of hours: those at the edges are the same sums, too.
            assert_alike(minute, hour, &format!("answer {at}"));
        }
    }
    let open = web.ground.count("SELECT count(*) FROM hour_due").await;
    assert!((1..=2).contains(&open), "the hour that is not over waits: {open}");
    let hours = web.ground.count("SELECT count(DISTINCT hour) FROM query_stats_hour").await;
    assert!((29..=31).contains(&hours), "{hours}");
    let fraction = by_hour[0]["coverage"]["fraction"].as_f64().unwrap();
    assert!((0.95..0.97).contains(&fraction), "an hour of 26 is missing: {fraction}");

    // A minute that comes late counts at once, and after its hour was summed anew.
    let late = minute - TimeDelta::hours(20);
    let before = calls_of(&by_hour[0]);
    sqlx::query("UPDATE query_stats_minute SET calls = calls + 1000 WHERE statement_id = $1 AND minute = $2")
        .bind(HOT.0)
        .bind(late)
        .execute(&store.pool)
        .await
        .unwrap();
    note_due(
        store,
        &format!(
            "SELECT instance_id, date_trunc('hour', timestamptz '{}', 'UTC') FROM instance",
            written(late)
        ),
    )
    .await;
    for _ in 0..2 {
        let page = client.get(&format!("/api/v1/queries?{stretch}")).await.good();
        assert_eq!(calls_of(&page), before + 1_000);
        store.sum_hours(Utc::now(), TimeDelta::zero()).await.unwrap();
    }
    assert_eq!(web.ground.count("SELECT count(*) FROM hour_due").await, open);
}
