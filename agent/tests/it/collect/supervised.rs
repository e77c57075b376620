//! Collectors as the agent runs them: on their schedule, into a spool on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use agent::collect::collector::Collector;
use agent::collect::sink::{Reports, ToOutbox};
use agent::collect::supervise::{self, Watched};
use agent::config::{CollectorSettings, Instance};
use agent::engines::{BoxFuture, CollectError, Collected, Engine, Missing};
use agent::link::outbox::{Outbox, SpoolConfig};
use querysmith_shared::engine;
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::collector::{CollectorOutcome, CollectorReport};
use querysmith_shared::observation::instance::Server;
use querysmith_shared::wire::codec::decode_body;
use querysmith_shared::wire::order::{WhatIf, WhatIfAnswer};
use querysmith_shared::wire::report::{Lane, Report, ReportBody};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::stage::{Stage, instance, run};

struct Running {
    outbox: Outbox,
    settings_changed: watch::Sender<()>,
    _directory: TempDir,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    roster: Arc<watch::Sender<Vec<querysmith_shared::observation::instance::Instance>>>,
}

fn start(config: Instance, engine: Arc<dyn Engine>) -> Running {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(directory.path(), SpoolConfig::default()).unwrap();
    let id = InstanceId(Uuid::from_u128(7));
    let listed = querysmith_shared::observation::instance::Instance {
        id,
        name: config.name.clone(),
        environment: config.environment.clone(),
        engine: engine::Engine::PostgreSql,
        server: None,
    };
    let roster = Arc::new(watch::Sender::new(vec![listed]));
    let (stretch, stretched) = watch::channel(1.0);
    let (stop, stopping) = watch::channel(false);
    let settings_changed = watch::Sender::new(());
    let watched = Watched {
        config,
        engine,
        reports: ToOutbox { outbox: outbox.clone(), instance: Some(id) },
        roster: Arc::clone(&roster),
        stretch: stretched,
        settings_changed: settings_changed.subscribe(),
    };
    let task = tokio::spawn(async move {
        supervise::run(watched, stopping).await;
        drop(stretch);
    });
    Running { outbox, settings_changed, _directory: directory, stop, task, roster }
}

impl Running {
    /// Waits for a report that `wanted` accepts.
    async fn report<T>(&self, mut wanted: impl FnMut(&Report) -> Option<T>) -> T {
        let mut last = 0;
        let waiting = async {
            loop {
                for (number, body) in self.outbox.next(Lane::Telemetry, last, 100).await.unwrap() {
                    last = number;
                    let report: Report = decode_body(&body).unwrap();
                    if let Some(found) = wanted(&report) {
                        return found;
                    }
                }
                self.outbox.wait_beyond(self.outbox.incarnation(), Lane::Telemetry, last).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("the report comes")
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn the_first_sample_is_there_within_five_seconds() {
    let stage = Stage::set().await;
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT count(*) FROM orders").await;
    let begun = Instant::now();
    let running =
        start(instance(&stage.cluster.url_as("querysmith_read", "shop")), Arc::clone(&stage.engine));
    let driving = tokio::spawn(async move {
        loop {
            run(&mut app, "SELECT count(*) FROM orders").await;
        }
    });
    let calls = running
        .report(|report| match &report.body {
            ReportBody::QueryStats(window) => window.rows.first().map(|row| row.calls),
            _ => None,
        })
        .await;
    // Well before the first interval is over.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(calls > 0);
    assert!(running.roster.borrow()[0].server.is_some());
    // A plan of the statement that takes all the time comes at once, not after an interval.
    running
        .report(|report| {
            matches!(&report.body, ReportBody::Plans(plans) if plans.plans[0].plan.is_ok()).then_some(())
        })
        .await;
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    driving.abort();
    running.end().await;
    // Nothing of the agent is left on the server.
    let mut connection = stage.cluster.connect("shop").await.unwrap();
    let query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'querysmith/%'";
    loop {
        let sessions: i64 = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
        if sessions == 0 {
            break;
        }
    }
}

#[tokio::test]
async fn settings_are_read_again_when_one_was_changed_from_here() {
    let stage = Stage::set().await;
    let running =
        start(instance(&stage.cluster.url_as("querysmith_read", "shop")), Arc::clone(&stage.engine));
    let jit = |report: &Report| match &report.body {
        ReportBody::Settings(settings) => {
            let jit = settings.changed.iter().find(|setting| setting.name == "jit")?;
            Some(jit.value.clone())
        }
        _ => None,
    };
    let before = running.report(jit).await;
    let other = if before == "on" { "off" } else { "on" };
    let sql = format!("ALTER SYSTEM SET jit = {other}");
    stage.cluster.execute("postgres", &sql).await.unwrap();
    stage.cluster.execute("postgres", "SELECT pg_reload_conf()").await.unwrap();
    // The next look by itself would come in five minutes.
    running.settings_changed.send_replace(());
    running.report(|report| jit(report).filter(|value| value == other)).await;
    running.end().await;
}

/// An engine with one collector that panics, one that hangs until it is aborted, and others that work.
#[derive(Default)]
struct Troubled {
    forgotten: AtomicU32,
}

impl Engine for Troubled {
    fn kind(&self) -> engine::Engine {
        engine::Engine::PostgreSql
    }

    fn collect<'a>(
        &'a self,
        collector: Collector,
        _: &'a dyn Reports,
    ) -> BoxFuture<'a, Result<Collected, CollectError>> {
        Box::pin(async move {
            match collector {
                Collector::Plans => panic!("a bug"),
                Collector::Schema => std::future::pending().await,
                Collector::Usage => Err(CollectError::NotReady),
                _ => Ok(Collected { rows: 1, ..Collected::default() }),
            }
        })
    }

    fn forget(&self, _: Collector) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    fn resend(&self) {}

    fn server(&self) -> Option<Server> {
        Some(Server {
            version: engine::Version { major: 15, minor: 1 },
            system_identifier: "1".into(),
            started_at: querysmith_shared::timestamp::Timestamp(0),
            in_recovery: false,
            databases: Vec::new(),
            what_if: false,
            may_apply: false,
            approvers: Vec::new(),
        })
    }

    fn what_if<'a>(&'a self, question: &'a WhatIf) -> BoxFuture<'a, WhatIfAnswer> {
        let question = question.question;
        Box::pin(async move {
            WhatIfAnswer { question, not_simulated: None, baseline: Vec::new(), candidates: Vec::new() }
        })
    }

    fn check(&self) -> BoxFuture<'_, Missing> {
        Box::pin(async { Missing::default() })
    }

    fn statement_time(&self) -> Duration {
        Duration::ZERO
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_collector_that_panics_or_hangs_stops_no_other() {
    let mut config = instance("postgres://nobody@localhost/none");
    for collector in Collector::ALL {
        let settings = CollectorSettings { interval_s: Some(0.2), ..CollectorSettings::default() };
        config.collectors.insert(collector, settings);
    }
    let engine = Arc::new(Troubled::default());
    let running = start(config, Arc::clone(&engine) as Arc<dyn Engine>);
    let outcome = |report: &CollectorReport, name: &str| {
        report.collectors.iter().find(|status| status.name == name).unwrap().clone()
    };
    let report = running
        .report(|report| match &report.body {
            ReportBody::Collectors(report) => {
                let settled = outcome(report, "plans").outcome == CollectorOutcome::Failed
                    && outcome(report, "query_stats").outcome == CollectorOutcome::Complete
                    && outcome(report, "usage").outcome == CollectorOutcome::Failed;
                settled.then(|| report.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(outcome(&report, "plans").problems[0].message, "the collector panicked; it begins anew");
    assert_eq!(outcome(&report, "schema").outcome, CollectorOutcome::NeverRan);
    assert_eq!(outcome(&report, "usage").problems[0].message, "the server has not answered yet");
    // It is tried again, and what it remembered is dropped each time.
    while engine.forgotten.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    running.end().await;
}
