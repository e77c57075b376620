//! The evidence of one metric: who bets on harm, who on benefit, and who on harm to a single statement.

use querysmith_shared::id::StatementId;

use super::assessment::{MetricAssessment, StatementAssessment};
use super::difference::Difference;
use super::mix::{Mix, Part};
use crate::interval::Interval;
use crate::measure::betting::{self, Gambler, Noisy};
use crate::measure::cell::Metric;
use crate::measure::shown_interval;
use crate::measure::statistics::{deviation, location};
use crate::thresholds::switchback::SwitchbackThresholds;

/// Deviations below this are not believed: a thousandth is less than any clock tells of a mean.
const LEAST_DEVIATION: f64 = 0.001;

/// Share of the money of who bets on the steady difference. So large that it proves harm by itself in the
/// seven pairs that 1 % asks for at least (2⁷ × 0.85 > 100); what the plain one is left with does in ten.
const STEADY_SHARE: f64 = 0.85;

/// Differences in the order they were seen. The size of the noise is known before each: it is that of all earlier
/// ones, so it depends on the past alone, as the bets ask for.
#[derive(Debug, Clone, Default, PartialEq)]
struct Track {
    /// All differences, those before the change included.
    seen: Vec<f64>,
    /// Those of the trial.
    trial: Vec<Noisy>,
}

impl Track {
    fn quiet(&mut self, value: f64) {
        self.seen.push(value);
    }

    /// A difference of the trial; `None` while too few are known to tell its noise.
    fn next(&mut self, value: f64, least_seen: usize) -> Option<Noisy> {
        let noisy = (self.seen.len() >= least_seen)
            .then(|| Noisy { value, deviation: deviation(&self.seen, 0.0).max(LEAST_DEVIATION) });
        self.seen.push(value);
        self.trial.extend(noisy);
        noisy
    }

    /// The best guess with its interval, as a fraction.
    fn interval(&self, alpha: f64) -> Option<Interval> {
        let values: Vec<f64> = self.trial.iter().map(|noisy| noisy.value).collect();
        if values.is_empty() {
            return None;
        }
        let estimate = location(&values);
        let (low, high) =
            (betting::lower_bound(&self.trial, alpha), betting::upper_bound(&self.trial, alpha));
        Some(shown_interval(estimate, low.min(estimate), high.max(estimate)))
    }
}

/// One statement's evidence of harm.
#[derive(Debug, Clone, PartialEq)]
struct OfStatement {
    id: StatementId,
    share: f64,
    track: Track,
    harm: Gambler,
}

/// One way to see the difference of all statements together, with those who bet on it.
#[derive(Debug, Clone, PartialEq)]
struct Whole {
    track: Track,
    harm: Gambler,
    benefit: Gambler,
}

impl Whole {
    fn new() -> Self {
        Self { track: Track::default(), harm: Gambler::new(), benefit: Gambler::new() }
    }

    fn bet(&mut self, noisy: Noisy, thresholds: &SwitchbackThresholds) {
        let Noisy { value, deviation } = noisy;
        self.harm.bet((value - thresholds.harm_margin.ln()) / deviation);
        self.benefit.bet((-value - thresholds.benefit_margin.ln()) / deviation);
    }
}

/// A pair's difference of all statements together. Figures are natural logarithms of b / a.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// With the covariates taken off.
    pub(super) plain: f64,
    /// At the toggle, with jumps elsewhere taken out.
    pub(super) steady: Option<f64>,
}

/// The evidence of one metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evidence {
    pub(super) metric: Metric,
    plain: Whole,
    /// Has [`STEADY_SHARE`] of the money; bets on the plain difference where it has none of its own.
    steady: Whole,
    statements: Vec<OfStatement>,
    /// Chance of false alarm that this metric has of the whole: an equal share of each metric's.
    harm_alpha: f64,
    benefit_alpha: f64,
}

impl Evidence {
    /// Nothing seen yet. `metrics` share the chance of error.
    pub(super) fn new(metric: Metric, metrics: usize, mix: &Mix, thresholds: &SwitchbackThresholds) -> Self {
        let statement = |part: &Part| OfStatement {
            id: part.id,
            share: part.share,
            track: Track::default(),
            harm: Gambler::new(),
        };
        Self {
            metric,
            plain: Whole::new(),
            steady: Whole::new(),
            statements: mix.parts.iter().map(statement).collect(),
            harm_alpha: thresholds.harm_alpha / metrics as f64,
            benefit_alpha: thresholds.benefit_alpha / metrics as f64,
        }
    }

    /// A pair from before the change.
    pub(super) fn quiet(&mut self, seen: Seen, difference: &Difference) {
        self.plain.track.quiet(seen.plain);
        if let Some(steady) = seen.steady {
            self.steady.track.quiet(steady);
        }
        for (statement, value) in self.statements.iter_mut().zip(&difference.statements) {
            if let Some(value) = value {
                statement.track.quiet(*value);
            }
        }
    }

    /// A pair of the trial.
    pub(super) fn bet(&mut self, seen: Seen, difference: &Difference, thresholds: &SwitchbackThresholds) {
        let least = thresholds.quiet_pairs;
        let plain = self.plain.track.next(seen.plain, least);
        let steady = seen.steady.and_then(|steady| self.steady.track.next(steady, least));
        if let Some(plain) = plain {
            self.plain.bet(plain, thresholds);
        }
        // Where the step can't be told, its money is not idle.
        if let Some(noisy) = steady.or(plain) {
            self.steady.bet(noisy, thresholds);
        }
        let margin = thresholds.statement_margin.ln();
        for (statement, value) in self.statements.iter_mut().zip(&difference.statements) {
            let noisy = value.and_then(|value| statement.track.next(value, least));
            if let Some(Noisy { value, deviation }) = noisy {
                statement.harm.bet((value - margin) / deviation);
            }
        }
    }

    /// The wealth now of those who share the money. It is asked after every pair, so its highest is never missed.
    fn wealth(&self, of: fn(&Whole) -> &Gambler) -> f64 {
        let (plain, steady) = (of(&self.plain).wealth().now, of(&self.steady).wealth().now);
        (1.0 - STEADY_SHARE) * plain + STEADY_SHARE * steady
    }

    fn harm(&self) -> f64 {
        self.wealth(|whole| &whole.harm)
    }

    fn benefit(&self) -> f64 {
        self.wealth(|whole| &whole.benefit)
    }

    /// More, beyond doubt.
    pub(super) fn harmed(&self) -> bool {
        self.harm() >= self.harm_threshold()
    }

    /// The statement that is slower beyond doubt, by the strongest evidence.
    pub(super) fn harmed_statement(&self) -> Option<StatementId> {
        let strength = |each: &OfStatement| each.harm.wealth().now / self.statement_threshold(each);
        let strongest = self.statements.iter().max_by(|a, b| strength(a).total_cmp(&strength(b)))?;
        (strength(strongest) >= 1.0).then_some(strongest.id)
    }

    /// Less, beyond doubt, and as of now: help should still be there.
    pub(super) fn helped(&self) -> bool {
        self.benefit() >= 1.0 / self.benefit_alpha
    }

    /// Evidence of harm is above this share of what would prove it.
    pub(super) fn suspicious(&self, share: f64) -> bool {
        self.harm() > share * self.harm_threshold()
            || self
                .statements
                .iter()
                .any(|each| each.harm.wealth().now > share * self.statement_threshold(each))
    }

    /// Typical log of b / a; 0 before the first pair.
    pub(super) fn typical(&self) -> f64 {
        location(&self.plain.track.trial.iter().map(|noisy| noisy.value).collect::<Vec<_>>())
    }

    fn harm_threshold(&self) -> f64 {
        1.0 / self.harm_alpha
    }

    /// Weighted Bonferroni: the shares sum up to one, so all statements together err no more often than the
    /// whole may.
    fn statement_threshold(&self, statement: &OfStatement) -> f64 {
        1.0 / (self.harm_alpha * statement.share)
    }

    /// For people.
    pub(super) fn assessment(&self, thresholds: &SwitchbackThresholds) -> MetricAssessment {
        MetricAssessment {
            metric: self.metric,
            effect: self.plain.track.interval(thresholds.interval_alpha),
            harm: self.harm(),
            benefit: self.benefit(),
            statements: self.statements.iter().map(|each| self.of_statement(each, thresholds)).collect(),
        }
    }

    fn of_statement(
        &self,
        statement: &OfStatement,
        thresholds: &SwitchbackThresholds,
    ) -> StatementAssessment {
        StatementAssessment {
            statement_id: statement.id,
            share: statement.share,
            effect: statement.track.interval(thresholds.interval_alpha),
            harm: statement.harm.wealth().now,
            harm_threshold: self.statement_threshold(statement),
        }
    }
}
