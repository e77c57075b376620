//! What a report of the agent means for the controller's copy of a change. Pure.

use querysmith_shared::change::lifecycle::{ChangeEvent, ChangeState, next};

use crate::store::changes::Wanted;

/// Whether the change can get from one state to the other, in any number of steps, by the state machine. A
/// report whose state can't be reached is an old one that came again.
pub fn is_ahead(from: ChangeState, to: ChangeState) -> bool {
    let mut reached = vec![from];
    let mut looked_at = 0;
    while let Some(state) = reached.get(looked_at).copied() {
        looked_at += 1;
        for event in ChangeEvent::ALL {
            if let Ok(after) = next(state, event)
                && !reached.contains(&after)
            {
                reached.push(after);
            }
        }
    }
    from != to && reached.contains(&to)
}

/// What is still wanted of the agent once it reported `state`.
pub fn still_wanted(wanted: Wanted, state: ChangeState) -> Wanted {
    use ChangeState as S;
    let is_met = match wanted {
        Wanted::None => true,
        // Whatever the agent reports, it has the order.
        Wanted::Apply => !matches!(state, S::Approved | S::Offered),
        Wanted::Undo => match state {
            S::Reverting | S::Reverted | S::Rejected | S::Aborted | S::Stuck => true,
            S::Approved | S::Offered | S::Received | S::Armed | S::Applying | S::Trial | S::Confirmed => {
                false
            }
        },
        Wanted::Confirm => match state {
            S::Confirmed | S::Reverting | S::Reverted | S::Rejected | S::Aborted | S::Stuck => true,
            S::Approved | S::Offered | S::Received | S::Armed | S::Applying | S::Trial => false,
        },
    };
    if is_met { Wanted::None } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChangeState as S;

    #[test]
    fn reports_may_skip_states_and_come_again() {
        assert!(is_ahead(S::Approved, S::Trial));
        assert!(is_ahead(S::Offered, S::Rejected));
        assert!(is_ahead(S::Confirmed, S::Reverted));
        assert!(!is_ahead(S::Trial, S::Trial));
        assert!(!is_ahead(S::Trial, S::Received));
        assert!(!is_ahead(S::Reverted, S::Trial));
        assert!(!is_ahead(S::Rejected, S::Applying));
    }

    #[test]
    fn a_wish_ends_when_the_agent_shows_that_it_knows() {
        assert_eq!(still_wanted(Wanted::Apply, S::Received), Wanted::None);
        assert_eq!(still_wanted(Wanted::Undo, S::Trial), Wanted::Undo);
        assert_eq!(still_wanted(Wanted::Undo, S::Reverting), Wanted::None);
        assert_eq!(still_wanted(Wanted::Confirm, S::Trial), Wanted::Confirm);
        assert_eq!(still_wanted(Wanted::Confirm, S::Confirmed), Wanted::None);
        assert_eq!(still_wanted(Wanted::Confirm, S::Reverting), Wanted::None);
    }
}
