//! The terms of trials, which every new proposal carries and an approval is of.

use querysmith_configuration::error::ConfigError;
use querysmith_shared::change::trial::{OnPartition, TrialTerms};
use serde::{Deserialize, Serialize};

/// A verdict may take six hours of measuring.
const LEAST_LONGEST_H: u32 = 7;
/// No agent accepts more.
const MOST_LONGEST_H: u32 = 7 * 24;
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
}

impl Default for Trials {
    fn default() -> Self {
        let terms = TrialTerms::DEFAULT;
        Self {
            longest_h: terms.longest_s / 3_600,
            lease_min: terms.lease_s / 60,
            on_partition: terms.on_partition,
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
        Ok(())
    }
}
