//! The model that turns the planner's promise into a prediction.
//!
//! `ln(time after / before) = correction × ln(cost after / before) + error`, the error's variance growing
//! with the promise: `spread² × (1 + |promise|)`. Correction and spread are learnt together, as a
//! normal-inverse-gamma posterior, so a few outcomes move them a little and many move them far.

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::interval::Interval;
use crate::measure::effect::Verdict;

/// Predicted intervals are meant to hold the realised effect this often.
pub const INTERVAL_LEVEL: f64 = 0.8;
/// Normal quantile of the upper end of such an interval.
const NORMAL_QUANTILE: f64 = 1.2816;
/// Median over thirteen index advisors, on TPC-H, of ln(1 − realised) / ln(1 − promised).
const PRIOR_CORRECTION: f64 = 0.31;
/// Standard deviation of the correction before anything was learnt: the same thirteen range from 0.2 to 0.57.
const PRIOR_CORRECTION_DEVIATION: f64 = 0.15;
/// On the same benchmark the promise's median error was 17.6 points for one query: about this in logarithms.
const PRIOR_SPREAD: f64 = 0.25;
/// How many outcomes the prior's spread is worth.
const PRIOR_DEGREES: f64 = 6.0;
/// Promises smaller than this teach nothing about the correction.
const LEAST_PROMISE: f64 = 0.05;
/// Promises larger than this, in either direction, count as this: e¹² is a hundred and sixty thousandfold, more
/// than any index makes of any statement. A server's planner is not to be believed without a bound.
const MOST_PROMISE: f64 = 12.0;
/// Most that one outcome adds to the weight; the prior is worth 2.8. A large promise is no better a witness.
const MOST_WEIGHT: f64 = 2.0;
/// Larger planner's costs are none: the planner itself adds no more than 1e10 to a plan that is switched off.
const MOST_COST: f64 = 1e15;
/// Corrections outside are not believed, whatever was learnt.
const CORRECTION_LIMITS: (f64, f64) = (0.02, 1.5);

/// The model. As JSON it is what the store keeps of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Counts up with every outcome learnt from; 1 is the prior.
    pub version: u32,
    /// Outcomes learnt from.
    pub trained_on: u32,
    /// The part of the planner's log cost ratio that time follows.
    pub correction: f64,
    /// How sure that is, in units of 1 / spread².
    pub weight: f64,
    /// Standard deviation of the log time ratio at a promise of nothing.
    pub spread: f64,
    /// How many outcomes the spread is worth.
    pub degrees: f64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            version: 1,
            trained_on: 0,
            correction: PRIOR_CORRECTION,
            weight: (PRIOR_SPREAD / PRIOR_CORRECTION_DEVIATION).powi(2),
            spread: PRIOR_SPREAD,
            degrees: PRIOR_DEGREES,
        }
    }
}

/// A prediction in natural logarithms of time after / before, so that several can be put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogPrediction {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl LogPrediction {
    pub(crate) fn interval(&self) -> Interval {
        Interval::from_log(self.estimate, self.low, self.high)
    }
}

/// The promise of the planner's two costs: the natural log of after / before, within what is believed. `None`
/// where they are no costs.
pub(crate) fn promise(before: f64, after: f64) -> Option<f64> {
    let is_cost = |cost: f64| cost > 0.0 && cost < MOST_COST;
    (is_cost(before) && is_cost(after)).then(|| believed((after / before).ln()))
}

fn believed(promise: f64) -> f64 {
    promise.clamp(-MOST_PROMISE, MOST_PROMISE)
}

impl Model {
    /// The change of time to expect where the planner's cost changes by `cost_log_ratio`, the natural log
    /// of after / before. The planner's own figure is always within the interval.
    pub fn predict(&self, cost_log_ratio: f64) -> Interval {
        self.predict_log(cost_log_ratio, 1.0).interval()
    }

    /// The same as logarithms, with the deviation `widened` by a factor.
    pub(crate) fn predict_log(&self, promise: f64, widened: f64) -> LogPrediction {
        let variance = 1.0 + promise.abs() + promise * promise / self.weight;
        let reach = student_quantile(self.degrees) * self.spread * variance.sqrt() * widened;
        let estimate = self.correction * promise;
        LogPrediction {
            estimate,
            low: (estimate - reach).min(promise),
            high: (estimate + reach).max(promise),
        }
    }
}

/// What an outcome counts for beside the others of its instance, of which there are `earlier` already: the
/// first fully, the second half, the third a third, and so on. A thousand outcomes of one instance then weigh
/// as much as seven and a half of different ones; no instance can outvote a fleet.
pub fn share(earlier: u64) -> f64 {
    1.0 / (earlier as f64 + 1.0)
}

/// The model after one more outcome, which counts for `share` of one ([`share`]); the same model where there is
/// nothing to learn from it.
#[must_use]
pub fn update(model: &Model, outcome: &Outcome, share: f64) -> Model {
    let Some(promise) = outcome.cost_log_ratio.filter(|promise| promise.abs() >= LEAST_PROMISE) else {
        return model.clone();
    };
    // Stored outcomes may be of a time before promises had a bound.
    let promise = believed(promise);
    let usable = match outcome.verdict {
        Verdict::Helped | Verdict::NoEffect | Verdict::Harmed => outcome.simulated && promise.is_finite(),
        Verdict::TooLittleData => false,
    };
    let realised = log_of(outcome.realised.estimate);
    if !usable || !realised.is_finite() {
        return model.clone();
    }
    // An interval of 90 % is 3.3 standard deviations wide. What was measured badly teaches less.
    let blur = (log_of(outcome.realised.high) - log_of(outcome.realised.low)) / 3.3;
    let square = model.spread * model.spread;
    let precision = 1.0 / (1.0 + promise.abs() + (blur * blur / square).min(100.0));
    let precision = precision.min(MOST_WEIGHT / (promise * promise)) * share;
    let weight = model.weight + precision * promise * promise;
    let correction = (model.weight * model.correction + precision * promise * realised) / weight;
    let surprise = realised - model.correction * promise;
    let degrees = model.degrees + share;
    let learnt = precision * surprise * surprise * model.weight / weight;
    Model {
        version: model.version + 1,
        trained_on: model.trained_on + 1,
        correction: correction.clamp(CORRECTION_LIMITS.0, CORRECTION_LIMITS.1),
        weight,
        spread: ((model.degrees * square + learnt) / degrees).sqrt(),
        degrees,
    }
}

/// The log ratio of a change given as a fraction, within what can be told from 0 and from a thousandfold.
fn log_of(fraction: f64) -> f64 {
    (1.0 + fraction).clamp(1e-4, 1e3).ln()
}

/// Quantile of Student's distribution that belongs to [`NORMAL_QUANTILE`] (Cornish and Fisher's first term;
/// within 1 % from four degrees on).
fn student_quantile(degrees: f64) -> f64 {
    let z = NORMAL_QUANTILE;
    z + (z.powi(3) + z) / (4.0 * degrees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use querysmith_shared::change::ChangeKind;
    use querysmith_shared::id::ChangeId;
    use querysmith_shared::timestamp::Timestamp;

    fn outcome(promise: f64, realised: f64, verdict: Verdict) -> Outcome {
        let realised = realised.exp_m1();
        Outcome {
            change_id: ChangeId(uuid::Uuid::from_u128(1)),
            kind: ChangeKind::CreateIndex,
            predicted: None,
            cost_log_ratio: Some(promise),
            simulated: true,
            realised: Interval { estimate: realised, low: realised, high: realised },
            verdict,
            measured_at: Timestamp(0),
            model_version: 1,
        }
    }

    #[test]
    fn the_prior_promises_much_less_than_the_planner() {
        let model = Model::default();
        let half = model.predict(0.5_f64.ln());
        assert!((-0.25..=-0.15).contains(&half.estimate), "{half:?}");
        assert!(half.high > 0.0, "a weak promise may turn out as harm: {half:?}");
        let lookup = model.predict(-7.8);
        assert!(lookup.estimate < -0.9 && lookup.high < -0.2, "{lookup:?}");
        assert!(lookup.contains((-7.8_f64).exp_m1()));
    }

    #[test]
    fn outcomes_move_the_correction_and_narrow_the_interval() {
        let mut model = Model::default();
        let before = model.predict_log(-2.0, 1.0);
        for _ in 0..50 {
            model = update(&model, &outcome(-2.0, -1.6, Verdict::Helped), 1.0);
        }
        let after = model.predict_log(-2.0, 1.0);
        assert!((model.correction - 0.8).abs() < 0.02, "{model:?}");
        assert!(after.high - after.low < (before.high - before.low) * 0.6, "{before:?} {after:?}");
        assert_eq!((model.version, model.trained_on), (51, 50));
    }

    #[test]
    fn there_is_nothing_to_learn_from_some_outcomes() {
        let model = Model::default();
        let mut unsimulated = outcome(-2.0, -1.0, Verdict::Helped);
        unsimulated.simulated = false;
        let mut unpromised = outcome(-2.0, -1.0, Verdict::Helped);
        unpromised.cost_log_ratio = None;
        for useless in [
            outcome(-2.0, -1.0, Verdict::TooLittleData),
            outcome(0.01, -1.0, Verdict::Helped),
            unsimulated,
            unpromised,
        ] {
            assert_eq!(update(&model, &useless, 1.0), model);
        }
    }

    #[test]
    fn one_absurd_promise_does_not_outweigh_honest_outcomes() {
        let mut model = Model::default();
        for _ in 0..20 {
            model = update(&model, &outcome(-2.0, -1.6, Verdict::Helped), 1.0);
        }
        for promise in [-1381.0, 1381.0, -1e308] {
            let poisoned = update(&model, &outcome(promise, 5.0, Verdict::Harmed), 1.0);
            assert!(poisoned.weight <= model.weight + MOST_WEIGHT, "{poisoned:?}");
            assert!(
                (poisoned.correction - model.correction).abs() < 0.2,
                "{promise}: {model:?} {poisoned:?}"
            );
        }
        assert_eq!(promise(1e300, 1.0), None);
        assert_eq!(promise(f64::NAN, 1.0), None);
        assert_eq!(promise(1.0, f64::INFINITY), None);
        assert_eq!(promise(1.0, 0.0), None);
        assert_eq!(promise(1e14, 1e-14), Some(-MOST_PROMISE));
    }

    #[test]
    fn many_outcomes_of_one_instance_do_not_outvote_the_fleet() {
        let mut model = Model::default();
        for _ in 0..40 {
            model = update(&model, &outcome(-2.0, -1.6, Verdict::Helped), share(0));
        }
        let before = model.clone();
        for earlier in 0..1_000 {
            model = update(&model, &outcome(-12.0, 0.0, Verdict::NoEffect), share(earlier));
        }
        assert!(model.weight - before.weight < 7.6 * MOST_WEIGHT, "{before:?} {model:?}");
        assert!(model.correction > before.correction / 2.0, "{before:?} {model:?}");
    }

    #[test]
    fn a_model_survives_its_json() {
        let model = update(&Model::default(), &outcome(-2.0, -1.0, Verdict::Helped), 1.0);
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Model>(&json).unwrap(), model);
    }
}
