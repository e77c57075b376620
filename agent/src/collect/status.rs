//! How the collectors of one server are doing, as it is reported.

use std::time::Duration;

use querysmith_shared::observation::collector::{
    CollectorOutcome, CollectorReport, CollectorStatus, MAX_PROBLEMS, Problem,
};
use querysmith_shared::timestamp::Timestamp;

use super::collector::Collector;
use crate::engines::Collected;

/// How a collector is to run.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Which.
    pub collector: Collector,
    /// Time from one run to the next.
    pub interval: Duration,
    /// Longest run of one of its statements.
    pub timeout: Duration,
}

/// The state of every collector of one server.
#[derive(Debug)]
pub struct Statuses {
    entries: Vec<Entry>,
    changed: bool,
}

#[derive(Debug)]
struct Entry {
    collector: Collector,
    status: CollectorStatus,
    new_problems: Vec<Problem>,
}

impl Statuses {
    /// Nothing has run yet.
    pub fn new(paces: impl IntoIterator<Item = Pace>) -> Self {
        let entries = paces.into_iter().map(|Pace { collector, interval, timeout }| Entry {
            collector,
            status: CollectorStatus {
                name: collector.as_str().to_owned(),
                interval_ms: millis(interval),
                timeout_ms: millis(timeout),
                last_run: None,
                last_success: None,
                last_duration_ms: 0,
                rows: 0,
                outcome: CollectorOutcome::NeverRan,
                problems: Vec::new(),
            },
            new_problems: Vec::new(),
        });
        Self { entries: entries.collect(), changed: false }
    }

    /// A run has begun.
    pub fn started(&mut self, collector: Collector, now: Timestamp) {
        if let Some(entry) = self.entry(collector) {
            entry.status.last_run = Some(now);
        }
    }

    /// A run has brought something; returns whether the one before had not.
    pub fn ended(
        &mut self,
        collector: Collector,
        duration: Duration,
        collected: &Collected,
        now: Timestamp,
    ) -> bool {
        let Some(entry) = self.entry(collector) else { return false };
        let outcome = if collected.problems.is_empty() {
            CollectorOutcome::Complete
        } else {
            CollectorOutcome::Partial
        };
        let status = &mut entry.status;
        let recovered = status.outcome == CollectorOutcome::Failed;
        let mut problems = collected.problems.clone();
        problems.truncate(MAX_PROBLEMS);
        let changed = status.outcome != outcome || status.problems != problems;
        entry.new_problems =
            problems.iter().filter(|problem| !status.problems.contains(problem)).cloned().collect();
        status.problems = problems;
        status.outcome = outcome;
        status.last_success = Some(now);
        status.last_duration_ms = millis(duration);
        status.rows = collected.rows;
        self.changed |= changed;
        recovered
    }

    /// A run has brought nothing; returns whether that is news.
    pub fn failed(&mut self, collector: Collector, duration: Duration, reason: &str) -> bool {
        let Some(entry) = self.entry(collector) else { return false };
        let problems = vec![Problem { message: reason.to_owned(), remedy: None, database: None }];
        let news = entry.status.outcome != CollectorOutcome::Failed || entry.status.problems != problems;
        entry.status.outcome = CollectorOutcome::Failed;
        entry.status.problems = problems;
        entry.status.last_duration_ms = millis(duration);
        entry.status.rows = 0;
        self.changed |= news;
        news
    }

    /// The interval is another now.
    pub fn stretched(&mut self, collector: Collector, interval: Duration) {
        if let Some(entry) = self.entry(collector) {
            entry.status.interval_ms = millis(interval);
        }
    }

    /// The problems that a collector's last run had and the one before had not.
    pub fn new_problems(&mut self, collector: Collector) -> Vec<Problem> {
        self.entry(collector).map(|entry| std::mem::take(&mut entry.new_problems)).unwrap_or_default()
    }

    /// Whether an outcome or problem changed since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The report.
    pub fn report(&self) -> CollectorReport {
        CollectorReport { collectors: self.entries.iter().map(|entry| entry.status.clone()).collect() }
    }

    fn entry(&mut self, collector: Collector) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.collector == collector)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(message: &str) -> Problem {
        Problem { message: message.into(), remedy: None, database: None }
    }

    #[test]
    fn only_what_changes_is_news() {
        let second = Duration::from_secs(1);
        let pace = Pace { collector: Collector::Plans, interval: 60 * second, timeout: 5 * second };
        let mut statuses = Statuses::new([pace]);
        let ended = |statuses: &mut Statuses, problems: Vec<Problem>| {
            let collected = Collected { problems, rows: 3, ..Collected::default() };
            statuses.ended(Collector::Plans, second, &collected, Timestamp(5))
        };
        assert_eq!(statuses.report().collectors[0].outcome, CollectorOutcome::NeverRan);
        assert!(!ended(&mut statuses, vec![]) && statuses.take_changed());
        assert!(!ended(&mut statuses, vec![]) && !statuses.take_changed());
        assert!(!ended(&mut statuses, vec![problem("a")]) && statuses.take_changed());
        assert_eq!(statuses.new_problems(Collector::Plans), [problem("a")]);
        assert!(!ended(&mut statuses, vec![problem("a")]) && !statuses.take_changed());
        assert_eq!(statuses.new_problems(Collector::Plans), []);
        assert!(statuses.failed(Collector::Plans, second, "away") && statuses.take_changed());
        assert!(!statuses.failed(Collector::Plans, second, "away") && !statuses.take_changed());
        let status = &statuses.report().collectors[0];
        assert_eq!(
            (status.outcome, status.rows, status.last_success),
            (CollectorOutcome::Failed, 0, Some(Timestamp(5)))
        );
        assert!(ended(&mut statuses, vec![]));
    }
}
