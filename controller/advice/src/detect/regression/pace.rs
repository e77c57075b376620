//! How the whole server ran, window by window: what is slow while everything is slow says nothing of one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use querysmith_shared::timestamp::Timestamp;

use super::jump::points;
use crate::measure::statistics::median;
use crate::overview::Overview;

/// The past in which a statement's usual speed is looked for: what was two hours ago is another load.
const SPAN: Duration = Duration::from_secs(2 * 3_600);
/// In a slow window most statements take at least this much longer than usual: from there on a cheap statement, which
/// suffers most from a busy processor or an empty cache, may take ten times as long.
const SLOW: f64 = 1.5;
/// Least statements of a window that tell: one and three others.
const LEAST_STATEMENTS: usize = 4;

/// The windows in which the whole server was slow: a restart, a checkpoint, load from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pace {
    slow: BTreeSet<Timestamp>,
}

impl Pace {
    pub(super) fn of(overview: &Overview<'_>) -> Self {
        let limits = &overview.evidence.thresholds.regression;
        let from = overview.evidence.now.before(SPAN);
        let mut by_window: BTreeMap<Timestamp, Vec<f64>> = BTreeMap::new();
        for statement in &overview.statements {
            let mut points = points(&statement.evidence.windows, limits.least_calls);
            points.retain(|point| point.end > from);
            if points.len() < limits.least_baseline {
                continue;
            }
            let usual = median(&points.iter().map(|point| point.time).collect::<Vec<_>>());
            for point in points {
                by_window.entry(point.end).or_default().push(point.time - usual);
            }
        }
        let slow = by_window.into_iter().filter_map(|(end, mut slower)| {
            slower.sort_by(f64::total_cmp);
            // The lower of two medians: more than half of them are slow.
            let middle = *slower.get(slower.len().checked_sub(1)? / 2)?;
            (slower.len() >= LEAST_STATEMENTS && middle >= SLOW.ln()).then_some(end)
        });
        Self { slow: slow.collect() }
    }

    /// Whether the whole server was slow in the window that ends then.
    pub(super) fn is_slow(&self, end: Timestamp) -> bool {
        self.slow.contains(&end)
    }
}
