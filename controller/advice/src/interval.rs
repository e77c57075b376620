//! A figure with its uncertainty.

use serde::{Deserialize, Serialize};

/// A change as a fraction, negative = less: -0.9 is "90 % less". `low <= estimate <= high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The single best guess.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Logarithms beyond are no ratio that was measured, and e to the power of 710 is infinite.
const MOST_LOG: f64 = 700.0;

impl Interval {
    /// From natural logarithms of ratios (after / before). Always finite: what is no number counts as no change.
    pub fn from_log(estimate: f64, low: f64, high: f64) -> Self {
        let change = |log: f64| if log.is_nan() { 0.0 } else { log.clamp(-MOST_LOG, MOST_LOG).exp_m1() };
        Self { estimate: change(estimate), low: change(low), high: change(high) }
    }

    /// Whether `value` lies in it.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_logarithm_makes_an_infinite_change() {
        for log in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            let interval = Interval::from_log(log, log, log);
            assert!(interval.low.is_finite() && interval.high.is_finite(), "{log}: {interval:?}");
            assert!(serde_json::from_str::<Interval>(&serde_json::to_string(&interval).unwrap()).is_ok());
        }
    }
}
