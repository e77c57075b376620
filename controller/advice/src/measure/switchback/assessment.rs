//! What a trial has found so far, for people.

use querysmith_shared::id::StatementId;
use serde::{Deserialize, Serialize};

use crate::interval::Interval;
use crate::measure::cell::Metric;

/// Everything found so far. Effects are the change as a fraction, negative = less with the change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Pairs that were run.
    pub pairs: u32,
    /// Those of them that counted.
    pub counted: u32,
    /// Windows that were missing.
    pub missing_windows: u32,
    /// Share of the database's time that the counted statements made up; 0 before the first pair.
    pub coverage: f64,
    /// Strikes of the guardrail.
    pub strikes: u32,
    /// Each metric that is looked at.
    pub metrics: Vec<MetricAssessment>,
    /// Change of the cost of the usual calls, for the money's view. Not tested.
    pub cost: Option<f64>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricAssessment {
    /// Which.
    pub metric: Metric,
    /// Median of all pairwise means of the differences (Hodges and Lehmann), with an interval that holds at all
    /// looks; from -1 to 9 where nothing is refuted yet.
    pub effect: Option<Interval>,
    /// Evidence of harm: the wealth of who bets on it, from 1.
    pub harm: f64,
    /// Evidence of benefit.
    pub benefit: f64,
    /// Each statement, by weight.
    pub statements: Vec<StatementAssessment>,
}

/// One statement in one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatementAssessment {
    /// Which.
    pub statement_id: StatementId,
    /// Its usual share of the database's time.
    pub share: f64,
    /// Its effect; its interval holds for this statement by itself, not for all of them at once.
    pub effect: Option<Interval>,
    /// Evidence of harm to it.
    pub harm: f64,
    /// Evidence that proves it.
    pub harm_threshold: f64,
}
