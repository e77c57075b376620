//! What was measured.

use querysmith_shared::id::StatementId;
use querysmith_shared::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::shortage::Shortage;
use crate::interval::Interval;

/// The measured effect of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Change of the touched statements' time, as a fraction, against the controls.
    pub estimate: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// The same for blocks per call, where they are counted.
    pub blocks: Option<Interval>,
    /// What the controls did meanwhile; `None` where there are none.
    pub controls: Option<Interval>,
    /// In one word.
    pub verdict: Verdict,
    /// Windows before the change; in a trial by switchback, without it.
    pub windows_before: u32,
    /// Windows after it; in a trial by switchback, with it.
    pub windows_after: u32,
    /// Each statement by itself.
    pub statements: Vec<MeasuredStatement>,
    /// How it was measured, for people.
    pub method: String,
    /// What is missing, where too little was seen for a verdict.
    #[serde(default)]
    pub shortage: Option<Shortage>,
    /// So much harm in so short a time that the statistics were not waited for.
    pub early_harm: bool,
    /// When.
    pub measured_at: Timestamp,
}

impl Effect {
    /// The time's interval.
    pub fn interval(&self) -> Interval {
        Interval { estimate: self.estimate, low: self.low, high: self.high }
    }
}

/// One statement before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredStatement {
    /// Which.
    pub statement_id: StatementId,
    /// What part it plays.
    pub role: Role,
    /// Before the change.
    pub before: Option<Sample>,
    /// After it.
    pub after: Option<Sample>,
    /// Change of its mean time, where both are known. For display: the verdict rests on all together.
    pub effect: Option<Interval>,
}

/// What part a statement plays in a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The change was to change it.
    Touched,
    /// The change can't change it.
    Control,
}

/// A statement in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Calls.
    pub calls: u64,
    /// Mean time, ms.
    pub mean_ms: f64,
    /// Blocks of one call.
    pub blocks_per_call: f64,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Less time, beyond doubt.
    Helped,
    /// Whatever it does is too small to matter.
    NoEffect,
    /// More time, beyond doubt.
    Harmed,
    /// Can't be told yet.
    TooLittleData,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Helped, Self::NoEffect, Self::Harmed, Self::TooLittleData];

    /// The name used in the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::NoEffect => "no_effect",
            Self::Harmed => "harmed",
            Self::TooLittleData => "too_little_data",
        }
    }

    /// The verdict of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == name)
    }
}
