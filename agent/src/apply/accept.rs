//! What becomes of an order about a change that the journal knows: decided from the journal alone.

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::wire::order::{Apply, UNKNOWN_CHANGE};

use super::journal::entry::Event;
use super::journal::record::Record;
use super::order;

/// What to do with an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Acceptance {
    /// Write this line in the state that the decision rests on, then carry the change on.
    Write(Event),
    /// It is done, or being done, already.
    Done,
    /// Don't, and say why.
    Refuse(String),
}

/// An order to make a change whose id is in the journal: the same one again, or another one under its id.
pub(super) fn again(record: &Record, order: &Apply) -> Acceptance {
    if !order::is_repetition(&record.order, order) {
        return Acceptance::Refuse("the journal has another change of this id".to_owned());
    }
    match record.state {
        ChangeState::Rejected => Acceptance::Refuse(record.last.clone()),
        _ => Acceptance::Done,
    }
}

/// An order to take a change back, whatever it has come to.
pub(super) fn undo(record: &Record, reason: &str) -> Acceptance {
    let reason = order::bounded_reason(reason).to_owned();
    match record.state {
        ChangeState::Approved | ChangeState::Offered => Acceptance::Refuse(UNKNOWN_CHANGE.to_owned()),
        ChangeState::Received | ChangeState::Armed => Acceptance::Write(Event::Aborted { reason }),
        ChangeState::Applying | ChangeState::Trial | ChangeState::Confirmed => {
            match record.order.what.kind().can_be_undone() {
                true => Acceptance::Write(Event::RevertIntent { reason }),
                // Cancelled, it leaves nothing behind; if it is just over, it stays.
                false if record.state == ChangeState::Applying => Acceptance::Write(Event::Failed { reason }),
                false => Acceptance::Refuse(
                    "old statistics can't be brought back: an ANALYZE has no undo".to_owned(),
                ),
            }
        }
        // As before already, or on the way there.
        ChangeState::Reverting | ChangeState::Reverted | ChangeState::Aborted | ChangeState::Rejected => {
            Acceptance::Done
        }
        ChangeState::Stuck => Acceptance::Refuse(format!("the change is stuck: {}", record.last)),
    }
}

/// An order to keep a change. One that is tried by switchback may not be in place at this moment.
pub(super) fn confirm(record: &Record, reason: &str) -> Acceptance {
    match record.state {
        ChangeState::Trial if record.progress.keep.is_some() => Acceptance::Done,
        ChangeState::Trial if record.order.limits.trial.switchback.is_some() => {
            Acceptance::Write(Event::KeepIntent { reason: order::bounded_reason(reason).to_owned() })
        }
        ChangeState::Trial => {
            Acceptance::Write(Event::Confirmed { reason: order::bounded_reason(reason).to_owned() })
        }
        ChangeState::Confirmed => Acceptance::Done,
        state => Acceptance::Refuse(format!("the change is {state}: only one on trial can be kept")),
    }
}

/// An order to go on without a change for a while.
pub(super) fn pause(record: &Record, for_s: u32, reason: &str) -> Acceptance {
    match record.state {
        ChangeState::Trial if record.order.limits.trial.switchback.is_some() => {
            Acceptance::Write(Event::Paused {
                for_s: for_s.min(record.order.limits.trial.longest_s),
                reason: order::bounded_reason(reason).to_owned(),
            })
        }
        ChangeState::Trial => Acceptance::Refuse("only a trial by switchback can pause".to_owned()),
        state => Acceptance::Refuse(format!("the change is {state}: only one on trial can pause")),
    }
}
