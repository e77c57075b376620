//! The terms of trials, which every new proposal carries and an approval is of.

use querysmith_advice::thresholds::switchback::SwitchbackThresholds;
use querysmith_configuration::error::ConfigError;
use querysmith_shared::change::switchback::Switchback;
use querysmith_shared::change::trial::{OnPartition, TrialTerms};
use serde::{Deserialize, Serialize};

/// A verdict may take six hours of measuring.
const LEAST_LONGEST_H: u32 = 7;
/// No agent accepts more.
const MOST_LONGEST_H: u32 = 7 * 24;
/// A window holds several readings of the counters.
const LEAST_WINDOW_S: u32 = 5;
/// Harm of one per cent's chance takes seven coins.
const LEAST_PAIRS: u32 = 7;
/// Several words from the controller.
const LEAST_LEASE_MIN: u32 = 3;

/// How long changes may be on trial, and what becomes of them without word from the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trials {
    /// After this a change that nobody kept is taken back, hours.
    pub longest_h: u32,
    /// How long an agent waits for word from the controller, minutes.
    pub lease_min: u32,
    /// What it does then: "hold" until the longest time, or "revert" at once.
    pub on_partition: OnPartition,
    /// Length of a window of a trial by switchback, seconds.
    pub window_s: u32,
    /// Time after each switch that is not looked at, seconds.
    pub washout_s: u32,
    /// Most pairs of windows of a trial by switchback.
    pub pairs: u32,
}

impl Default for Trials {
    fn default() -> Self {
        let terms = TrialTerms::DEFAULT;
        let switchback = SwitchbackThresholds::default();
        Self {
            longest_h: terms.longest_s / 3_600,
            lease_min: terms.lease_s / 60,
            on_partition: terms.on_partition,
            window_s: switchback.window_s as u32,
            washout_s: switchback.washout_s as u32,
            pairs: switchback.most_pairs,
        }
    }
}

impl Trials {
    /// The terms of a new proposal.
    pub fn terms(&self) -> TrialTerms {
        TrialTerms {
            longest_s: self.longest_h * 3_600,
            lease_s: self.lease_min * 60,
            on_partition: self.on_partition,
            switchback: None,
        }
    }

    /// How new trials by switchback are measured.
    pub fn switchback(&self) -> SwitchbackThresholds {
        SwitchbackThresholds {
            window_s: self.window_s.into(),
            washout_s: self.washout_s.into(),
            most_pairs: self.pairs,
            ..SwitchbackThresholds::default()
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let invalid = |text: String| Err(ConfigError::Invalid(text));
        if !(LEAST_LONGEST_H..=MOST_LONGEST_H).contains(&self.longest_h) {
            return invalid(format!(
                "`trials.longest_h` must be from {LEAST_LONGEST_H} (a verdict may take six hours) to {MOST_LONGEST_H}"
            ));
        }
        if !(LEAST_LEASE_MIN..=self.longest_h * 60).contains(&self.lease_min) {
            return invalid(format!(
                "`trials.lease_min` must be from {LEAST_LEASE_MIN} to the whole of `trials.longest_h`"
            ));
        }
        if !(LEAST_WINDOW_S..=Switchback::MOST_S).contains(&self.window_s) {
            return invalid(format!(
                "`trials.window_s` must be from {LEAST_WINDOW_S} (a few readings of the counters) to {}",
                Switchback::MOST_S
            ));
        }
        if self.washout_s > Switchback::MOST_S {
            return invalid(format!("`trials.washout_s` must be {} at most", Switchback::MOST_S));
        }
        if !(LEAST_PAIRS..=Switchback::MOST_PAIRS).contains(&self.pairs) {
            return invalid(format!(
                "`trials.pairs` must be from {LEAST_PAIRS} (fewer can't show harm) to {}",
                Switchback::MOST_PAIRS
            ));
        }
        Ok(())
    }
}
