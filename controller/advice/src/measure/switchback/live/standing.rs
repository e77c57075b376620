//! Where a trial by switchback stands, for people.

use serde::{Deserialize, Serialize};

use super::LiveTrial;
use crate::measure::switchback::assessment::Assessment;
use crate::measure::switchback::decision::Decision;

/// Where a trial stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What was found so far.
    pub assessment: Assessment,
    /// What comes next.
    pub decision: Decision,
    /// Wealth on harm at which the change is taken back.
    pub harm_threshold: f64,
    /// Wealth on benefit at which it is kept.
    pub benefit_threshold: f64,
}

impl LiveTrial {
    /// Where it stands.
    pub fn standing(&self) -> Standing {
        let (harm_threshold, benefit_threshold) = self.trial.wealth_thresholds();
        Standing {
            assessment: self.assessment(),
            decision: self.trial.decision(),
            harm_threshold,
            benefit_threshold,
        }
    }
}
