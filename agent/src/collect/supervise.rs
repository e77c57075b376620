//! Watches one server: runs its collectors when they are due, each on its own, and reports how they are doing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use querysmith_shared::observation::instance::Instance;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ReportBody;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{debug, error, info, warn};

use super::collector::Collector;
use super::schedule::{Ended, Schedule};
use super::sink::{Reports, ToOutbox};
use super::status::{Pace, Statuses};
use crate::config;
use crate::engines::{CollectError, Collected, Engine};

/// A run that takes longer hangs, and is cut off: every statement has a much shorter limit of its own.
const WATCHDOG: Duration = Duration::from_secs(300);
/// Time between two reports of the collectors' state if nothing changes.
const STATUS_INTERVAL: Duration = Duration::from_secs(60);

/// One server and what its collectors need.
pub struct Watched {
    /// The server as configured.
    pub config: config::Instance,
    /// The server.
    pub engine: Arc<dyn Engine>,
    /// Where its reports go.
    pub reports: ToOutbox,
    /// What the controller is told at the start of a connection.
    pub roster: Arc<watch::Sender<Vec<Instance>>>,
    /// Factor by which intervals are stretched.
    pub stretch: watch::Receiver<f64>,
    /// Tells that a parameter was changed from here.
    pub settings_changed: watch::Receiver<()>,
}

type Run = Result<Collected, CollectError>;

/// Runs the collectors until `stop` is true. Runs that have begun are cut off: what they had stored stays.
pub async fn run(watched: Watched, mut stop: watch::Receiver<bool>) {
    let enabled = Collector::ALL.into_iter().filter(|collector| watched.config.enabled(*collector));
    let enabled: Vec<Collector> = enabled.collect();
    let intervals = enabled.iter().map(|collector| (*collector, watched.config.interval(*collector)));
    let mut schedule = Schedule::new(Instant::now(), intervals);
    let mut statuses = Statuses::new(enabled.iter().map(|collector| Pace {
        collector: *collector,
        interval: watched.config.interval(*collector),
        timeout: watched.config.timeout(*collector),
    }));
    let mut tasks: JoinSet<Run> = JoinSet::new();
    let mut running: HashMap<Id, (Collector, Instant)> = HashMap::new();
    let mut forgotten = watched.reports.outbox.stats().forgotten;
    let mut report_at = Instant::now() + STATUS_INTERVAL;
    let mut settings_changed = watched.settings_changed.clone();
    loop {
        let known = watched.engine.server().is_some();
        for collector in schedule.take_due(Instant::now(), known) {
            let task = tasks.spawn(one_run(Arc::clone(&watched.engine), collector, watched.reports.clone()));
            running.insert(task.id(), (collector, Instant::now()));
            statuses.started(collector, Timestamp::from(SystemTime::now()));
        }
        let wake_at = schedule.next(known).map_or(report_at, |next| next.min(report_at));
        tokio::select! {
            Some(joined) = tasks.join_next_with_id() => {
                let Some((collector, begun)) = running.remove(&id_of(&joined)) else { continue };
                let stretch = *watched.stretch.borrow();
                let ended = settle(&watched, collector, begun.elapsed(), joined, &mut schedule, &mut statuses);
                let interval = schedule.ended(collector, Instant::now(), ended, stretch, rand::random());
                statuses.stretched(collector, interval);
            }
            () = tokio::time::sleep_until(wake_at.into()) => {}
            Ok(()) = settings_changed.changed() => schedule.wake(Collector::Settings, Instant::now()),
            _ = stop.wait_for(|stop| *stop) => break,
        }
        resend_after_loss(&watched, &mut forgotten);
        if statuses.take_changed() || Instant::now() >= report_at {
            report_at = Instant::now() + STATUS_INTERVAL;
            let report = ReportBody::Collectors(statuses.report());
            if let Err(error) = watched.reports.append(report).await {
                warn!(error = &error as &dyn std::error::Error, "failed to report the collectors' state");
            }
        }
    }
    tasks.shutdown().await;
    watched.engine.close().await;
}

async fn one_run(engine: Arc<dyn Engine>, collector: Collector, reports: ToOutbox) -> Run {
    match tokio::time::timeout(WATCHDOG, engine.collect(collector, &reports)).await {
        Ok(run) => run,
        Err(_) => {
            engine.forget(collector);
            Err(CollectError::TimedOut(WATCHDOG))
        }
    }
}

fn id_of(joined: &Result<(Id, Run), JoinError>) -> Id {
    match joined {
        Ok((id, _)) => *id,
        Err(error) => error.id(),
    }
}

/// Notes how a run ended, once, where everybody can see it.
fn settle(
    watched: &Watched,
    collector: Collector,
    duration: Duration,
    joined: Result<(Id, Run), JoinError>,
    schedule: &mut Schedule,
    statuses: &mut Statuses,
) -> Ended {
    let (instance, name) = (&watched.config.name, collector.as_str());
    let collected = match joined {
        Ok((_, Ok(collected))) => collected,
        Ok((_, Err(error))) => {
            if statuses.failed(collector, duration, &error.to_string()) {
                warn!(
                    instance,
                    collector = name,
                    error = &error as &dyn std::error::Error,
                    "failed to collect"
                );
            }
            return Ended::Badly;
        }
        Err(error) => {
            watched.engine.forget(collector);
            statuses.failed(collector, duration, "the collector panicked; it begins anew");
            error!(
                instance,
                collector = name,
                error = &error as &dyn std::error::Error,
                "a collector panicked"
            );
            return Ended::Badly;
        }
    };
    debug!(
        instance,
        collector = name,
        rows = collected.rows,
        duration_ms = duration.as_millis(),
        "collected"
    );
    let recovered = statuses.ended(collector, duration, &collected, Timestamp::from(SystemTime::now()));
    for problem in statuses.new_problems(collector) {
        warn!(instance, collector = name, remedy = problem.remedy.as_deref(), "{}", problem.message);
    }
    if recovered {
        info!(instance, collector = name, "collects again");
    }
    if collector == Collector::Server {
        schedule.server_answers(Instant::now());
        enlist(watched);
    }
    for other in collected.wake {
        schedule.wake(other, Instant::now());
    }
    collected.again_in.map_or(Ended::Well(collected.server_time), Ended::AgainIn)
}

/// Keeps the roster as the server describes itself.
fn enlist(watched: &Watched) {
    let server = watched.engine.server();
    let id = watched.reports.instance;
    watched.roster.send_if_modified(|instances| {
        let listed = instances.iter_mut().find(|instance| Some(instance.id) == id);
        let Some(listed) = listed.filter(|listed| listed.server != server) else { return false };
        listed.server = server;
        true
    });
}

/// What is sent only once and was then dropped from the spool would be missing for ever.
fn resend_after_loss(watched: &Watched, forgotten: &mut u64) {
    let now = watched.reports.outbox.stats().forgotten;
    if now > *forgotten {
        *forgotten = now;
        watched.engine.resend();
    }
}
