//! What others do on the server meanwhile, and how long they wait for us.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use querysmith_tests::cluster::Cluster;
use sqlx::{Connection, PgConnection, Row};
use tokio::task::JoinSet;

use crate::apply::stage::{LIMIT, Stage};

/// Sessions that read and write the table all the time.
const SESSIONS: u64 = 4;

/// What others do on the server meanwhile.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    statements: Arc<AtomicU64>,
    longest_wait_us: Arc<AtomicU64>,
    looks: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl Load {
    pub(super) async fn start(cluster: &Cluster) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let statements = Arc::new(AtomicU64::new(0));
        let longest_wait_us = Arc::new(AtomicU64::new(0));
        let looks = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for session in 0..SESSIONS {
            let connection = cluster.connect("shop").await.unwrap();
            tasks.spawn(shop(connection, session, Arc::clone(&stop), Arc::clone(&statements)));
        }
        let watching = cluster.connect("shop").await.unwrap();
        let seen = (Arc::clone(&longest_wait_us), Arc::clone(&looks));
        tasks.spawn(watch(watching, Arc::clone(&stop), seen));
        Self { stop, statements, longest_wait_us, looks, tasks }
    }

    /// Waits for a look at the locks that begins after this.
    async fn looks_again(&self) {
        let before = self.looks.load(Ordering::Relaxed);
        while self.looks.load(Ordering::Relaxed) < before + 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) async fn end(mut self) -> (u64, f64) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let waited = self.longest_wait_us.load(Ordering::Relaxed);
        (self.statements.load(Ordering::Relaxed), waited as f64 / 1_000.0)
    }
}

/// A lock of ours that stops everybody is noticed; else a longest wait of nothing would say nothing.
pub(super) async fn prove_watch(stage: &Stage, load: &Load) {
    let mut ours = PgConnection::connect(&stage.cluster.url_as("qs_apply", "shop")).await.unwrap();
    sqlx::raw_sql("SET ROLE owner; BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        .execute(&mut ours)
        .await
        .unwrap();
    let began = Instant::now();
    while load.longest_wait_us.load(Ordering::Relaxed) == 0 {
        assert!(began.elapsed() < LIMIT, "a wait for our lock isn't seen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut ours).await.unwrap();
    // A look that began before the lock was gone may end after this one.
    let waiting = "SELECT count(*) = 0 FROM pg_locks WHERE NOT granted";
    stage.eventually(waiting).await;
    load.looks_again().await;
    load.longest_wait_us.store(0, Ordering::Relaxed);
}

/// Reads and writes rows at random; none of it may fail.
async fn shop(mut connection: PgConnection, session: u64, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) {
    sqlx::raw_sql("SET application_name = 'load'").execute(&mut connection).await.unwrap();
    let mut number = session;
    while !stop.load(Ordering::Relaxed) {
        // Knuth's multiplicative constants: any rows will do, but not always the same.
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = i64::try_from(100 + (number >> 33) % 19_000).unwrap();
        let query = match number >> 61 {
            0 => "UPDATE orders SET created_at = now() WHERE id = $1",
            1 => "UPDATE orders SET customer_id = (customer_id + 1) % 500 WHERE id = $1",
            2 => "SELECT count(*) FROM orders WHERE customer_id = $1 % 500",
            _ => "SELECT * FROM orders WHERE id = $1",
        };
        sqlx::query(query).bind(id).execute(&mut connection).await.unwrap();
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Keeps the longest time that a statement of the load has waited for a lock that one of our sessions holds.
async fn watch(
    mut connection: PgConnection,
    stop: Arc<AtomicBool>,
    (longest_us, looks): (Arc<AtomicU64>, Arc<AtomicU64>),
) {
    let sql = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waiting.waitstart)), 0)::float8
               FROM pg_locks AS waiting
               JOIN pg_stat_activity AS session USING (pid)
               WHERE NOT waiting.granted
                 AND session.application_name = 'load'
                 AND EXISTS (
                     SELECT FROM unnest(pg_blocking_pids(waiting.pid)) AS blocking (pid)
                     JOIN pg_stat_activity AS ours USING (pid)
                     WHERE ours.usename = 'qs_apply'
                 )";
    while !stop.load(Ordering::Relaxed) {
        let seconds: f64 = sqlx::query(sql).fetch_one(&mut connection).await.unwrap().get(0);
        longest_us.fetch_max((seconds * 1e6) as u64, Ordering::Relaxed);
        looks.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
