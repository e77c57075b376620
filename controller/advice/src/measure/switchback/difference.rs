//! From a pair of windows to one number per metric: how much more time, or blocks, with the change.

use super::mix::{Mix, Part};
use super::window::Window;
use crate::measure::cell::Metric;

/// What a pair says in one metric. Figures are natural logarithms of b / a.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// All statements that count, by their weights; `None` where none does.
    pub(super) whole: Option<f64>,
    /// Each statement of the mix, in its order; `None` where it was called too seldom.
    pub(super) statements: Vec<Option<f64>>,
    /// Time in both windows of the statements that count, ms.
    pub(super) covered_ms: f64,
}

/// The difference between two windows. A statement counts if it was called `least_calls` times in both.
pub(super) fn difference(mix: &Mix, a: &Window, b: &Window, metric: Metric, least_calls: u64) -> Difference {
    let (mut sum, mut weights, mut covered_ms) = (0.0, 0.0, 0.0);
    let mut each = |part: &Part| {
        let (in_a, in_b) = (a.sums.get(part.id)?, b.sums.get(part.id)?);
        let difference = in_b.log(metric, least_calls)? - in_a.log(metric, least_calls)?;
        sum += part.weight * difference;
        weights += part.weight;
        covered_ms += in_a.spent_ms() + in_b.spent_ms();
        Some(difference)
    };
    let statements = mix.parts.iter().map(&mut each).collect();
    Difference { whole: (weights > 0.0).then(|| sum / weights), statements, covered_ms }
}

/// What the usual calls cost in either arm, in money's terms: Σ q mean_B / Σ q mean_A, where q are the usual calls
/// (Laspeyres). Heavy tails ruin it for a test, but it is what is paid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cost {
    /// For each statement of the mix: calls and time in a, calls and time in b.
    sums: Vec<[f64; 4]>,
}

impl Cost {
    pub(super) fn new(mix: &Mix) -> Self {
        Self { sums: vec![[0.0; 4]; mix.parts.len()] }
    }

    /// Adds a pair that counts.
    pub(super) fn add(&mut self, mix: &Mix, a: &Window, b: &Window) {
        for (part, sums) in mix.parts.iter().zip(&mut self.sums) {
            let (Some(in_a), Some(in_b)) = (a.sums.get(part.id), b.sums.get(part.id)) else { continue };
            for (sum, window) in sums.chunks_exact_mut(2).zip([in_a, in_b]) {
                sum[0] += (window.calls + window.unfinished) as f64;
                sum[1] += window.spent_ms();
            }
        }
    }

    /// The change of the cost, as a fraction; `None` before the first pair.
    pub(super) fn change(&self, mix: &Mix) -> Option<f64> {
        let (mut without, mut with) = (0.0, 0.0);
        for (part, [calls_a, time_a, calls_b, time_b]) in mix.parts.iter().zip(&self.sums) {
            if *calls_a > 0.0 && *calls_b > 0.0 {
                without += part.calls_per_s * time_a / calls_a;
                with += part.calls_per_s * time_b / calls_b;
            }
        }
        (without > 0.0).then(|| with / without - 1.0)
    }
}
