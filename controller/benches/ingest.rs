//! Rows of statement statistics per second into the store, against COPY of the same rows by psql (as text, its
//! default; as binary for comparison). Prints one JSON object; fails below half of the former.

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use chrono::Utc;
use querysmith_controller::fleet::store::{Ingest, IssuedCertificate, NewAgent};
use querysmith_controller::ingest::ingester::Ingester;
use querysmith_controller::jobs::keep::make_partitions;
use querysmith_controller::store::{Store, StoreOptions};
use querysmith_controller::telemetry::Metrics;
use querysmith_controller::wake::Wake;
use querysmith_shared::engine::Engine;
use querysmith_shared::id::{AgentId, InstanceId, StatementId};
use querysmith_shared::observation::instance::Instance;
use querysmith_shared::observation::query_stats::{Coverage, QueryStats, StatementDelta};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::link::Hello;
use querysmith_shared::wire::report::{Lane, Report, ReportBody};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use uuid::Uuid;

/// Half of what psql takes in with COPY: more would be spent on nothing else.
const BAR: f64 = 0.5;
/// Rows of one report: the statements that were active in one window.
const ROWS: usize = 1_000;
/// Reports of one batch, as the link hands them over when they queue up.
const BATCH: usize = 16;
const BATCHES: usize = 40;

/// Rows per second.
struct Rates {
    /// In batches of many reports, as after an outage.
    queued: f64,
    /// One report in each transaction, as in daily life.
    single: f64,
    psql_text: f64,
    psql_binary: f64,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    let rates = runtime.block_on(measure());
    let ratio = rates.queued / rates.psql_text;
    let figures = serde_json::json!({
        "rows": ROWS * BATCH * BATCHES,
        "rows_per_report": ROWS,
        "reports_per_batch": BATCH,
        "ingest_rows_per_s": rates.queued.round(),
        "ingest_rows_per_s_one_report_a_commit": rates.single.round(),
        "psql_copy_rows_per_s": rates.psql_text.round(),
        "psql_copy_binary_rows_per_s": rates.psql_binary.round(),
        "ratio": (ratio * 1_000.0).round() / 1_000.0,
        "bar": BAR,
    });
    println!("{figures}");
    if ratio >= BAR { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn measure() -> Rates {
    let options =
        Options { preload: Vec::new(), durable: true, shared_buffers: "128MB".into(), ..Options::default() };
    let options = options.setting("max_wal_size", "2GB").setting("wal_compression", "on");
    let cluster = Cluster::start(options).expect("a private PostgreSQL starts");
    let queued = ingest(&database(&cluster, "queued").await, BATCH).await;
    let single = ingest(&database(&cluster, "single").await, 1).await;

    let [psql_text, psql_binary] = [("as_text", "text"), ("as_binary", "binary")].map(|(name, format)| {
        let out = format!("COPY (SELECT * FROM query_stats) TO STDOUT (FORMAT {format})");
        (name, format, psql(&cluster, "queued", &out, None))
    });
    let mut rates = Rates { queued, single, psql_text: 0.0, psql_binary: 0.0 };
    for ((name, format, rows), measured) in
        [(psql_text, &mut rates.psql_text), (psql_binary, &mut rates.psql_binary)]
    {
        database(&cluster, name).await;
        let began = Instant::now();
        psql(&cluster, name, &format!("COPY query_stats FROM STDIN (FORMAT {format})"), Some(&rows));
        *measured = rate(began);
    }
    rates
}

/// The rate into this store, in batches of `size` reports.
async fn ingest(store: &Store, size: usize) -> f64 {
    let (agent, instance) = enrol(store).await;
    let ingester =
        Ingester::new(store.clone(), Wake::default(), Metrics::default(), Duration::from_secs(86_400));
    let reports: Vec<Report> = batches(instance).into_iter().flatten().collect();
    let batches: Vec<Vec<Report>> = reports.chunks(size).map(<[Report]>::to_vec).collect();
    let began = Instant::now();
    for batch in batches {
        ingester.ingest(agent, 1, Lane::Telemetry, batch).await.expect("the batch is stored");
    }
    let rate = rate(began);
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM query_stats")
        .fetch_one(&store.pool)
        .await
        .expect("the rows can be counted");
    assert_eq!(usize::try_from(stored), Ok(ROWS * BATCH * BATCHES));
    rate
}

fn rate(began: Instant) -> f64 {
    (ROWS * BATCH * BATCHES) as f64 / began.elapsed().as_secs_f64()
}

async fn database(cluster: &Cluster, name: &str) -> Store {
    cluster.create_database(name).await.expect("the database is made");
    let store = Store::connect(&cluster.url(name), StoreOptions::default()).expect("the address is good");
    store.migrate().await.expect("the migrations run");
    make_partitions(&store, Utc::now()).await.expect("the partitions are made");
    store
}

async fn enrol(store: &Store) -> (AgentId, InstanceId) {
    let agent = AgentId(Uuid::now_v7());
    let now = Timestamp::from(SystemTime::now());
    let later = now.after(Duration::from_secs(3_600));
    store.add_join_token([1; 32], "bench", "", now, later).await.expect("the token is made");
    let new = NewAgent {
        agent,
        host_name: "bench".into(),
        version: "1".into(),
        certificate: IssuedCertificate { serial: "1".into(), not_after: later },
    };
    store.redeem_join_token([1; 32], &new, now).await.expect("the agent joins");
    let id = InstanceId::derive(agent, "bench");
    let instance = Instance {
        id,
        name: "bench".into(),
        environment: String::new(),
        engine: Engine::PostgreSql,
        server: None,
    };
    let hello = Hello {
        agent_version: "1".into(),
        host_name: "bench".into(),
        incarnation: 1,
        run: 1,
        obeyed: None,
        instances: vec![instance],
    };
    store.record_hello(agent, &hello, now).await.expect("the agent says hello");
    (agent, id)
}

fn batches(instance: InstanceId) -> Vec<Vec<Report>> {
    let now = Timestamp::from(SystemTime::now());
    let window = Duration::from_secs(15);
    let mut sequence = 0;
    let mut batch = || -> Vec<Report> {
        let reports = (0..BATCH).map(|_| {
            sequence += 1;
            let age = u32::try_from(BATCH * BATCHES).expect("it is small")
                - u32::try_from(sequence).expect("it is small");
            let end = now.before(window * age / 60);
            let body = ReportBody::QueryStats(QueryStats {
                window_start: end.before(window),
                window_end: end,
                rows: (0..ROWS).map(|n| delta(n, sequence)).collect(),
                coverage: Coverage::default(),
            });
            Report { lane: Lane::Telemetry, sequence, made_at: end, instance: Some(instance), body }
        });
        reports.collect()
    };
    (0..BATCHES).map(|_| batch()).collect()
}

fn delta(n: usize, sequence: u64) -> StatementDelta {
    let number = n as u64;
    // Statement ids are hashes: spread over all of the range.
    let statement = StatementId((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).cast_signed());
    let total_ms = 1.0 + (number * 31 + sequence) as f64 * 0.137;
    StatementDelta {
        statement,
        calls: 1 + number % 500,
        rows: number * 3,
        total_ms,
        sum_squares_ms2: total_ms * 1.7,
        blocks_hit: number * 40 + sequence,
        blocks_read: number % 7,
        blocks_dirtied: number % 3,
        blocks_written: 0,
        temp_blocks_read: 0,
        temp_blocks_written: 0,
        io_ms: 0.0,
        wal_bytes: number * 11,
    }
}

fn psql(cluster: &Cluster, database: &str, sql: &str, input: Option<&[u8]>) -> Vec<u8> {
    let mut child = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &cluster.url(database), "-c", sql])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("psql is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    if let Some(input) = input {
        stdin.write_all(input).expect("psql reads");
    }
    drop(stdin);
    let output = child.wait_with_output().expect("psql ends");
    assert!(output.status.success(), "psql failed");
    output.stdout
}
