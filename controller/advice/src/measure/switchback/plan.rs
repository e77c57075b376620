//! What is fixed before a trial, and what must hold for there to be one.

use querysmith_shared::change::coins::{Arm, CoinSeed, first_arm};
use querysmith_shared::id::ChangeId;
use querysmith_shared::timestamp::Timestamp;

use super::decision::Toggle;
use super::mix::Usual;
use super::window::{Minute, Pair};
use crate::thresholds::switchback::SwitchbackThresholds;

/// Everything that is fixed before the first toggle.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The change.
    pub change: ChangeId,
    /// Its kind.
    pub toggle: Toggle,
    /// What its coins are drawn from.
    pub seed: CoinSeed,
    /// The usual workload, for the weights.
    pub usual: Usual,
    /// A/A pairs: windows of the trial's length, with its washouts between, before the change.
    pub quiet: Vec<Pair>,
    /// Minutes before the change, oldest first, for the guardrail: a day or more.
    pub minutes: Vec<Minute>,
    /// When the day is busiest.
    pub peak: DailyPeak,
    /// Thresholds.
    pub thresholds: SwitchbackThresholds,
}

impl Plan {
    /// The arm that goes first in a pair.
    pub(super) fn first(&self, pair: u32) -> Arm {
        first_arm(self.seed, self.change, pair)
    }
}

/// When the day is busiest. A change is kept only after it was tried then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DailyPeak {
    /// The hour that begins at this hour UTC, 0 to 23.
    Hour(u8),
    /// Every hour is like the others.
    None,
}

const HOUR_US: i64 = 3_600_000_000;
const HOURS: i64 = 24;

impl DailyPeak {
    /// Whether the moment lies in it.
    pub(super) fn contains(self, moment: Timestamp) -> bool {
        match self {
            Self::Hour(hour) => moment.0.div_euclid(HOUR_US).rem_euclid(HOURS) == i64::from(hour),
            Self::None => true,
        }
    }

    /// When it begins next; now where it has begun.
    pub(super) fn next(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Hour(hour) if !self.contains(now) => {
                let hours = now.0.div_euclid(HOUR_US);
                let wait = (i64::from(hour) - hours).rem_euclid(HOURS);
                Timestamp((hours + wait) * HOUR_US)
            }
            Self::Hour(_) | Self::None => now,
        }
    }
}

/// Why there can be no trial.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotTestable {
    /// Too few A/A pairs could be used.
    #[error(
        "of the {:.1} h before it, {} of {need} pairs of windows were watched",
        f64::from(*pair_s) * *need as f64 / 3_600.0,
        have
    )]
    TooFewQuietPairs {
        /// Usable ones.
        have: usize,
        /// Wanted.
        need: usize,
        /// How long one takes, s.
        pair_s: u32,
    },
    /// No statement was seen.
    #[error("no statement was seen before it")]
    NothingSeen,
    /// The statements that are called often enough make up too little of the time.
    #[error(
        "the statements called often enough make up {:.0} % of the database time, {:.0} % are needed: choose longer windows",
        have * 100.0,
        need * 100.0
    )]
    TooLittleCoverage {
        /// Their share.
        have: f64,
        /// Wanted.
        need: f64,
    },
    /// A threshold makes no sense.
    #[error("{field} is {value}: {must}")]
    Threshold {
        /// Its name.
        field: &'static str,
        /// What it is.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
}

/// Whether the thresholds and the usual workload make sense.
pub(super) fn check(plan: &Plan) -> Result<(), NotTestable> {
    let own = &plan.thresholds;
    let guardrail = &own.guardrail;
    let chance = |value: f64| value > 0.0 && value < 1.0;
    let share = |value: f64| (0.0..=1.0).contains(&value);
    let positive = |value: f64| value > 0.0 && value.is_finite();
    let factor = |value: f64| value >= 1.0 && value.is_finite();
    const CHANCE: &str = "a chance lies between 0 and 1";
    const SHARE: &str = "a share lies from 0 to 1";
    const POSITIVE: &str = "it must be above 0";
    const FACTOR: &str = "a factor is 1 or more";
    if !positive(plan.usual.watched_s) || !positive(plan.usual.sums.db_time_ms) {
        return Err(NotTestable::NothingSeen);
    }
    let rules = [
        ("harm_alpha", own.harm_alpha, chance(own.harm_alpha), CHANCE),
        ("benefit_alpha", own.benefit_alpha, chance(own.benefit_alpha), CHANCE),
        ("interval_alpha", own.interval_alpha, chance(own.interval_alpha), CHANCE),
        ("guardrail.quantile", guardrail.quantile, chance(guardrail.quantile), CHANCE),
        ("least_coverage", own.least_coverage, share(own.least_coverage), SHARE),
        ("veto_share", own.veto_share, share(own.veto_share), SHARE),
        ("window_s", own.window_s, positive(own.window_s), POSITIVE),
        (
            "washout_s",
            own.washout_s,
            own.washout_s >= 0.0 && own.washout_s.is_finite(),
            "it must be 0 or more",
        ),
        ("halving_noise", own.halving_noise, positive(own.halving_noise), POSITIVE),
        ("quiet_pairs", own.quiet_pairs as f64, own.quiet_pairs > 0, POSITIVE),
        ("guardrail.minutes", guardrail.minutes as f64, guardrail.minutes > 0, POSITIVE),
        ("harm_margin", own.harm_margin, factor(own.harm_margin), FACTOR),
        ("benefit_margin", own.benefit_margin, factor(own.benefit_margin), FACTOR),
        ("statement_margin", own.statement_margin, factor(own.statement_margin), FACTOR),
        ("guardrail.slow_factor", guardrail.slow_factor, factor(guardrail.slow_factor), FACTOR),
        (
            "guardrail.most_slow_factor",
            guardrail.most_slow_factor,
            guardrail.most_slow_factor >= guardrail.slow_factor,
            "it must not be below slow_factor",
        ),
    ];
    for (field, value, holds, must) in rules {
        if !holds {
            return Err(NotTestable::Threshold { field, value, must });
        }
    }
    match plan.peak {
        DailyPeak::Hour(hour) if i64::from(hour) >= HOURS => Err(NotTestable::Threshold {
            field: "peak",
            value: f64::from(hour),
            must: "an hour lies from 0 to 23",
        }),
        DailyPeak::Hour(_) | DailyPeak::None => Ok(()),
    }
}
