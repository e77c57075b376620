//! Partitions are made ahead and filled from what waited; what is old goes, and nothing else.

use std::time::Duration;

use chrono::{Days, Utc};
use querysmith_controller::config::retention::Retention;
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::jobs::keep::{Retain, make_partitions};
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::partitions::SERIES;
use querysmith_shared::wire::report::Lane;

use crate::ground::{DAY, Ground, delta, now, report, stats};

const WINDOW: Duration = Duration::from_secs(15);

#[tokio::test]
async fn late_rows_move_into_their_days_and_old_days_go() {
    let ground = Ground::new().await;
    let (agent, id) = ground.agent().await;
    let ingester = ground.ingester();
    for (sequence, age) in (1..).zip([0, 1, 2]) {
        let end = now().before(DAY * age);
        let body = stats(end.before(WINDOW), end, vec![delta(1, 1, 1.0)]);
        ingester.ingest(agent, 1, Lane::Telemetry, vec![report(sequence, Some(id), body)]).await.unwrap();
    }
    while ground.store.roll_up().await.unwrap() > 0 {}
    assert_eq!(ground.count("SELECT count(*) FROM query_stats_default").await, 3);
    // Two controllers may come to it at the same time.
    let (one, two) =
        tokio::join!(make_partitions(&ground.store, Utc::now()), make_partitions(&ground.store, Utc::now()));
    one.unwrap();
    two.unwrap();
    assert_eq!(ground.count("SELECT count(*) FROM query_stats_default").await, 0);
    assert_eq!(ground.count("SELECT count(*) FROM query_stats").await, 3);
    assert_eq!(ground.count("SELECT count(*) FROM query_stats_minute").await, 3);
    let partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'query_stats'::regclass";
    let made = ground.count(partitions).await;
    make_partitions(&ground.store, Utc::now()).await.unwrap();
    assert_eq!(ground.count(partitions).await, made);

    let retention = Retention { query_stats_days: 1, minutes_days: 35, samples_days: 1 };
    Retain { store: ground.store.clone(), retention }.run().await.unwrap();
    assert_eq!(ground.count("SELECT count(*) FROM query_stats").await, 2);
    assert_eq!(ground.count("SELECT count(*) FROM query_stats_minute").await, 3);
    assert_eq!(ground.count("SELECT count(*) FROM statement").await, 1);
    // Rows that wait in the default partition grow old as well.
    let oldest = Utc::now().date_naive() - Days::new(1);
    sqlx::query("INSERT INTO host_sample_default SELECT $1, now() - interval '9 days', 0, 1, 0, 1, 1, 1, 1")
        .bind(id.0)
        .execute(&ground.store.pool)
        .await
        .unwrap();
    for series in SERIES {
        ground.store.drop_partitions(series, oldest).await.unwrap();
    }
    assert_eq!(ground.count("SELECT count(*) FROM host_sample").await, 0);
}

#[tokio::test]
async fn several_controllers_may_bring_the_store_up_to_date() {
    let ground = Ground::new().await;
    ground.cluster.create_database("other").await.unwrap();
    let connect = || {
        let url = ground.cluster.url("other");
        querysmith_controller::store::Store::connect(&url, Default::default()).unwrap()
    };
    let (one, two, three) = (connect(), connect(), connect());
    let (first, second, third) = tokio::join!(one.migrate(), two.migrate(), three.migrate());
    first.unwrap();
    second.unwrap();
    third.unwrap();
}
