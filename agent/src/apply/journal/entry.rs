//! What one line of the journal says, and which state it leads to.

use std::fmt;

use querysmith_shared::change::lifecycle::{self, ChangeEvent, ChangeState, IllegalEvent};
use querysmith_shared::change::switchback::Turn;
use querysmith_shared::change::trial::span;
use querysmith_shared::id::ChangeId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::Apply;
use serde::{Deserialize, Serialize};

use crate::apply::ground::PreImage;

/// One line of the journal. Read back by every later version of the agent: fields and variants may be
/// added, never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1 without gaps over all changes.
    pub sequence: u64,
    /// Which change.
    pub change: ChangeId,
    /// When it was written, by the agent's clock; the order of events is that of `sequence`.
    pub at: Timestamp,
    /// The state after it.
    pub state: ChangeState,
    /// What happened, or is about to.
    pub event: Event,
}

/// What happened to a change, or is about to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The order arrived.
    Received {
        /// The whole order.
        order: Box<Apply>,
        /// The approvers whose signatures counted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        signed_by: Vec<String>,
    },
    /// It will not be done; nothing was done.
    Rejected {
        /// Why, and what to do about it.
        reason: String,
    },
    /// Everything the undo needs is known.
    Armed(Box<Armed>),
    /// The statement is about to run.
    Intent {
        /// From 1.
        attempt: u32,
    },
    /// The statement failed, or what it left behind is incomplete. It isn't tried again.
    Failed {
        /// Why, and what to do about it.
        reason: String,
    },
    /// What the change left or made is about to be removed.
    RemovalIntent {
        /// From 1, over the life of the change.
        attempt: u32,
    },
    /// The removal failed; it is tried again.
    RemovalFailed {
        /// Why, and what to do about it.
        reason: String,
        /// Waiting may help: a lock, a cancellation, a lost connection.
        passing: bool,
    },
    /// Read back from the database as intended.
    Applied {
        /// What was read back.
        observed: String,
        /// How long the statement ran, ms; unknown if another run of the agent started it.
        duration_ms: Option<u64>,
    },
    /// Nothing was done, or nothing of it is left.
    Aborted {
        /// Why, and what to do about it.
        reason: String,
    },
    /// Another arm of a trial by switchback is about to be put in place, unless it is there already.
    SwitchIntent {
        /// Which.
        to: Turn,
    },
    /// Read back from the database: the arm is in place.
    Switched {
        /// Which.
        to: Turn,
        /// What was read back, of the change.
        observed: Option<String>,
    },
    /// A pair of a trial by switchback can't be used.
    PairVoid {
        /// From 0.
        pair: u32,
        /// Why.
        reason: String,
    },
    /// A trial by switchback goes on without the change for a while.
    Paused {
        /// For how long, s.
        for_s: u32,
        /// Why.
        reason: String,
    },
    /// A change tried by switchback is to be kept: it is put in place first.
    KeepIntent {
        /// Why.
        reason: String,
    },
    /// The trial is over: kept.
    Confirmed {
        /// Why.
        reason: String,
    },
    /// It is to be taken back.
    RevertIntent {
        /// Why.
        reason: String,
    },
    /// Read back from the database as it was before.
    Reverted {
        /// How long the undo ran, ms; unknown if nothing had to run.
        duration_ms: Option<u64>,
    },
    /// A person must look.
    Stuck {
        /// What is odd, and what to do about it.
        reason: String,
    },
}

/// What is known before the first effect: how to do it, check it and take it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Armed {
    /// The statements that bring it about, as approved.
    pub apply: Vec<String>,
    /// The statement that reads it back.
    pub verify: String,
    /// The statements that take it back; empty where that is impossible.
    pub undo: Vec<String>,
    /// The database before the change.
    pub pre_image: PreImage,
}

impl Event {
    /// The state that a change in `state` (`None`: not in the journal yet) is in after this. A change's first
    /// line is its order.
    pub fn lead(&self, state: Option<ChangeState>) -> Result<ChangeState, IllegalEvent> {
        let (state, is_new) = (state.unwrap_or(ChangeState::Offered), state.is_none());
        let event = match self {
            Self::Received { .. } => ChangeEvent::Receive,
            Self::Rejected { .. } => ChangeEvent::Reject,
            Self::Armed(_) => ChangeEvent::Arm,
            Self::Intent { .. } => ChangeEvent::Begin,
            Self::Applied { .. } => ChangeEvent::Verify,
            Self::Aborted { .. } => ChangeEvent::Abort,
            Self::Confirmed { .. } => ChangeEvent::Confirm,
            Self::RevertIntent { .. } => ChangeEvent::Revert,
            Self::Reverted { .. } => ChangeEvent::Restored,
            Self::Stuck { .. } => ChangeEvent::GiveUp,
            Self::Failed { .. } => return stay(state, &[ChangeState::Applying]),
            Self::SwitchIntent { .. }
            | Self::Switched { .. }
            | Self::PairVoid { .. }
            | Self::Paused { .. }
            | Self::KeepIntent { .. } => return stay(state, &[ChangeState::Trial]),
            Self::RemovalIntent { .. } | Self::RemovalFailed { .. } => {
                return stay(state, &[ChangeState::Applying, ChangeState::Reverting]);
            }
        };
        if is_new != (event == ChangeEvent::Receive) {
            return Err(IllegalEvent { state, event });
        }
        lifecycle::next(state, event)
    }

    /// A short name, as in the stored journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Received { .. } => "received",
            Self::Rejected { .. } => "rejected",
            Self::Armed(_) => "armed",
            Self::Intent { .. } => "intent",
            Self::Failed { .. } => "failed",
            Self::RemovalIntent { .. } => "removal_intent",
            Self::RemovalFailed { .. } => "removal_failed",
            Self::Applied { .. } => "applied",
            Self::Aborted { .. } => "aborted",
            Self::SwitchIntent { .. } => "switch_intent",
            Self::Switched { .. } => "switched",
            Self::PairVoid { .. } => "pair_void",
            Self::Paused { .. } => "paused",
            Self::KeepIntent { .. } => "keep_intent",
            Self::Confirmed { .. } => "confirmed",
            Self::RevertIntent { .. } => "revert_intent",
            Self::Reverted { .. } => "reverted",
            Self::Stuck { .. } => "stuck",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received { order, signed_by } => {
                write!(f, "received, approved by {}", order.approved_by)?;
                if !signed_by.is_empty() {
                    write!(f, "; signed by {}", signed_by.join(", "))?;
                }
                Ok(())
            }
            Self::Armed(armed) => write!(f, "ready to begin: {}", armed.pre_image),
            Self::Intent { attempt: 1 } => f.write_str("the statement starts"),
            Self::Intent { attempt } => write!(f, "the statement starts again, attempt {attempt}"),
            Self::RemovalIntent { attempt: 1 } => f.write_str("the undo starts"),
            Self::RemovalIntent { attempt } => write!(f, "the undo starts again, attempt {attempt}"),
            Self::Applied { observed, .. } => {
                write!(f, "read back from the database as intended: {observed}")
            }
            Self::Reverted { .. } => f.write_str("read back from the database as before the change"),
            Self::RemovalFailed { reason, .. } => write!(f, "the undo failed: {reason}"),
            Self::SwitchIntent { to } => write!(f, "switching to {to}"),
            Self::Switched { to, observed: Some(observed) } => write!(f, "{to}, read back: {observed}"),
            Self::Switched { to, observed: None } => write!(f, "{to}, read back"),
            Self::PairVoid { pair, reason } => write!(f, "pair {} doesn't count: {reason}", pair + 1),
            Self::Paused { for_s, reason } => write!(f, "paused for {}: {reason}", span(*for_s)),
            Self::KeepIntent { reason } => write!(f, "to be kept: {reason}"),
            Self::Rejected { reason }
            | Self::Failed { reason }
            | Self::Aborted { reason }
            | Self::Confirmed { reason }
            | Self::RevertIntent { reason }
            | Self::Stuck { reason } => f.write_str(reason),
        }
    }
}

fn stay(state: ChangeState, allowed: &[ChangeState]) -> Result<ChangeState, IllegalEvent> {
    if allowed.contains(&state) {
        return Ok(state);
    }
    // The nearest thing that the machine has a name for: what stays in a state began there.
    Err(IllegalEvent { state, event: ChangeEvent::Begin })
}
