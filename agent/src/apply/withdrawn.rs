//! Changes that were taken back before their order came: an order that was still on its way then must not begin.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use querysmith_shared::id::ChangeId;

/// Most changes that are remembered. Orders are on their way for seconds, and people withdraw one at a time.
const MOST: usize = 256;

/// The last changes of which an undo came before the order. Kept in memory only: an order that is on its way
/// doesn't outlive the connection, nor the connection the agent.
#[derive(Debug, Default)]
pub(super) struct Withdrawn(Mutex<VecDeque<ChangeId>>);

impl Withdrawn {
    /// Remembers a change, and forgets the one that has been remembered for longest if there are too many.
    pub(super) fn add(&self, change: ChangeId) {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.contains(&change) {
            return;
        }
        if changes.len() >= MOST {
            changes.pop_front();
        }
        changes.push_back(change);
    }

    /// Whether the change is remembered.
    pub(super) fn contains(&self, change: ChangeId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&change)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_last_ones_are_remembered() {
        let withdrawn = Withdrawn::default();
        let change = |n: usize| ChangeId(Uuid::from_u128(n as u128));
        for n in 0..=MOST {
            withdrawn.add(change(n));
            withdrawn.add(change(n));
        }
        assert!(!withdrawn.contains(change(0)));
        assert!((1..=MOST).all(|n| withdrawn.contains(change(n))));
    }
}
