//! What to do next in a trial, as a value that a shell carries out.

use std::fmt;

use querysmith_shared::change::coins::Arm;
use querysmith_shared::id::StatementId;
use querysmith_shared::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::guardrail::Alarm;
use crate::measure::cell::Metric;
use crate::words;

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Decision {
    /// Run a pair: arm `first`, washout, window; the other arm, washout, window. Then hand it in.
    Measure {
        /// Its number, from 0: the number of its coin.
        pair: u32,
        /// The arm that goes first.
        first: Arm,
    },
    /// Back to arm A at once. The window of arm B ends here; if arm A has not had its window in this pair, it
    /// has it now. Then hand the pair in, as far as it came.
    GoBack {
        /// Why.
        alarm: Alarm,
        /// No pair is begun before this.
        until: Timestamp,
    },
    /// Arm A until then; after that run the pair.
    Pause {
        /// Until when.
        until: Timestamp,
        /// What for.
        why: PauseReason,
        /// The number of the pair that comes then.
        pair: u32,
        /// The arm that goes first in it.
        first: Arm,
    },
    /// The trial is over.
    Stop {
        /// The verdict.
        verdict: Verdict,
        /// The arm that stays in place.
        stay: Arm,
        /// Why.
        reason: StopReason,
    },
}

/// What a trial is paused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// The guardrail's first strike.
    Strike,
    /// The benefit is proven, but not yet in the busiest hour of the day.
    DailyPeak,
}

/// The verdict of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It helps, beyond doubt, and harms nothing.
    Keep,
    /// It harms.
    Revert,
    /// Neither could be told: what is done then depends on the kind of change.
    Inconclusive,
}

/// Why a trial is over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Less, beyond doubt.
    Helped,
    /// More, beyond doubt.
    Harmed(Metric),
    /// More for one statement, beyond doubt.
    StatementHarmed(StatementId, Metric),
    /// The guardrail.
    Guardrail(Alarm),
    /// Whatever it does is too small for so many pairs.
    PairsUsedUp,
    /// The statements that count make up too little of the database's time: this share.
    TooLittleCoverage(f64),
    /// It helps, but no pair was run in the busiest hour of the day.
    NoDailyPeak,
    /// So many windows were missing.
    WindowsMissing(u32),
}

/// What kind of setting is toggled: decides what is looked at and what "don't know" leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Toggle {
    /// A setting of the server.
    Setting,
    /// An index, made visible and invisible.
    Index,
    /// Statistics of the planner.
    Statistics,
}

impl Toggle {
    /// The metrics that decide. The time for all; for what moves plans the blocks as well, which are nearly free of noise.
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Setting => &[Metric::Time],
            Self::Index | Self::Statistics => &[Metric::Time, Metric::Blocks],
        }
    }

    /// The arm that stays when nothing could be told. Better statistics are kept: the planner is meant to have them.
    pub fn when_inconclusive(self) -> Arm {
        match self {
            Self::Setting | Self::Index => Arm::A,
            Self::Statistics => Arm::B,
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = |metric: &Metric| match metric {
            Metric::Time => "time",
            Metric::Blocks => "blocks",
        };
        match self {
            Self::Helped => write!(f, "the statements take less time with the change"),
            Self::Harmed(metric) => write!(f, "the statements take more {} with the change", what(metric)),
            Self::StatementHarmed(statement, metric) => {
                write!(f, "statement {statement} takes more {} with the change", what(metric))
            }
            Self::Guardrail(alarm) => alarm.fmt(f),
            Self::PairsUsedUp => write!(f, "no difference could be told in the pairs allowed"),
            Self::TooLittleCoverage(share) => {
                write!(
                    f,
                    "the statements compared make up only {} of the database time",
                    words::percent(*share)
                )
            }
            Self::NoDailyPeak => write!(f, "it helps, but was not tried in the busiest hour of the day"),
            Self::WindowsMissing(count) => write!(f, "{count} windows could not be read"),
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(factor) => write!(f, "the statements took {} times as long", words::number(*factor)),
            Self::Silent => write!(f, "no statement finished"),
            Self::Errors(count) => write!(f, "{count} statements failed or timed out"),
            Self::Deadlocks(count) => write!(f, "{count} deadlocks"),
            Self::Refused(count) => write!(f, "{count} connections were refused"),
            Self::ReplicationLag(seconds) => write!(f, "a replica lags {} s", words::number(*seconds)),
            Self::DiskFull(free) => write!(f, "only {} of the disk is free", words::percent(*free)),
        }
    }
}
