//! One hostile agent breaks no page and no job of the others.

use std::sync::Arc;
use std::time::Duration;

use querysmith_controller::fleet::roster::Fleet;
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::jobs::detect::Detect;
use querysmith_controller::jobs::learn::Learn;
use querysmith_controller::jobs::measure::Measure;
use querysmith_controller::jobs::propose::Propose;
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::people::Role;
use querysmith_shared::id::{AgentId, InstanceId, StatementId};
use querysmith_shared::observation::schema::{ColumnStatistics, Table, TableActivity};
use querysmith_shared::wire::report::{Lane, ReportBody};

use crate::api_ground::Web;
use crate::api_seed::Seed;
use crate::bodies::every_body;
use crate::ground::{delta, now, report, stats};
use crate::loop_ground::context;
use crate::shop::description;

/// Every list and summary of the whole fleet.
const PAGES: [&str; 12] = [
    "/api/v1/fleet/summary",
    "/api/v1/agents",
    "/api/v1/instances",
    "/api/v1/queries",
    "/api/v1/findings?state=all",
    "/api/v1/proposals",
    "/api/v1/changes",
    "/api/v1/outcomes",
    "/api/v1/outcomes/summary",
    "/api/v1/jobs",
    "/api/v1/audit",
    "/api/v1/about",
];

/// The bodies of `kind`, each spoilt in one way.
fn spoilt(agent: AgentId, instance: InstanceId) -> Vec<ReportBody> {
    let mut bodies = Vec::new();
    for body in every_body(agent, instance) {
        match body {
            ReportBody::Cost(cost) => {
                for bad in [f32::NAN, f32::INFINITY, -1.0] {
                    let mut cost = cost;
                    cost.cpu_fraction = bad;
                    bodies.push(ReportBody::Cost(cost));
                }
            }
            ReportBody::Host(mut host) => {
                host.load1 = f32::NAN;
                bodies.push(ReportBody::Host(host));
            }
            ReportBody::Collectors(mut report) => {
                report.collectors[0].interval_ms = u64::MAX;
                bodies.push(ReportBody::Collectors(report));
            }
            ReportBody::Activity(mut activity) => {
                activity.replica_lag_bytes.push(u64::MAX);
                bodies.push(ReportBody::Activity(activity));
            }
            _ => {}
        }
    }
    let table_faults: [fn(&mut Table); 3] = [
        |table| statistics(table).null_fraction = f32::NAN,
        |table| statistics(table).correlation = Some(f32::NEG_INFINITY),
        |table| statistics(table).average_width = -5,
    ];
    let usage_faults: [fn(&mut TableActivity); 3] = [
        |table| table.planner_rows = f32::NAN,
        |table| table.live_rows = 10_000_000_000_000_000_000,
        |table| table.indexes[0].size_bytes = u64::MAX,
    ];
    for report in description(instance, 1, now()) {
        match report.body {
            ReportBody::Schema(changes) => {
                for spoil in table_faults {
                    let mut changes = changes.clone();
                    spoil(&mut changes.changed[0]);
                    bodies.push(ReportBody::Schema(changes));
                }
            }
            ReportBody::Usage(usage) => {
                for spoil in usage_faults {
                    let mut usage = usage.clone();
                    spoil(&mut usage.tables[0]);
                    bodies.push(ReportBody::Usage(usage));
                }
            }
            _ => {}
        }
    }
    bodies
}

fn statistics(table: &mut Table) -> &mut ColumnStatistics {
    table.columns[0].statistics.as_mut().expect("the shop's columns were analysed")
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_figures_are_set_aside_by_name_and_every_page_still_answers() {
    let web = Web::start().await;
    Seed::sow(&web.ground).await;
    let (agent, instance) = web.ground.agent().await;
    let ingester = web.ground.ingester();
    let spoilt = spoilt(agent, instance);
    let count = i64::try_from(spoilt.len()).unwrap();
    let before = web.ground.count("SELECT count(*) FROM telemetry_gap").await;
    let mut reports: Vec<_> =
        (1..).zip(spoilt).map(|(sequence, body)| report(sequence, Some(instance), body)).collect();
    // The lane goes on behind them.
    let next = reports.last().unwrap().sequence + 1;
    reports.extend(description(instance, next, now()));
    let last = reports.last().unwrap().sequence;
    assert_eq!(ingester.ingest(agent, 1, Lane::Telemetry, reports).await.unwrap(), last);
    assert_eq!(web.ground.count("SELECT count(*) FROM telemetry_gap").await - before, count);
    for field in ["cpu_fraction is NaN", "live_rows is 10000000000000000000", "planner_rows is NaN"] {
        let gaps: i64 = sqlx::query_scalar("SELECT count(*) FROM telemetry_gap WHERE reason LIKE '%' || $1")
            .bind(field)
            .fetch_one(&web.ground.store.pool)
            .await
            .unwrap();
        assert_eq!(gaps, 1, "{field}");
    }
    everything_answers(&web).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_are_left_out_and_the_jobs_go_on() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let (agent, _) = web.ground.agent().await;
    // What an older version let in.
    for sql in [
        "UPDATE agent SET cost = '{\"cpu_fraction\": null}' WHERE agent_id = $1",
        "UPDATE change SET effect = '{\"realised\": null}' WHERE effect IS NOT NULL AND $1::uuid IS NOT NULL",
    ] {
        sqlx::query(sql).bind(agent.0).execute(&web.ground.store.pool).await.unwrap();
    }
    let agents = web.program(Role::Viewer).await.get("/api/v1/agents").await.good();
    assert_eq!(agents["total"], 2, "{agents}");
    assert_eq!(agents["items"].as_array().unwrap().len(), 2, "{agents}");
    assert!(web.ground.store.read_agents(None, 10).await.unwrap().0.iter().any(|row| row.id == seed.agent));
    everything_answers(&web).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_at_their_limit_are_added_up_without_an_error() {
    let web = Web::start().await;
    let (agent, instance) = web.ground.agent().await;
    let window = Duration::from_secs(15);
    let most = delta(1, u64::MAX, f64::MAX);
    // Summed as one minute, and read as collected.
    let reports: Vec<_> = (1..=4)
        .map(|n| {
            let end = now().before(Duration::from_secs(2) * u32::try_from(n).unwrap());
            let rows = vec![querysmith_shared::observation::query_stats::StatementDelta {
                temp_blocks_read: u64::MAX,
                temp_blocks_written: u64::MAX,
                wal_bytes: u64::MAX,
                ..most
            }];
            report(n, Some(instance), stats(end.before(window), end, rows))
        })
        .collect();
    web.ground.ingester().ingest(agent, 1, Lane::Telemetry, reports).await.unwrap();
    // As if a million such rows had been summed to one minute.
    sqlx::query(
        "INSERT INTO query_stats_minute
         SELECT $1, 1, date_trunc('minute', now()) - make_interval(mins => age), 9e18, 9e18, 1e30, 1e60, 9e18, 9e18, 9e18,
                9e18, 1e30, 9e18
         FROM generate_series(20, 200) AS age",
    )
    .bind(instance.0)
    .execute(&web.ground.store.pool)
    .await
    .unwrap();
    // As if the store had taken a counter as it came.
    sqlx::query(
        "WITH due AS (
             INSERT INTO rollup_due (instance_id, minute)
             VALUES ($1, date_trunc('minute', now()) - interval '10 minutes')
         )
         INSERT INTO query_stats (instance_id, statement_id, window_start, window_end, calls, row_count, total_ms,
                                  sum_squares_ms2, blocks_hit, blocks_read, blocks_dirtied, blocks_written,
                                  temp_blocks_read, temp_blocks_written, io_ms, wal_bytes)
         SELECT $1, 1, date_trunc('minute', now()) - interval '11 minutes',
                date_trunc('minute', now()) - make_interval(mins => 10, secs => -age), 9e18, 9e18, 1, 1, 9e18, 9e18,
                9e18, 9e18, 9e18, 9e18, 1, 9e18
         FROM generate_series(1, 3) AS age",
    )
    .bind(instance.0)
    .execute(&web.ground.store.pool)
    .await
    .unwrap();
    everything_answers(&web).await;
    let admin = web.program(Role::Admin).await;
    let page = format!("/api/v1/instances/{}/queries/{}", instance.0, StatementId(1));
    let answer = admin.get(&page).await;
    assert_eq!(answer.status, 200, "{page}: {}", answer.text);
}

async fn everything_answers(web: &Web) {
    let admin = web.program(Role::Admin).await;
    for page in PAGES {
        let answer = admin.get(page).await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text);
    }
    let context = context(&web.ground, Arc::new(Fleet::idle()));
    while web.ground.store.roll_up().await.unwrap() > 0 {}
    while web.ground.store.sum_hours(chrono::Utc::now(), chrono::TimeDelta::zero()).await.unwrap() > 0 {}
    let jobs: [(&str, Box<dyn Work>); 4] = [
        ("detect", Box::new(Detect::new(context.clone()))),
        ("propose", Box::new(Propose::new(context.clone()))),
        ("measure", Box::new(Measure::new(context.clone()))),
        ("learn", Box::new(Learn { context })),
    ];
    for (name, job) in jobs {
        job.run().await.unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}
