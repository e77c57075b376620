//! What the controller asks of an agent, each on a stream of its own, and the answers.

use serde::{Deserialize, Serialize};

use super::bounded;
use super::codec::Message;
use super::envelope::Kind;
use super::fence::Fence;
use crate::approval::{Approval, MAX_APPROVERS, MAX_SIGNATURES, Signature};
use crate::change::limits::Limits;
use crate::change::{Change, CreateIndex};
use crate::dialect::Rendered;
use crate::id::{ChangeId, InstanceId, QuestionId, StatementId};
use crate::timestamp::Timestamp;

/// Most candidates of one what-if question.
pub const MAX_CANDIDATES: usize = 100;
/// Most statements of one what-if question.
pub const MAX_STATEMENTS: usize = 500;

/// One order. Appended to, never reordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// Which plans would these indexes bring?
    WhatIf(WhatIf),
    /// Bring this change about.
    Apply(Box<Apply>),
    /// Take this change back.
    Undo(Undo),
    /// Keep this change: its trial is over.
    Confirm(Confirm),
    /// The controller is there: the leases of these changes begin anew.
    Renew(Renew),
    /// Go on without this change for a while: its trial by switchback pauses.
    Pause(Pause),
}

impl Message for Order {
    const KIND: Kind = Kind::Order;
}

impl Order {
    /// The record of the controller that orders it; `None` of a question, which changes nothing.
    pub fn fence(&self) -> Option<&Fence> {
        match self {
            Self::WhatIf(_) => None,
            Self::Apply(order) => Some(&order.fence),
            Self::Undo(order) => Some(&order.fence),
            Self::Confirm(order) => Some(&order.fence),
            Self::Renew(order) => Some(&order.fence),
            Self::Pause(order) => Some(&order.fence),
        }
    }
}

/// Asks for the plans of statements with and without hypothetical indexes. Nothing is executed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// Joins the answer to the question.
    pub question: QuestionId,
    /// Which server.
    pub instance: InstanceId,
    /// Which database; every statement and candidate is of it.
    pub database: String,
    /// Indexes to imagine, each alone.
    #[serde(deserialize_with = "bounded::vec::<MAX_CANDIDATES, _, _>")]
    pub candidates: Vec<CreateIndex>,
    /// Statements to plan.
    #[serde(deserialize_with = "bounded::vec::<MAX_STATEMENTS, _, _>")]
    pub statements: Vec<StatementId>,
}

/// A change that was approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Apply {
    /// The change's id: the same order again is no second change.
    pub change: ChangeId,
    /// Which server.
    pub instance: InstanceId,
    /// The server's system identifier when it was approved; the agent refuses another.
    pub system_identifier: String,
    /// What to do.
    pub what: Change,
    /// Limits, part of the text.
    pub limits: Limits,
    /// Digest of the text that was approved; the agent renders its own and refuses a mismatch.
    pub digest: [u8; 32],
    /// Who approved, for the journal.
    pub approved_by: String,
    /// After this it must not begin.
    pub expires_at: Timestamp,
    /// Of its [approval](crate::approval::Approval).
    #[serde(default, deserialize_with = "bounded::vec::<MAX_SIGNATURES, _, _>")]
    pub signatures: Vec<Signature>,
    /// The record of the controller that orders it.
    #[serde(default)]
    pub fence: Fence,
}

impl Apply {
    /// What its signatures must be of, where it would run as `rendered`.
    pub fn approval<'a>(&'a self, rendered: &'a Rendered) -> Approval<'a> {
        Approval {
            change: self.change,
            instance: self.instance,
            system_identifier: &self.system_identifier,
            database: self.what.database(),
            rendered,
            limits: self.limits,
            expires_at: self.expires_at,
        }
    }
}

/// An undo that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Which change; the agent's journal has the undo.
    pub change: ChangeId,
    /// Why, for the journal.
    pub reason: String,
    /// Of its [undo's text](crate::approval::Approval::undo_text), where it was kept.
    #[serde(default, deserialize_with = "bounded::vec::<MAX_SIGNATURES, _, _>")]
    pub signatures: Vec<Signature>,
    /// The record of the controller that orders it.
    #[serde(default)]
    pub fence: Fence,
}

/// The reason with which an agent refuses an undo of a change that isn't in its journal, and that it won't accept
/// any more. Part of what both ends agree on: it never changes.
pub const UNKNOWN_CHANGE: &str = "this agent's journal doesn't know the change";

/// The end of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Which change.
    pub change: ChangeId,
    /// Why, for the journal.
    pub reason: String,
    /// The record of the controller that orders it.
    #[serde(default)]
    pub fence: Fence,
}

/// A pause of a trial by switchback: the change is taken back at once, and no pair is begun before its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Which change.
    pub change: ChangeId,
    /// Why, for the journal.
    pub reason: String,
    /// For how long, s.
    pub for_s: u32,
    /// The record of the controller that orders it.
    #[serde(default)]
    pub fence: Fence,
}

/// Most changes of one renewal: as many as an agent has open at most.
pub const MAX_RENEWED: usize = 256;

/// Word from the controller about changes on trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    /// Which.
    #[serde(deserialize_with = "bounded::vec::<MAX_RENEWED, _, _>")]
    pub changes: Vec<ChangeId>,
    /// The record of the controller that orders it.
    #[serde(default)]
    pub fence: Fence,
}

/// What is left of a change's time on trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which change.
    pub change: ChangeId,
    /// Until the agent misses the controller, s.
    pub lease_left_s: u32,
    /// Until the trial is over, s.
    pub trial_left_s: u32,
}

/// The answer to an order. Appended to, never reordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// It is in the journal; what happens to it comes as reports.
    Accepted,
    /// It will not be done, and why.
    Refused(String),
    /// The answer to a what-if question.
    WhatIf(WhatIfAnswer),
    /// The leases after a renewal, of those changes that are on trial and can be taken back.
    Leases(#[serde(deserialize_with = "bounded::vec::<MAX_RENEWED, _, _>")] Vec<Lease>),
    /// The order needs more signatures of the host's approvers. It isn't in the journal, and may come again.
    MissingSignatures(MissingSignatures),
    /// Not done: this agent has obeyed a record that isn't an earlier part of the order's, this one.
    Behind(Fence),
}

impl Message for Answer {
    const KIND: Kind = Kind::Answer;
}

/// What an order lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingSignatures {
    /// How many approvers must have signed.
    pub needed: u8,
    /// Those who did, as the host names them.
    #[serde(deserialize_with = "bounded::vec::<MAX_APPROVERS, _, _>")]
    pub signed: Vec<String>,
    /// The same in words, with what to do.
    pub reason: String,
}

/// What the planner says to imagined indexes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIfAnswer {
    /// The question.
    pub question: QuestionId,
    /// Why nothing could be simulated, with the remedy; then `candidates` is empty.
    pub not_simulated: Option<String>,
    /// Plans as things are.
    #[serde(deserialize_with = "bounded::vec::<MAX_STATEMENTS, _, _>")]
    pub baseline: Vec<PlannedStatement>,
    /// One answer for each candidate, in their order.
    #[serde(deserialize_with = "bounded::vec::<MAX_CANDIDATES, _, _>")]
    pub candidates: Vec<CandidateAnswer>,
}

/// What one imagined index does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateAnswer {
    /// Its size as hypopg estimates it, bytes.
    pub estimated_bytes: u64,
    /// Why it could not be imagined.
    pub problem: Option<String>,
    /// Statements whose plan is another than the baseline's.
    #[serde(deserialize_with = "bounded::vec::<MAX_STATEMENTS, _, _>")]
    pub changed: Vec<PlannedStatement>,
}

/// One statement as it would be planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStatement {
    /// Which statement.
    pub statement: StatementId,
    /// The planner's total cost, or why there is none.
    pub cost: Result<f64, String>,
    /// Whether the plan uses an imagined index.
    pub uses_candidate: bool,
    /// The plan, redacted `EXPLAIN (FORMAT JSON)`, where there is one.
    pub plan: Option<String>,
}
