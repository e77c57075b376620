//! Runs jobs: by their schedule, at once when a hint concerns them, one run of a job at a time.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::Utc;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;

use super::status::Board;
use crate::schedule::Schedule;
use crate::store::Store;
use crate::store::job_rows::Claim;
use crate::telemetry::Metrics;
use crate::wake::{Hint, Topic, Wake};

/// How long a job waits after a hint for further ones, so that a burst is one run.
const SETTLE: Duration = Duration::from_millis(20);

/// Whose job it is where several controllers share a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One controller at a time does it for all.
    Store,
    /// Every controller does it for the agents connected to it.
    Controller,
}

/// What a job does when it runs.
pub trait Work: Send + Sync + 'static {
    /// Does what is to be done now. Dropped when it takes longer than the job's budget: then whatever was
    /// begun in a transaction is rolled back.
    fn run(&self) -> BoxFuture<'_, Result<()>>;
}

/// A job.
pub struct Job {
    /// Its name, as in the API.
    pub name: &'static str,
    /// When it runs by itself.
    pub schedule: Schedule,
    /// Hints that make it run at once.
    pub wakes: &'static [Topic],
    /// Least time from the start of one run to the start of the next, whatever the hints.
    pub pause: Duration,
    /// Longest time for one run.
    pub budget: Duration,
    /// Whose job it is.
    pub scope: Scope,
    /// What it does.
    pub work: Arc<dyn Work>,
}

/// What all jobs run with.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Where the claims and the status are.
    pub store: Store,
    /// Where hints come from, and where the end of a run is told.
    pub wake: Wake,
    /// Counts runs.
    pub metrics: Metrics,
    /// Shows how the jobs are doing.
    pub board: Board,
}

/// Handle to the running jobs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JobsHandle {
    triggers: Arc<BTreeMap<&'static str, Arc<Notify>>>,
    board: Board,
}

impl JobsHandle {
    /// Has a job run now; false if there is no such job.
    pub fn run_now(&self, name: &str) -> bool {
        self.triggers.get(name).map(|trigger| trigger.notify_one()).is_some()
    }

    /// What is wrong with the jobs, one sentence each; empty if nothing is.
    pub fn problems(&self) -> Vec<String> {
        self.board.problems(Utc::now())
    }
}

/// Starts every job. They end after `stopping` turns true, each at the end of the run it is in; the caller
/// awaits the set.
pub fn start(jobs: Vec<Job>, ground: &Ground, stopping: &watch::Receiver<bool>) -> (JobsHandle, JoinSet<()>) {
    let mut triggers = BTreeMap::new();
    let mut tasks = JoinSet::new();
    for job in jobs {
        let trigger = Arc::new(Notify::new());
        triggers.insert(job.name, Arc::clone(&trigger));
        ground.board.add(job.name, job.budget);
        tasks.spawn(keep_running(job, ground.clone(), trigger, ground.wake.subscribe(), stopping.clone()));
    }
    (JobsHandle { triggers: Arc::new(triggers), board: ground.board.clone() }, tasks)
}

async fn keep_running(
    job: Job,
    ground: Ground,
    trigger: Arc<Notify>,
    mut hints: broadcast::Receiver<Hint>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let began = Instant::now();
        run_once(&job, &ground).await;
        let rest = job.pause.saturating_sub(began.elapsed());
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = told(&mut stopping) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(job.schedule.wait_from(Utc::now())) => {}
            () = concerned(&mut hints, job.wakes) => tokio::time::sleep(SETTLE).await,
            () = trigger.notified() => {}
            () = told(&mut stopping) => return,
        }
    }
}

/// Returns when the controller stops, also if whoever says so is gone.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Returns at the next hint that concerns the job, also one that came while it ran.
async fn concerned(hints: &mut broadcast::Receiver<Hint>, wakes: &[Topic]) {
    loop {
        match hints.recv().await {
            Ok(hint) if wakes.contains(&hint.topic) => break,
            Ok(_) => {}
            // Some were missed: any of them may have concerned it.
            Err(RecvError::Lagged(_)) if !wakes.is_empty() => break,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
    // The burst behind it is the same news.
    while hints.try_recv().is_ok() {}
}

/// One run, if no other controller is at it. Failures end here: they are logged, and the next activation
/// is the retry.
pub async fn run_once(job: &Job, ground: &Ground) {
    let name = job.name;
    let claim = match job.scope {
        Scope::Controller => None,
        Scope::Store => match ground.store.claim_job(name).await {
            Ok(Claim::Taken(claim)) => Some(claim),
            Ok(Claim::Busy) => return,
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(job = name, error, "failed to claim a job");
                ground.board.finished(name, Utc::now(), true);
                return;
            }
        },
    };
    let started_at = Utc::now();
    let began = Instant::now();
    ground.board.started(name, started_at);
    // The status is for people; a store that is away will show in the run itself.
    let _ = ground.store.job_started(name, job.schedule.expression(), started_at).await;
    // A panic is a failed run as well: the job must not be gone for good, with nobody told.
    let work = AssertUnwindSafe(job.work.run()).catch_unwind();
    let result = match tokio::time::timeout(job.budget, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(anyhow::anyhow!("it panicked: {}", panic_message(panic.as_ref()))),
        Err(_) => Err(anyhow::anyhow!("it took longer than {} s and was given up", job.budget.as_secs())),
    };
    drop(claim);
    let took = began.elapsed();
    let error = result.err().map(|error| format!("{error:#}"));
    match &error {
        Some(error) => {
            tracing::warn!(job = name, error, duration_ms = took.as_millis(), "failed to run a job")
        }
        None => tracing::debug!(job = name, duration_ms = took.as_millis(), "ran a job"),
    }
    ground.metrics.job_ran(name, took, error.is_some());
    let _ = ground.store.job_finished(name, Utc::now(), took, error.as_deref()).await;
    ground.board.finished(name, Utc::now(), error.is_some());
    ground.wake.publish(Topic::Jobs, None);
}

/// What `panic!` was given, where it was text.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
