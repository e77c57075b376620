//! A proposal before a person sees it.

use querysmith_shared::change::{Change, ChangeKind};
use querysmith_shared::id::{ChangeId, FindingId, InstanceId, StatementId};
use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::finding::EvidenceItem;
use crate::interval::Interval;
use crate::overview::StatementView;
use crate::propose::how_tried::HowTried;

/// What a proposal rests on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grounds {
    /// In a sentence or two.
    pub(crate) why: String,
    /// The findings it answers.
    pub(crate) finding_ids: Vec<FindingId>,
    /// The figures.
    pub(crate) evidence: Vec<EvidenceItem>,
}

/// Everything about a proposal but its text as SQL, its expiry and its digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProposalDraft {
    /// The change it becomes when it is approved.
    pub change_id: ChangeId,
    /// The server.
    pub instance: InstanceId,
    /// What to do; a new index has its final name.
    pub change: Change,
    /// Kind of the change.
    pub kind: ChangeKind,
    /// One line for a list.
    pub title: String,
    /// Why, in two or three sentences.
    pub reason: String,
    /// The findings it answers.
    pub finding_ids: Vec<FindingId>,
    /// The figures it rests on.
    pub evidence: Vec<EvidenceItem>,
    /// What it does to each statement that touches the table, most time first.
    pub statements: Vec<StatementEffect>,
    /// Predicted change of the touched statements' time; `None` where nothing honest can be said.
    pub predicted: Option<Interval>,
    /// Natural log of the planner's cost after / before over the touched statements, weighed by their time:
    /// what the model learns from.
    pub cost_log_ratio: Option<f64>,
    /// The planner was asked with an imagined index.
    pub simulated: bool,
    /// Why it was not asked.
    pub not_simulated_reason: Option<String>,
    /// Estimated size of the new index, bytes.
    pub size_bytes: Option<u64>,
    /// What it costs every write, in words with figures.
    pub write_cost: String,
    /// Index entries written per hour because of it; below zero where there are fewer.
    pub entries_per_hour: Option<f64>,
    /// Which lock it takes and what that stops.
    pub lock: String,
    /// How long it will take, seconds, from and to.
    pub duration_estimate_s: Option<DurationEstimate>,
    /// How it is tried.
    #[serde(default)]
    pub tried: HowTried,
    /// What may go wrong.
    pub risks: Vec<String>,
    /// Compared by [`crate::propose::memory`] to tell whether a refused proposal may come back.
    pub evidence_digest: String,
    /// Version of the model that predicted.
    pub model_version: u32,
}

/// Seconds, from and to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DurationEstimate {
    /// At the least.
    pub low: f64,
    /// At the most.
    pub high: f64,
}

/// What a proposal does to one statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatementEffect {
    /// Which.
    pub statement_id: StatementId,
    /// Its share of the instance's statement time now.
    pub time_share: f64,
    /// The planner's cost as things are.
    pub cost_before: Option<f64>,
    /// The planner's cost with the index.
    pub cost_after: Option<f64>,
    /// Predicted change of its time.
    pub predicted: Option<Interval>,
    /// In one word.
    pub verdict: StatementVerdict,
    /// The plan would use the new index.
    pub uses_index: bool,
}

impl StatementEffect {
    /// Of a statement that the planner was not asked about.
    pub(crate) fn not_simulated(statement: &StatementView<'_>) -> Self {
        Self {
            statement_id: statement.evidence.id,
            time_share: statement.time_share,
            cost_before: statement.current_plan().map(|plan| plan.plan.total_cost),
            cost_after: None,
            predicted: None,
            verdict: StatementVerdict::NotSimulated,
            uses_index: false,
        }
    }
}

/// What to do where the agent may apply nothing; `None` where it may.
pub(crate) fn not_applied_here(evidence: &Evidence) -> Option<String> {
    let text = "The agent may not apply changes here: export the statement and run it yourself.";
    (!evidence.instance.may_apply).then(|| text.to_owned())
}

/// A statement's fate in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementVerdict {
    /// Less time.
    Helps,
    /// More time.
    Hurts,
    /// The same.
    Unchanged,
    /// The planner was not asked, or could not plan it.
    NotSimulated,
}
