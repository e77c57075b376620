//! What to tell an agent about a change, and what its answer means. Pure.

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::order::{
    Answer, Apply, Confirm, MissingSignatures, Order, UNKNOWN_CHANGE, Undo,
};

use crate::fleet::roster::OrderError;
use crate::store::changes::{Actor, Wanted};
use crate::store::orders::PendingOrder;

/// What to do about a wish.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Send this.
    Send(Order),
    /// It is too late: the approval ended before any agent had the order.
    Expired,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// It is in the agent's journal.
    Accepted,
    /// It will not be done: the change ends so, or the wish is forgotten.
    Ended {
        /// State of a change of which no agent has said anything.
        end: ChangeState,
        /// Who says so.
        actor: Actor,
        /// Why.
        detail: String,
    },
    /// It needs more signatures.
    MissingSignatures(MissingSignatures),
    /// The agent has obeyed this, and takes the order for one of an older record.
    Behind(Fence),
    /// Nobody knows; it is sent again later.
    Again,
}

/// The next step for a wish, on the record of `fence`; `None` where there is nothing to tell.
pub fn next_step(pending: &PendingOrder, fence: Fence, now: Timestamp) -> Option<Step> {
    match pending.wanted {
        Wanted::None => None,
        // Once it was offered the agent may have it, and only the agent can say that it has not begun: as it does
        // of one that too few signed.
        Wanted::Apply
            if (pending.state == ChangeState::Approved || pending.lacks_signatures)
                && pending.expires_at <= now =>
        {
            Some(Step::Expired)
        }
        Wanted::Apply if pending.lacks_signatures => None,
        Wanted::Apply => Some(Step::Send(Order::Apply(Box::new(Apply {
            change: pending.change,
            instance: pending.instance,
            system_identifier: pending.system_identifier.clone(),
            what: pending.what.clone(),
            limits: pending.limits,
            digest: pending.digest,
            approved_by: pending.approved_by.clone(),
            expires_at: pending.expires_at,
            signatures: pending.signatures.clone(),
            fence,
        })))),
        Wanted::Undo => Some(Step::Send(Order::Undo(Undo {
            change: pending.change,
            reason: pending.reason.clone(),
            signatures: pending.signatures.clone(),
            fence,
        }))),
        Wanted::Confirm => Some(Step::Send(Order::Confirm(Confirm {
            change: pending.change,
            reason: pending.reason.clone(),
            fence,
        }))),
    }
}

/// What the answer to an order means.
pub fn meaning(wanted: Wanted, answer: Result<Answer, OrderError>) -> Meaning {
    let refused = |reason: String| Meaning::Ended {
        end: ChangeState::Rejected,
        actor: Actor::Agent,
        detail: match wanted {
            Wanted::None | Wanted::Apply => format!("refused: {reason}"),
            Wanted::Undo => format!("refused to undo: {reason}"),
            Wanted::Confirm => format!("refused to keep: {reason}"),
        },
    };
    match answer {
        Ok(Answer::Accepted) => Meaning::Accepted,
        // What it doesn't know it hasn't begun, and it won't accept it any more.
        Ok(Answer::Refused(reason)) if wanted == Wanted::Undo && reason == UNKNOWN_CHANGE => {
            Meaning::Ended { end: ChangeState::Aborted, actor: Actor::Agent, detail: reason }
        }
        Ok(Answer::Refused(reason)) => refused(reason),
        Ok(Answer::Behind(obeyed)) => Meaning::Behind(obeyed),
        Ok(Answer::MissingSignatures(missing)) if wanted == Wanted::Apply => {
            Meaning::MissingSignatures(missing)
        }
        Ok(Answer::WhatIf(_) | Answer::Leases(_) | Answer::MissingSignatures(_)) => {
            refused("it answered another question".to_owned())
        }
        Err(OrderError::Refused(refusal)) => refused(refusal.reason),
        Err(OrderError::NotConnected | OrderError::Timeout) => Meaning::Again,
    }
}
