//! Windows from readings of a server's counters.

use std::collections::BTreeMap;
use std::time::Duration;

use querysmith_shared::timestamp::Timestamp;

use crate::measure::switchback::window::{Fault, Reading, StatementSums, StatementWindow, Window};

/// Least share of a window that readings must lie in. They are not taken at its ends, so one at either end is left out.
const LEAST_COVERED: f64 = 0.7;

/// What the statements did between two readings of the counters.
#[derive(Debug, Clone, PartialEq)]
pub struct Counters {
    /// When the earlier one was taken.
    pub start: Timestamp,
    /// When the later one was taken.
    pub end: Timestamp,
    /// The counters were reset in between.
    pub was_reset: bool,
    /// What the statements did.
    pub sums: StatementSums,
}

/// The window from `from` to `to`, from the readings that lie in it, oldest first, in parts of about `part`.
pub fn read<'a>(
    counters: impl IntoIterator<Item = &'a Counters>,
    from: Timestamp,
    to: Timestamp,
    part: Duration,
) -> Reading {
    let within: Vec<&Counters> =
        counters.into_iter().filter(|each| each.start >= from && each.end <= to).collect();
    let covered: Duration = within.iter().map(|each| each.end.since(each.start)).sum();
    let (Some(first), Some(last)) = (within.first(), within.last()) else {
        return Reading::Lost(Fault::Missing);
    };
    if covered.as_secs_f64() < LEAST_COVERED * to.since(from).as_secs_f64() {
        return Reading::Lost(Fault::Missing);
    }
    if within.iter().any(|each| each.was_reset) {
        return Reading::Lost(Fault::StatisticsReset);
    }
    Reading::Whole(Window {
        start: first.start,
        end: last.end,
        sums: sum(&within),
        parts: parts(&within, part).iter().map(|part| sum(part)).collect(),
        checkpoint: 0.0,
        backup: 0.0,
    })
}

/// Consecutive readings, together about as long as a part each. What is left over at the end belongs to the last.
fn parts<'c, 'a>(within: &'c [&'a Counters], part: Duration) -> Vec<&'c [&'a Counters]> {
    let mut parts = Vec::new();
    let (mut from, mut length) = (0, Duration::ZERO);
    for (at, each) in within.iter().enumerate() {
        length += each.end.since(each.start);
        // Half a reading short of it is near enough.
        if length + each.end.since(each.start) / 2 >= part {
            parts.push(&within[from..=at]);
            (from, length) = (at + 1, Duration::ZERO);
        }
    }
    if from < within.len() {
        let before = parts.pop().map_or(0, |last: &[&Counters]| last.len());
        parts.push(&within[from - before..]);
    }
    parts
}

fn sum(counters: &[&Counters]) -> StatementSums {
    let mut sums: BTreeMap<_, StatementWindow> = BTreeMap::new();
    for statement in counters.iter().flat_map(|each| each.sums.statements()) {
        sums.entry(statement.id).and_modify(|sum| sum.add(statement)).or_insert(*statement);
    }
    let db_time_ms = counters.iter().map(|each| each.sums.db_time_ms).sum();
    StatementSums::new(db_time_ms, sums.into_values().collect())
}
