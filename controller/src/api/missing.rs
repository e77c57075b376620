//! Why something is not there, and what to do about it. Pure: an empty panel must say so itself.

use chrono::{DateTime, TimeDelta, Utc};
use querysmith_shared::observation::collector::{CollectorOutcome, CollectorStatus};

use super::instances::InstanceStatus;
use crate::store::read_instances::InstanceRow;
use crate::store::read_queries::CoverageRow;

/// Reports come every few seconds; an instance without one for this long is silent.
const SILENT_AFTER: TimeDelta = TimeDelta::minutes(2);
/// Statistics come every quarter of a minute, and reach the store a little later.
const STATISTICS_LAG: TimeDelta = TimeDelta::seconds(60);
/// Less than this share of a stretch is worth a word.
const NEARLY_ALL: f64 = 0.98;

/// What is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanting {
    /// What the server is doing now.
    Activity,
    /// What its statements did.
    Statements,
}

impl Wanting {
    fn collector(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Statements => "query_stats",
        }
    }
}

/// Why an instance shows nothing of a kind.
pub fn reason(instance: &InstanceRow, wanting: Wanting) -> String {
    let name = &instance.name;
    if instance.agent_revoked {
        return format!("The agent of {name} was revoked: enrol a new one.");
    }
    if instance.last_report_at.is_none() {
        return format!(
            "The agent of {name} has not reported yet. If this lasts, look at its log, or run `querysmith-agent check` beside it."
        );
    }
    let collector = instance.collectors.iter().find(|collector| collector.name == wanting.collector());
    match collector {
        Some(collector) if !collector.problems.is_empty() => problem_of(collector),
        Some(collector) if collector.outcome == CollectorOutcome::Failed => {
            format!("The collector {} of {name} fails; the agent's log has the reason.", collector.name)
        }
        _ => match wanting {
            Wanting::Activity => format!(
                "{name} has been looked at, but no sample has come yet. The first takes some seconds."
            ),
            Wanting::Statements => format!(
                "No statement ran on {name} in this stretch of time, as far as its statistics tell. Statistics appear after the second reading, about half a minute after the agent started."
            ),
        },
    }
}

/// What a collector lacks, with the remedy of the first thing.
fn problem_of(collector: &CollectorStatus) -> String {
    let mut text: Vec<String> =
        collector.problems.iter().take(3).map(|problem| sentence(&problem.message)).collect();
    if let Some(remedy) = collector.problems.iter().find_map(|problem| problem.remedy.as_deref()) {
        text.push(format!("To mend it: {remedy}"));
    }
    text.join(" ")
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// Whether what is shown of an instance can be relied upon, and why not.
pub fn standing(
    instance: &InstanceRow,
    connected: bool,
    now: DateTime<Utc>,
) -> (InstanceStatus, Option<String>) {
    if instance.agent_revoked {
        return (InstanceStatus::Silent, Some("Its agent was revoked.".to_owned()));
    }
    let Some(last_report) = instance.last_report_at else {
        let reason = if connected {
            "Its agent is connected; the first report is on its way."
        } else {
            "Its agent has not reported yet and is not connected."
        };
        return (InstanceStatus::Waiting, Some(reason.to_owned()));
    };
    if now - last_report > SILENT_AFTER {
        let minutes = (now - last_report).num_minutes();
        let reason = if connected {
            format!("No report for {minutes} min, although its agent is connected: look at the agent's log.")
        } else {
            format!("No report for {minutes} min: its agent is not connected.")
        };
        return (InstanceStatus::Silent, Some(reason));
    }
    let lacking: Vec<&CollectorStatus> =
        instance.collectors.iter().filter(|collector| is_lacking(collector)).collect();
    match lacking.first() {
        None => (InstanceStatus::Ok, None),
        Some(first) => {
            let names: Vec<&str> = lacking.iter().map(|collector| collector.name.as_str()).collect();
            let detail = if first.problems.is_empty() {
                "The agent's log has the reason.".to_owned()
            } else {
                problem_of(first)
            };
            (InstanceStatus::Degraded, Some(format!("Incomplete: {}. {detail}", names.join(", "))))
        }
    }
}

fn is_lacking(collector: &CollectorStatus) -> bool {
    match collector.outcome {
        CollectorOutcome::Partial | CollectorOutcome::Failed => true,
        CollectorOutcome::Complete | CollectorOutcome::NeverRan => false,
    }
}

/// Share of a stretch for which statistics came, over all instances, and what is missing. What was before an
/// instance was first heard of, and what can't have come yet, is not missed.
pub fn coverage(
    rows: &[CoverageRow],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    now: DateTime<Utc>,
) -> (f64, Option<String>) {
    let (mut expected_s, mut covered_s) = (0.0, 0.0);
    let mut reasons = Vec::new();
    for row in rows {
        let start = from.max(row.first_seen_at + STATISTICS_LAG);
        let end = to.min(now - STATISTICS_LAG);
        let expected = (end - start).as_seconds_f64().max(0.0);
        let covered = row.covered_s.clamp(0.0, expected);
        expected_s += expected;
        covered_s += covered;
        if expected > 0.0 && covered < expected * NEARLY_ALL {
            let minutes = ((expected - covered) / 60.0).ceil();
            reasons.push(format!("{}: no statistics for {minutes:.0} min of this stretch.", row.name));
        }
        if row.evictions > 0 {
            reasons.push(format!(
                "{}: the server forgot statements {} times for want of room; raise pg_stat_statements.max (now {}).",
                row.name, row.evictions, row.capacity
            ));
        }
        if row.was_reset {
            reasons.push(format!("{}: its counters were reset meanwhile.", row.name));
        }
    }
    let fraction = if expected_s > 0.0 { covered_s / expected_s } else { 1.0 };
    let more = reasons.len().saturating_sub(3);
    reasons.truncate(3);
    if more > 0 {
        reasons.push(format!("And {more} more."));
    }
    (fraction, (!reasons.is_empty()).then(|| reasons.join(" ")))
}

#[cfg(test)]
#[path = "missing/tests.rs"]
mod tests;
