//! Latency per statement and interval, in histograms with three significant digits.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Slower than this counts as this.
const SLOWEST: Duration = Duration::from_secs(60);

/// What became of one execution, or of one that was due.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// It ran.
    Done {
        /// Since it was wanted: what a customer waits, queueing included.
        felt: Duration,
        /// Since it was sent.
        service: Duration,
    },
    /// It failed, or there was no connection.
    Failed,
    /// It was due too long ago and left out.
    Skipped,
}

/// One line of the driver's report.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The end of the time that the line is about.
    pub at: String,
    /// How long that time is.
    pub seconds: f64,
    /// Executions of all statements.
    pub count: u64,
    /// Failures of all statements.
    pub errors: u64,
    /// Executions of all statements that were left out.
    pub skipped: u64,
    /// Per statement name.
    pub statements: BTreeMap<&'static str, Summary>,
}

/// What is known about one statement over one interval.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Executions.
    pub count: u64,
    /// Failures.
    pub errors: u64,
    /// Executions left out because the ones before took too long.
    pub skipped: u64,
    /// Median of the time since it was wanted.
    pub p50_ms: f64,
    /// 95 of 100 are quicker.
    pub p95_ms: f64,
    /// 99 of 100 are quicker.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Median of the time since it was sent.
    pub service_p50_ms: f64,
    /// Mean of the time since it was sent.
    pub service_mean_ms: f64,
}

/// Collects outcomes per statement.
#[derive(Clone, Debug)]
pub struct Recorder {
    statements: BTreeMap<&'static str, Record>,
}

#[derive(Clone, Debug)]
struct Record {
    felt: Histogram<u64>,
    service: Histogram<u64>,
    errors: u64,
    skipped: u64,
}

impl Recorder {
    /// A recorder that knows these statements.
    pub fn new(names: &[&'static str]) -> Self {
        Self { statements: names.iter().map(|name| (*name, Record::new())).collect() }
    }

    /// Notes one outcome.
    pub fn note(&mut self, name: &'static str, outcome: Outcome) {
        let record = self.statements.entry(name).or_insert_with(Record::new);
        match outcome {
            Outcome::Done { felt, service } => {
                record.felt.saturating_record(microseconds(felt));
                record.service.saturating_record(microseconds(service));
            }
            Outcome::Failed => record.errors += 1,
            Outcome::Skipped => record.skipped += 1,
        }
    }

    /// Adds all that another recorder has noted.
    pub fn add(&mut self, other: &Self) {
        for (name, record) in &other.statements {
            let sum = self.statements.entry(name).or_insert_with(Record::new);
            sum.felt += &record.felt;
            sum.service += &record.service;
            sum.errors += record.errors;
            sum.skipped += record.skipped;
        }
    }

    /// What was noted, as a line of the report.
    pub fn line(&self, at: String, length: Duration) -> Line {
        let statements: BTreeMap<_, _> =
            self.statements.iter().map(|(name, record)| (*name, record.summary())).collect();
        Line {
            at,
            seconds: length.as_secs_f64(),
            count: statements.values().map(|summary| summary.count).sum(),
            errors: statements.values().map(|summary| summary.errors).sum(),
            skipped: statements.values().map(|summary| summary.skipped).sum(),
            statements,
        }
    }
}

impl Record {
    fn new() -> Self {
        let empty = Histogram::new_with_bounds(1, microseconds(SLOWEST), 3)
            .expect("bounds of one microsecond and a minute are valid");
        Self { felt: empty.clone(), service: empty, errors: 0, skipped: 0 }
    }

    fn summary(&self) -> Summary {
        let felt = |quantile: f64| milliseconds(self.felt.value_at_quantile(quantile));
        Summary {
            count: self.felt.len(),
            errors: self.errors,
            skipped: self.skipped,
            p50_ms: felt(0.50),
            p95_ms: felt(0.95),
            p99_ms: felt(0.99),
            max_ms: milliseconds(self.felt.max()),
            service_p50_ms: milliseconds(self.service.value_at_quantile(0.50)),
            service_mean_ms: (self.service.mean()).round() / 1000.0,
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a minute of microseconds is far below 2^52")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}
