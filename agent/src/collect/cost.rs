//! What the agent itself costs: measured, reported, and the reason to back off.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use querysmith_shared::observation::collector::AgentCost;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ReportBody;
use tokio::sync::watch;
use tracing::{info, warn};

use super::budget::{self, Usage};
use super::sink::{Reports, ToOutbox};
use crate::config::Budget;
use crate::engines::Engine;

/// Time between two reports.
const INTERVAL: Duration = Duration::from_secs(60);
/// The first report comes sooner, so that the console has something to show.
const FIRST: Duration = Duration::from_secs(10);
/// Shorter stretches, such as the first, say nothing about the budget.
const SHORTEST_JUDGED: Duration = Duration::from_secs(30);

/// Measures and reports until `stop` is true; `stretch` receives the factor for every interval.
pub async fn run(
    budget: Budget,
    engines: Vec<Arc<dyn Engine>>,
    reports: ToOutbox,
    stretch: watch::Sender<f64>,
    mut stop: watch::Receiver<bool>,
) {
    let mut earlier = Reading::take(&engines, &reports);
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        pause = INTERVAL;
        let now = Reading::take(&engines, &reports);
        let elapsed = now.at.duration_since(earlier.at);
        let used = now.since(&earlier);
        let factor = *stretch.borrow();
        let next =
            if elapsed >= SHORTEST_JUDGED { budget::next_factor(factor, used, &budget) } else { factor };
        if next > factor {
            warn!(factor = next, ?used, "over budget: the intervals are stretched");
        } else if next < factor {
            info!(factor = next, "within budget: the intervals are shortened");
        }
        if now.rss_bytes > budget.rss_bytes {
            warn!(rss_bytes = now.rss_bytes, budget = budget.rss_bytes, "memory is over budget");
        }
        stretch.send_replace(next);
        let spool = reports.outbox.stats();
        #[allow(clippy::cast_possible_truncation)]
        let cost = AgentCost {
            measured_at: Timestamp::from(SystemTime::now()),
            cpu_fraction: used.cpu_fraction as f32,
            rss_bytes: now.rss_bytes,
            rss_peak_bytes: now.rss_peak_bytes,
            database_fraction: used.database_fraction as f32,
            sent_bytes_per_s: used.sent_bytes_per_s as f32,
            spool_reports: spool.reports,
            spool_bytes: spool.bytes,
            dropped_reports: spool.dropped_reports,
            backoff_factor: next as f32,
        };
        if let Err(error) = reports.append(ReportBody::Cost(cost)).await {
            warn!(error = &error as &dyn std::error::Error, "failed to report the agent's cost");
        }
        earlier = now;
    }
}

/// The agent's counters at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Instant,
    cpu: Duration,
    statements: Duration,
    sent_bytes: u64,
    rss_bytes: u64,
    rss_peak_bytes: u64,
}

impl Reading {
    fn take(engines: &[Arc<dyn Engine>], reports: &ToOutbox) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            at: Instant::now(),
            cpu: cpu_time(&std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default())
                .max(ticks(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default())),
            statements: engines.iter().map(|engine| engine.statement_time()).sum(),
            sent_bytes: reports.outbox.sent_bytes(),
            rss_bytes: kilobytes(&status, "VmRSS:"),
            rss_peak_bytes: kilobytes(&status, "VmHWM:"),
        }
    }

    fn since(&self, earlier: &Self) -> Usage {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64().max(1e-3);
        let share = |now: Duration, before: Duration| now.saturating_sub(before).as_secs_f64() / seconds;
        #[allow(clippy::cast_precision_loss)]
        Usage {
            cpu_fraction: share(self.cpu, earlier.cpu),
            database_fraction: share(self.statements, earlier.statements),
            sent_bytes_per_s: self.sent_bytes.saturating_sub(earlier.sent_bytes) as f64 / seconds,
        }
    }
}

/// CPU time of the main thread from `/proc/self/schedstat`, in nanoseconds: finer than clock ticks.
fn cpu_time(schedstat: &str) -> Duration {
    let nanoseconds = schedstat.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// CPU time of all threads from `/proc/self/stat`, in the hundredths of a second that Linux counts there.
fn ticks(stat: &str) -> Duration {
    // The second field, the program's name, may hold blanks and parentheses.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn kilobytes(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(ticks("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0"), Duration::from_secs(3));
        assert_eq!(cpu_time("2500000 1 2\n"), Duration::from_micros(2_500));
        assert_eq!(kilobytes("VmPeak:\t 1 kB\nVmRSS:\t    1234 kB\n", "VmRSS:"), 1_263_616);
        assert_eq!((ticks(""), cpu_time(""), kilobytes("", "VmRSS:")), (Duration::ZERO, Duration::ZERO, 0));
    }
}
