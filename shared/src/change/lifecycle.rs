//! The one state machine of a change.
//!
//! The agent's journal is the truth from `Received` on; the controller mirrors it. Pure: the next
//! state depends on the state and the event alone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a change stands. Appended to, never reordered: the position is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// A person or a policy approved it; no agent has it yet.
    Approved,
    /// Sent to the agent; not acknowledged.
    Offered,
    /// In the agent's journal.
    Received,
    /// The agent refused it; nothing was done.
    Rejected,
    /// Pre-image and undo are journalled; nothing was done.
    Armed,
    /// The statement is running.
    Applying,
    /// Read back from the database as intended; its effect is being measured.
    Trial,
    /// Kept.
    Confirmed,
    /// The undo is running.
    Reverting,
    /// Read back from the database as it was before.
    Reverted,
    /// Given up before anything was done.
    Aborted,
    /// The database is neither as before nor as intended; a person must look.
    Stuck,
}

impl ChangeState {
    /// Every state, in the order of the wire.
    pub const ALL: [Self; 12] = [
        Self::Approved,
        Self::Offered,
        Self::Received,
        Self::Rejected,
        Self::Armed,
        Self::Applying,
        Self::Trial,
        Self::Confirmed,
        Self::Reverting,
        Self::Reverted,
        Self::Aborted,
        Self::Stuck,
    ];

    /// The name used in the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Offered => "offered",
            Self::Received => "received",
            Self::Rejected => "rejected",
            Self::Armed => "armed",
            Self::Applying => "applying",
            Self::Trial => "trial",
            Self::Confirmed => "confirmed",
            Self::Reverting => "reverting",
            Self::Reverted => "reverted",
            Self::Aborted => "aborted",
            Self::Stuck => "stuck",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Nothing more happens by itself.
    pub fn is_final(self) -> bool {
        match self {
            Self::Rejected | Self::Confirmed | Self::Reverted | Self::Aborted | Self::Stuck => true,
            Self::Approved
            | Self::Offered
            | Self::Received
            | Self::Armed
            | Self::Applying
            | Self::Trial
            | Self::Reverting => false,
        }
    }

    /// A person may still call it off: it has no effect that is known to be complete.
    pub fn can_be_withdrawn(self) -> bool {
        matches!(self, Self::Approved | Self::Offered | Self::Received | Self::Armed | Self::Applying)
    }

    /// A person may ask for the undo.
    pub fn can_be_undone(self) -> bool {
        matches!(self, Self::Trial | Self::Confirmed)
    }
}

impl fmt::Display for ChangeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can happen to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeEvent {
    /// The controller sent it.
    Offer,
    /// The agent journalled it.
    Receive,
    /// The agent refused it: allow-list, digest, expiry, precondition.
    Reject,
    /// Pre-image and undo are on disk.
    Arm,
    /// Withdrawn or expired before the effect, or the attempt failed and left nothing behind.
    Abort,
    /// Intent is on disk; the statement starts.
    Begin,
    /// The database was read back and is as intended.
    Verify,
    /// The effect was measured as help, or a person decided to keep it.
    Confirm,
    /// Undo is on its way: harm, no effect, failure or a person's wish.
    Revert,
    /// The database was read back and is as before.
    Restored,
    /// Observation fits no state, or three attempts failed.
    GiveUp,
}

impl ChangeEvent {
    /// Every event.
    pub const ALL: [Self; 11] = [
        Self::Offer,
        Self::Receive,
        Self::Reject,
        Self::Arm,
        Self::Abort,
        Self::Begin,
        Self::Verify,
        Self::Confirm,
        Self::Revert,
        Self::Restored,
        Self::GiveUp,
    ];
}

/// The event can't happen in this state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a change that is {state} can't take the event {event:?}")]
pub struct IllegalEvent {
    /// The state it is in.
    pub state: ChangeState,
    /// What was asked of it.
    pub event: ChangeEvent,
}

/// The state after `event`.
pub fn next(state: ChangeState, event: ChangeEvent) -> Result<ChangeState, IllegalEvent> {
    use ChangeEvent as E;
    use ChangeState as S;
    match (state, event) {
        (S::Approved | S::Offered, E::Offer) => Ok(S::Offered),
        (S::Approved | S::Offered | S::Received, E::Receive) => Ok(S::Received),
        (S::Approved | S::Offered | S::Received | S::Armed, E::Reject) => Ok(S::Rejected),
        (S::Received | S::Armed, E::Arm) => Ok(S::Armed),
        (S::Approved | S::Offered | S::Received | S::Armed | S::Applying, E::Abort) => Ok(S::Aborted),
        (S::Armed | S::Applying, E::Begin) => Ok(S::Applying),
        (S::Applying | S::Trial, E::Verify) => Ok(S::Trial),
        (S::Trial | S::Confirmed, E::Confirm) => Ok(S::Confirmed),
        (S::Applying | S::Trial | S::Confirmed | S::Reverting, E::Revert) => Ok(S::Reverting),
        (S::Reverting, E::Restored) => Ok(S::Reverted),
        (S::Applying | S::Trial | S::Reverting, E::GiveUp) => Ok(S::Stuck),
        (state, event) => Err(IllegalEvent { state, event }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ordinary_path_leads_to_confirmed() {
        use ChangeEvent as E;
        let mut state = ChangeState::Approved;
        for event in [E::Offer, E::Receive, E::Arm, E::Begin, E::Verify, E::Confirm] {
            state = next(state, event).unwrap();
        }
        assert_eq!(state, ChangeState::Confirmed);
    }

    #[test]
    fn only_confirmed_leaves_a_final_state_and_only_towards_undo() {
        for state in ChangeState::ALL.into_iter().filter(|s| s.is_final()) {
            for event in ChangeEvent::ALL {
                match next(state, event) {
                    Ok(after) if after == state => {}
                    Ok(after) => {
                        assert_eq!((state, after), (ChangeState::Confirmed, ChangeState::Reverting));
                    }
                    Err(_) => {}
                }
            }
        }
    }

    #[test]
    fn what_can_be_withdrawn_can_end_without_effect_and_is_never_undone_as_well() {
        for state in ChangeState::ALL.into_iter().filter(|state| state.can_be_withdrawn()) {
            assert_eq!(next(state, ChangeEvent::Abort), Ok(ChangeState::Aborted), "{state}");
            assert!(!state.can_be_undone() && !state.is_final(), "{state}");
        }
    }

    #[test]
    fn nothing_is_applied_that_was_not_armed() {
        for state in ChangeState::ALL {
            if next(state, ChangeEvent::Begin).is_ok() {
                assert!(matches!(state, ChangeState::Armed | ChangeState::Applying), "{state}");
            }
        }
    }

    #[test]
    fn names_can_be_read_back() {
        for state in ChangeState::ALL {
            assert_eq!(ChangeState::parse(state.as_str()), Some(state));
        }
        assert_eq!(ChangeState::parse("done"), None);
    }
}
