//! The fixed mix: how much each statement counts, frozen before the trial.
//!
//! With weights from the trial itself, a change that only moves calls from one statement to another would look
//! like a gain. A statement counts by its share of the time, less the noisier its mean is.

use querysmith_shared::id::StatementId;

use super::window::StatementSums;
use crate::measure::cell::Metric;

/// Most statements of a mix: with the busiest five hundred, what is left out is less than the noise.
const MOST_STATEMENTS: usize = 500;

/// Least weight of the statements of a minute for it to have an index.
const LEAST_WEIGHT: f64 = 0.5;

/// The usual workload: the last seven days at the hours the trial will run in.
#[derive(Debug, Clone, PartialEq)]
pub struct Usual {
    /// Time that was watched, s.
    pub watched_s: f64,
    /// What the statements did in it.
    pub sums: StatementSums,
}

/// Frozen weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    pub(super) parts: Vec<Part>,
    /// Share of the time of the statements that are called often enough for a window.
    pub(super) coverage: f64,
}

/// One statement of a mix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) id: StatementId,
    /// Share of the database's time. All shares sum up to 1 at most.
    pub(super) share: f64,
    /// Weight; all weights sum up to 1.
    pub(super) weight: f64,
    /// Usual log of the mean time.
    pub(super) usual: f64,
    /// Usual calls in a second.
    pub(super) calls_per_s: f64,
}

impl Mix {
    /// The mix for windows of `window_s`: v ∝ share / (1 + cv² / (n̄ τ²)), where cv is the variation of single
    /// calls, n̄ the calls expected in a window and τ `halving_noise`.
    pub(super) fn freeze(usual: &Usual, window_s: f64, halving_noise: f64, least_calls: u64) -> Self {
        let mut parts = Vec::new();
        let mut coverage = 0.0;
        let db_time_ms = usual.sums.statements().iter().map(|statement| statement.spent_ms()).sum::<f64>();
        let db_time_ms = db_time_ms.max(usual.sums.db_time_ms);
        for statement in usual.sums.statements() {
            let Some(log) = statement.log(Metric::Time, 1) else { continue };
            let share = statement.spent_ms() / db_time_ms;
            let calls_per_s = (statement.calls + statement.unfinished) as f64 / usual.watched_s;
            let expected = calls_per_s * window_s;
            let noise = variation_squared(statement.calls, statement.total_ms, statement.sum_squares_ms2)
                / (expected * halving_noise.powi(2));
            let weight = share / (1.0 + noise);
            if !(share > 0.0 && weight > 0.0 && weight.is_finite()) {
                continue;
            }
            if expected >= least_calls as f64 {
                coverage += share;
            }
            parts.push(Part { id: statement.id, share, weight, usual: log, calls_per_s });
        }
        parts.sort_by(|one, other| other.weight.total_cmp(&one.weight).then(one.id.cmp(&other.id)));
        parts.truncate(MOST_STATEMENTS);
        let whole: f64 = parts.iter().map(|part| part.weight).sum();
        for part in &mut parts {
            part.weight /= whole;
        }
        Self { parts, coverage }
    }

    /// Log of the statements' time in a minute against their usual one, by weight; `None` where too little of them
    /// was called.
    pub(super) fn index(&self, sums: &StatementSums) -> Option<f64> {
        let (mut sum, mut weights) = (0.0, 0.0);
        for part in &self.parts {
            let log = sums.get(part.id).and_then(|statement| statement.log(Metric::Time, 1));
            if let Some(log) = log {
                sum += part.weight * (log - part.usual);
                weights += part.weight;
            }
        }
        (weights >= LEAST_WEIGHT).then(|| sum / weights)
    }
}

/// Squared coefficient of variation of single calls.
fn variation_squared(calls: u64, total_ms: f64, sum_squares_ms2: f64) -> f64 {
    let count = calls as f64;
    let mean_squared = (total_ms / count).powi(2);
    let squared = (sum_squares_ms2 / count - mean_squared).max(0.0) / mean_squared;
    if squared.is_finite() { squared } else { 0.0 }
}
