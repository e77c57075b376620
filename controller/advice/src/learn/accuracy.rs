//! How good the predictions were.

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::interval::Interval;
use crate::measure::effect::Verdict;

/// The formula, for people.
pub const FORMULA: &str = "accuracy = max(0, 1 − |predicted − realised| / max(|predicted|, |realised|, 5 points)); \
    promising too much and too little by as many points costs the same";
/// Effects below this are the same as none to the formula.
const SMALL: f64 = 0.05;

/// How good the predictions were, over the outcomes that had one and could be measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Accuracy {
    /// How many those are.
    pub outcomes: usize,
    /// Mean accuracy, 0 to 1; `None` without outcomes.
    pub accuracy: Option<f64>,
    /// Share of the outcomes whose realised effect lay in the predicted interval.
    pub interval_coverage: Option<f64>,
}

/// Accuracy of one prediction, 0 to 1; symmetric in its arguments.
pub fn of_one(predicted: f64, realised: f64) -> f64 {
    let scale = predicted.abs().max(realised.abs()).max(SMALL);
    (1.0 - (predicted - realised).abs() / scale).max(0.0)
}

/// Whether the realised effect lay in the predicted interval.
pub fn covered(predicted: &Interval, realised: &Interval) -> bool {
    predicted.contains(realised.estimate)
}

/// Accuracy over outcomes. An outcome that could not be measured counts neither for nor against.
pub fn accuracy(outcomes: &[Outcome]) -> Accuracy {
    let measured = outcomes.iter().filter(|outcome| outcome.verdict != Verdict::TooLittleData);
    let pairs: Vec<(&Interval, &Interval)> =
        measured.filter_map(|outcome| Some((outcome.predicted.as_ref()?, &outcome.realised))).collect();
    if pairs.is_empty() {
        return Accuracy::default();
    }
    let count = pairs.len() as f64;
    let sum: f64 =
        pairs.iter().map(|(predicted, realised)| of_one(predicted.estimate, realised.estimate)).sum();
    let held = pairs.iter().filter(|(predicted, realised)| covered(predicted, realised)).count() as f64;
    Accuracy { outcomes: pairs.len(), accuracy: Some(sum / count), interval_coverage: Some(held / count) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, proptest};

    #[test]
    fn accuracy_is_as_published() {
        for (predicted, realised, expected) in [
            (-0.9, -0.9, 1.0),
            (-0.9, -0.45, 0.5),
            (-0.45, -0.9, 0.5),
            (0.0, 0.0, 1.0),
            (-0.02, 0.0, 0.6),
            (-0.5, 0.5, 0.0),
            (-0.9, 0.0, 0.0),
        ] {
            assert!((of_one(predicted, realised) - expected).abs() < 1e-9, "{predicted} {realised}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn accuracy_is_symmetric_and_bounded(a in -1.0f64..5.0, b in -1.0f64..5.0) {
            assert!((of_one(a, b) - of_one(b, a)).abs() < 1e-12);
            assert!((of_one(a, b) - of_one(-a, -b)).abs() < 1e-12);
            assert!((0.0..=1.0).contains(&of_one(a, b)));
        }

        #[test]
        fn over_and_under_promising_cost_the_same(realised in 0.3f64..0.7, miss in 0.0f64..0.3) {
            // Against the same larger figure, the same miss costs the same on either side.
            let over = of_one(-realised - miss, -realised);
            let under = of_one(-realised, -realised - miss);
            assert!((over - under).abs() < 1e-12);
        }
    }
}
