//! Logs and metrics.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use querysmith_configuration::logging::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::config::logging::Log;
use crate::ingest::batch::Stored;

/// Which job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    job: &'static str,
}

/// The controller's own figures. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    reports: Counter,
    duplicates: Counter,
    refused: Counter,
    rows: Counter,
    job_seconds: Family<JobLabels, Histogram, fn() -> Histogram>,
    job_failures: Family<JobLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            reports: Counter::default(),
            duplicates: Counter::default(),
            refused: Counter::default(),
            rows: Counter::default(),
            // 1 ms to a minute.
            job_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 9))),
            job_failures: Family::default(),
        }
    }
}

impl Metrics {
    /// Makes them and adds them to a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("querysmith_ingest_reports", "Reports stored", metrics.reports.clone());
        registry.register(
            "querysmith_ingest_duplicates",
            "Reports that came again and were passed over",
            metrics.duplicates.clone(),
        );
        registry.register(
            "querysmith_ingest_refused",
            "Reports that can't be stored and were set aside",
            metrics.refused.clone(),
        );
        registry.register(
            "querysmith_ingest_rows",
            "Rows of statement statistics stored",
            metrics.rows.clone(),
        );
        registry.register("querysmith_job_seconds", "Time of a job's run", metrics.job_seconds.clone());
        registry.register(
            "querysmith_job_failures",
            "Runs of a job that failed",
            metrics.job_failures.clone(),
        );
        metrics
    }

    /// Counts a batch.
    pub fn ingested(&self, stored: &Stored) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.reports.inc_by(number(stored.written));
        self.duplicates.inc_by(number(stored.duplicates));
        self.refused.inc_by(number(stored.refused));
        self.rows.inc_by(number(stored.rows));
    }

    /// Counts a run of a job.
    pub fn job_ran(&self, job: &'static str, took: Duration, is_failure: bool) {
        self.job_seconds.get_or_create(&JobLabels { job }).observe(took.as_secs_f64());
        if is_failure {
            self.job_failures.get_or_create(&JobLabels { job }).inc();
        }
    }
}

/// Begins logging to standard error as configured; the configuration's check has seen that the filter can be read.
pub fn start_logging(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Already started by a test or an earlier command of this process: the first one stays.
    let _ = match log.format {
        LogFormat::Human => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
