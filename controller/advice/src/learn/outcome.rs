//! What came of a change.

use querysmith_shared::change::ChangeKind;
use querysmith_shared::id::ChangeId;
use querysmith_shared::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::interval::Interval;
use crate::measure::effect::Verdict;

/// Predicted and realised, once for each change that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which change.
    pub change_id: ChangeId,
    /// What kind.
    pub kind: ChangeKind,
    /// What was predicted when it was proposed.
    pub predicted: Option<Interval>,
    /// The planner's cost ratio it was predicted from.
    pub cost_log_ratio: Option<f64>,
    /// The planner was asked with an imagined index.
    pub simulated: bool,
    /// What was measured.
    pub realised: Interval,
    /// The verdict.
    pub verdict: Verdict,
    /// When.
    pub measured_at: Timestamp,
    /// The model that predicted.
    pub model_version: u32,
}
