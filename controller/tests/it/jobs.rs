//! How jobs run: on hints and on request, one run at a time, failures told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_controller::jobs::runner::{Ground as JobGround, Job, Scope, Work, run_once, start};
use querysmith_controller::jobs::status::Board;
use querysmith_controller::schedule::Schedule;
use querysmith_controller::telemetry::Metrics;
use querysmith_controller::wake::{Topic, Wake};
use tokio::sync::watch;

use crate::ground::Ground;

async fn text(ground: &Ground, sql: &'static str) -> Option<String> {
    sqlx::query_scalar(sql).fetch_optional(&ground.store.pool).await.unwrap().flatten()
}

struct Counting {
    runs: Arc<Mutex<u32>>,
    fails: bool,
}

impl Work for Counting {
    fn run(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        *self.runs.lock().unwrap() += 1;
        let fails = self.fails;
        async move { if fails { Err(anyhow::anyhow!("it is broken")) } else { Ok(()) } }.boxed()
    }
}

fn counting(name: &'static str, fails: bool) -> (Job, Arc<Mutex<u32>>) {
    let runs = Arc::new(Mutex::new(0));
    let job = Job {
        name,
        schedule: Schedule::parse("0 0 0 1 1 *").unwrap(),
        wakes: &[Topic::Findings],
        pause: Duration::ZERO,
        budget: Duration::from_secs(5),
        scope: Scope::Store,
        work: Arc::new(Counting { runs: Arc::clone(&runs), fails }),
    };
    (job, runs)
}

#[tokio::test]
async fn a_job_runs_on_hints_and_on_request_and_its_failures_are_told() {
    let ground = Ground::new().await;
    let jobs = JobGround {
        store: ground.store.clone(),
        wake: Wake::default(),
        metrics: Metrics::default(),
        board: Board::default(),
    };
    let (stop, stopping) = watch::channel(false);
    let (good, good_runs) = counting("good", false);
    let (bad, bad_runs) = counting("bad", true);
    let (handle, mut tasks) = start(vec![good, bad], &jobs, &stopping);
    let until = async |runs: &Arc<Mutex<u32>>, count: u32| {
        let began = Instant::now();
        while *runs.lock().unwrap() < count {
            assert!(began.elapsed() < Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    until(&good_runs, 1).await;
    jobs.wake.publish(Topic::Queries, None);
    jobs.wake.publish(Topic::Findings, None);
    until(&good_runs, 2).await;
    assert!(handle.run_now("good"));
    assert!(!handle.run_now("unknown"));
    until(&good_runs, 3).await;
    for runs in 1..4 {
        until(&bad_runs, runs).await;
        handle.run_now("bad");
    }
    until(&bad_runs, 4).await;
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
    assert!(handle.problems()[0].contains("job bad failed"), "{:?}", handle.problems());
    assert_eq!(
        text(&ground, "SELECT last_error FROM job WHERE name = 'bad'").await.as_deref(),
        Some("it is broken")
    );
    assert_eq!(
        ground.count("SELECT count(*) FROM job WHERE name = 'good' AND failures = 0 AND runs >= 3").await,
        1
    );
}

#[tokio::test]
async fn a_job_that_another_controller_is_at_does_not_run() {
    let ground = Ground::new().await;
    let jobs = JobGround {
        store: ground.store.clone(),
        wake: Wake::default(),
        metrics: Metrics::default(),
        board: Board::default(),
    };
    let (job, runs) = counting("shared", false);
    let claim = ground.store.claim_job("shared").await.unwrap();
    run_once(&job, &jobs).await;
    assert_eq!(*runs.lock().unwrap(), 0);
    drop(claim);
    wait_until_free(&job, &jobs, &runs).await;
}

async fn wait_until_free(job: &Job, jobs: &JobGround, runs: &Arc<Mutex<u32>>) {
    let began = Instant::now();
    while *runs.lock().unwrap() == 0 {
        assert!(began.elapsed() < Duration::from_secs(60));
        run_once(job, jobs).await;
    }
}

struct PanicsOnce(Mutex<bool>);

impl Work for PanicsOnce {
    fn run(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        let first = !std::mem::replace(&mut *self.0.lock().unwrap(), true);
        async move { if first { panic!("index 3 is out of bounds") } else { Ok(()) } }.boxed()
    }
}

#[tokio::test]
async fn a_job_that_panicked_is_told_and_runs_again() {
    let ground = Ground::new().await;
    let jobs = JobGround {
        store: ground.store.clone(),
        wake: Wake::default(),
        metrics: Metrics::default(),
        board: Board::default(),
    };
    let (stop, stopping) = watch::channel(false);
    let (job, _) = counting("frail", false);
    let job = Job { work: Arc::new(PanicsOnce(Mutex::new(false))), ..job };
    let (handle, mut tasks) = start(vec![job], &jobs, &stopping);
    let until = async |sql: &'static str| {
        let began = Instant::now();
        while ground.count(sql).await == 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "{sql}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    until("SELECT count(*) FROM job WHERE name = 'frail' AND failures = 1").await;
    assert_eq!(
        text(&ground, "SELECT last_error FROM job WHERE name = 'frail'").await.as_deref(),
        Some("it panicked: index 3 is out of bounds")
    );
    assert!(handle.run_now("frail"));
    until("SELECT count(*) FROM job WHERE name = 'frail' AND last_error IS NULL AND runs = 2").await;
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
    assert_eq!(handle.problems(), Vec::<String>::new());
}
