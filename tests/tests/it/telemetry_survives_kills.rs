//! Twenty kills of agent and controller, at random moments: no report that was on the agent's disk is lost,
//! and none is stored twice.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use querysmith_tests::demo::fleet::{self, Plan};
use querysmith_tests::demo::place::Place;
use querysmith_tests::demo::process::Program;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sqlx::{PgConnection, Row};

const KILLS: usize = 20;
/// The statement that keeps the watched server busy.
const WORK: &str = "SELECT count(*) FROM pg_class WHERE relname = $1";
/// The kills are the same at every run.
const SEED: u64 = 20;
/// Everything in flight is settled long before this.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What the store holds of the agent's telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stored {
    /// Highest number, over all incarnations of the spool.
    sequence: i64,
    /// Reports that were stored.
    reports: i64,
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_and_double_nothing() -> Result<()> {
    let watched = Cluster::start(Options::default())?;
    let store = Cluster::start(Options::default())?;
    store.create_database("store").await?;
    fleet::prepare(&watched).await?;

    let root = std::env::temp_dir().join(format!("qs-kills-{}", std::process::id()));
    let place = Place::open(&root)?;
    let plan = Plan { store: Some(store.url("store")), ..Plan::new(0.0, 0) };
    let (mut controller, addresses) = fleet::start_controller(&place, &plan)?;
    fleet::enrol(&place, &watched, &addresses, &plan).await?;
    // After a kill the controller must come back where the agent looks for it.
    let plan = Plan { link: addresses.link.clone(), ..plan };
    let faster = std::fs::read_to_string(place.file("agent.toml"))?
        + "\n[instance.collectors.query_stats]\ninterval_s = 0.5\n\n[instance.collectors.activity]\ninterval_s = 0.5\n";
    place.write("agent.toml", &faster)?;
    let mut agent = start_agent(&place)?;

    let mut view = store.connect("store").await?;
    let mut work = Work { connection: watched.connect(fleet::DATABASE).await?, executions: 0 };
    let mut random = SmallRng::seed_from_u64(SEED);
    for kill in 0..KILLS {
        let before = stored(&mut view).await?.reports;
        let more = i64::from(random.random_range(1..12));
        wait_until(&mut view, &mut work, |now| now.reports >= before + more)
            .await
            .with_context(|| format!("before kill {kill}: {}", agent.end_of_log()))?;
        if random.random_bool(0.5) {
            agent.kill()?;
            agent = start_agent(&place)?;
        } else {
            controller.kill()?;
            controller = fleet::start_controller(&place, &plan)?.0;
        }
    }
    let before = stored(&mut view).await?.reports;
    wait_until(&mut view, &mut work, |now| now.reports >= before + 5).await?;
    // A stopped agent hands over what it has, so nothing is in flight any more.
    agent.stop()?;
    controller.stop()?;

    let end = stored(&mut view).await?;
    let dropped: i64 =
        sqlx::query_scalar("SELECT coalesce(sum(dropped_reports), 0)::bigint FROM telemetry_gap")
            .fetch_one(&mut view)
            .await?;
    let (double, calls) = (doubles(&mut view).await?, calls(&mut view).await?);
    println!(
        "{{\"kills\":{KILLS},\"reports\":{},\"lost\":{},\"double\":{double}}}",
        end.reports,
        end.sequence - end.reports,
    );
    assert_eq!(dropped, 0, "reports were dropped");
    assert_eq!(end.sequence, end.reports, "a number below the highest was never stored");
    assert_eq!(double, 0, "a time is covered by two windows");
    // Between the last reading before a kill and the first one after, an agent that was killed sees nothing.
    assert!(0 < calls && calls <= work.executions, "{calls} calls of {} are stored", work.executions);
    let log = std::fs::read_to_string(place.file("agent.log"))?;
    assert!(
        log.contains("reset by peer"),
        "a controller that was killed is not told from one that is silent"
    );
    assert!(!log.contains("timed out"), "the agent waited for a connection that was dead");
    drop(place);
    std::fs::remove_dir_all(&root).context("removing the test's directory")
}

fn start_agent(place: &Place) -> Result<Program> {
    let arguments = fleet::agent_arguments(place)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Program::start("querysmith-agent", &arguments, &place.file("agent.log"))
}

async fn stored(view: &mut PgConnection) -> Result<Stored> {
    let row = sqlx::query(
        "SELECT coalesce(sum(sequence), 0)::bigint AS sequence, coalesce(sum(reports), 0)::bigint AS reports
         FROM ingest_watermark
         WHERE lane = 0",
    )
    .fetch_one(view)
    .await
    .context("reading the watermarks")?;
    Ok(Stored { sequence: row.get("sequence"), reports: row.get("reports") })
}

/// Windows that begin before the one before them ended: what happened in between would count twice.
async fn doubles(view: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar(
        "SELECT count(*)
         FROM (
             SELECT window_start < lag(window_end) OVER (PARTITION BY instance_id ORDER BY window_end) AS doubled
             FROM stats_window
         ) AS pairs
         WHERE doubled",
    )
    .fetch_one(view)
    .await
    .context("counting doubled windows")
}

/// Calls of the test's own statement that are stored.
async fn calls(view: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar(
        "SELECT coalesce(sum(calls), 0)::bigint
         FROM query_stats
         JOIN statement USING (instance_id, statement_id)
         WHERE statement.text = $1",
    )
    .bind(WORK)
    .fetch_one(view)
    .await
    .context("counting calls")
}

/// What keeps the watched server busy.
struct Work {
    connection: PgConnection,
    executions: i64,
}

/// Keeps the watched server busy until the store shows what is waited for.
async fn wait_until(
    view: &mut PgConnection,
    work: &mut Work,
    reached: impl Fn(Stored) -> bool,
) -> Result<()> {
    let started = Instant::now();
    loop {
        sqlx::query(WORK).bind("x").execute(&mut work.connection).await?;
        work.executions += 1;
        let now = stored(view).await?;
        if reached(now) {
            return Ok(());
        }
        if started.elapsed() > SETTLE_LIMIT {
            bail!("nothing more was stored for {SETTLE_LIMIT:?}: {now:?}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
