//! Starts everything in order, and stops it in the reverse order.

pub mod backing;
mod published;
mod signals;
mod web;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use prometheus_client::registry::Registry;
use querysmith_advice::thresholds::Thresholds;
use querysmith_shared::timestamp::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::advising::big_stack::BigStack;
use crate::advising::context::AdviceContext;
use crate::api::context::{ApiParts, Installation, Reach};
use crate::api::metrics::HttpMetrics;
use crate::api::secret::{setup_code, setup_code_hash};
use crate::api::server::serve;
use crate::config::Config;
use crate::fleet::authority::Authority;
use crate::fleet::listener::{self, FleetConfig};
use crate::fleet::roster::{Fleet, FleetEvent};
use crate::ingest::fleet_store::FleetTables;
use crate::ingest::ingester::Ingester;
use crate::jobs::keep::make_partitions;
use crate::jobs::registry;
use crate::jobs::runner::{self, Ground, JobsHandle};
use crate::jobs::status::Board;
use crate::store::Store;
use crate::store::evidence::HistoryCache;
use crate::telemetry::Metrics;
use crate::wake::{Topic, Wake};
use backing::{Backing, patiently};
use published::Published;

/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs that jobs are in get this long at the end.
const JOBS_TIME: Duration = Duration::from_secs(20);
/// Decisions made at a time. They are all CPU: more would only take it from ingest.
const THREADS: usize = 2;

/// Runs the controller until it is told to stop by SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<()> {
    let mut stop = signals::Stop::listen().context("failed to listen for signals")?;
    // Another library of this process may have installed it already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let started_at = Utc::now();

    let Some(backing) = stop.unless(Backing::open(&config)).await else { return Ok(()) };
    let backing = backing?;
    let store = backing.store.clone();
    let result = match stop.unless(patiently(|| prepare(&store))).await {
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok(())) => run_on(&config, &backing, started_at, &mut stop).await,
    };
    store.pool.close().await;
    backing.close().await;
    tracing::info!("stopped");
    result
}

async fn prepare(store: &Store) -> Result<()> {
    store.migrate().await.context("failed to bring the store up to date")?;
    make_partitions(store, Utc::now()).await
}

async fn run_on(
    config: &Config,
    backing: &Backing,
    started_at: DateTime<Utc>,
    stop: &mut signals::Stop,
) -> Result<()> {
    let store = backing.store.clone();
    let data = &config.data.directory;
    // Bound before anything runs: a port that is taken is the likeliest mistake.
    let http = TcpListener::bind(config.http.listen)
        .with_context(|| format!("failed to listen on {} for the console", config.http.listen))?;
    let tls = web::tls(&config.http)?;
    let wake = Wake::default();
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let http_metrics = HttpMetrics::register(&mut registry);

    let authority = open_authority(data).await?;
    let pin = authority.pin();
    let fleet = start_link(config, authority, &store, &wake, &metrics).await?;
    let bridge = tokio::spawn(tell_about_agents(fleet.subscribe(), wake.clone()));
    let (stop_jobs, jobs_stopping) = watch::channel(false);
    let advice = advice(config, &store, &wake, &fleet);
    let (jobs, running_jobs) = start_jobs(config, &advice, &metrics, &jobs_stopping)?;

    let published = Published {
        http: web::address(&http, tls.is_some())?,
        link: fleet.local_address().map_or_else(String::new, |address| address.to_string()),
        pid: std::process::id(),
    };
    let link_address =
        if config.link.advertise.is_empty() { published.link.clone() } else { config.link.advertise.clone() };
    let parts = ApiParts {
        store: store.clone(),
        wake,
        fleet: fleet.clone(),
        jobs: Arc::new(web::JobsForApi(jobs)),
        advice,
        installation: Installation {
            version: VERSION.to_owned(),
            store: backing.kind(),
            started_at,
            demo: config.data.demo,
            link_address,
            pin,
        },
        reach: Reach {
            https: tls.is_some() || config.http.behind_https,
            other_hosts: config.http.other_hosts.clone(),
        },
        http_metrics,
        metrics: Arc::new(registry),
    };
    if stop.unless(patiently(|| welcome(&store, &published))).await.transpose()?.is_none() {
        tracing::info!("told to stop before everything ran");
    }
    // Last, because whoever waits for this file takes the controller for ready. The port is bound already.
    published.write(data)?;
    let served = serve(parts, http, tls, stop.told()).await.context("failed to serve the API");
    tracing::info!("stopping");
    published::remove(data);
    stop_jobs.send_replace(true);
    fleet.shutdown().await;
    bridge.abort();
    stop_running(running_jobs).await;
    served
}

async fn open_authority(data: &Path) -> Result<Authority> {
    let data = data.to_owned();
    let now = Timestamp::from(SystemTime::now());
    tokio::task::spawn_blocking(move || Authority::open(&data, now))
        .await
        .context("the opening of the authority panicked")?
        .context("failed to open the authority that signs certificates")
}

async fn start_link(
    config: &Config,
    authority: Authority,
    store: &Store,
    wake: &Wake,
    metrics: &Metrics,
) -> Result<Fleet> {
    let settings = FleetConfig {
        listen: config.link.listen,
        max_connections: config.link.max_connections,
        controller_version: VERSION.to_owned(),
    };
    let tables = FleetTables::new(store.clone());
    let ingester = Ingester::new(store.clone(), wake.clone(), metrics.clone(), config.retention.raw());
    listener::start(settings, authority, Arc::new(tables), Arc::new(ingester))
        .await
        .with_context(|| format!("failed to listen on {} for agents", config.link.listen))
}

fn advice(config: &Config, store: &Store, wake: &Wake, fleet: &Fleet) -> AdviceContext {
    AdviceContext {
        store: store.clone(),
        wake: wake.clone(),
        agents: Arc::new(fleet.clone()),
        threads: BigStack::new(THREADS),
        history: HistoryCache::default(),
        thresholds: Arc::new(Thresholds { switchback: config.trials.switchback(), ..Thresholds::default() }),
        proposal_life: config.proposals.life(),
        terms: config.trials.terms(),
    }
}

fn start_jobs(
    config: &Config,
    context: &AdviceContext,
    metrics: &Metrics,
    stopping: &watch::Receiver<bool>,
) -> Result<(JobsHandle, JoinSet<()>)> {
    let jobs =
        registry::jobs(context, &config.jobs, config.retention).context("failed to schedule the jobs")?;
    let ground = Ground {
        store: context.store.clone(),
        wake: context.wake.clone(),
        metrics: metrics.clone(),
        board: Board::default(),
    };
    Ok(runner::start(jobs, &ground, stopping))
}

/// Passes on that agents came and went.
async fn tell_about_agents(mut events: tokio::sync::broadcast::Receiver<FleetEvent>, wake: Wake) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match events.recv().await {
            Ok(
                FleetEvent::Connected(agent)
                | FleetEvent::Greeted(agent)
                | FleetEvent::Disconnected(agent)
                | FleetEvent::DuplicateIdentity(agent),
            ) => wake.publish(Topic::Agents, Some(agent.0)),
            Err(RecvError::Lagged(_)) => wake.publish(Topic::Agents, None),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn stop_running(mut jobs: JoinSet<()>) {
    let ended = tokio::time::timeout(JOBS_TIME, async { while jobs.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(left = jobs.len(), "jobs did not end in time and are given up");
        jobs.shutdown().await;
    }
}

/// Says where the console is, and how to make the first account while there is none.
async fn welcome(store: &Store, published: &Published) -> Result<()> {
    // On standard output, so that it is seen whatever is logged.
    println!("The console is at {}", published.http);
    let is_needed = store.setup_needed().await.context("failed to look for accounts")?;
    if is_needed {
        let code = setup_code();
        let is_kept = store.put_setup_code(setup_code_hash(&code), Utc::now()).await;
        if is_kept.context("failed to keep the set-up code")? {
            println!("There is no account yet. Make the first one there with this one-time code: {code}");
        }
    }
    tracing::info!(console = published.http, link = published.link, "running");
    Ok(())
}
