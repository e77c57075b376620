//! Fencing: how an agent tells a controller that has gone back in time from one that goes on.
//!
//! Every order that changes something carries the head of the controller's audit chain. An agent keeps the newest one
//! that it obeyed, and refuses orders of an older one, or of another one of the same age: a controller whose store was
//! put back from a backup doesn't know what it decided since, and must not decide on it again.

use serde::{Deserialize, Serialize};

/// How far a controller's record of decisions has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fence {
    /// How often a person said that an older record is to be gone on with. The greater one counts, whatever the rest.
    pub epoch: u64,
    /// Decisions on record: the position of the audit's head.
    pub position: u64,
    /// The head's hash.
    pub hash: [u8; 32],
}

impl Fence {
    /// Whether orders of this record are refused by who has obeyed `seen`.
    pub fn is_refused_after(&self, seen: &Self) -> bool {
        let rank = |fence: &Self| (fence.epoch, fence.position);
        rank(self) < rank(seen) || (rank(self) == rank(seen) && self.hash != seen.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_record_that_goes_on_is_obeyed() {
        let fence = |epoch, position, hash| Fence { epoch, position, hash: [hash; 32] };
        let seen = fence(2, 10, 7);
        for (next, refused) in [
            (seen, false),
            (fence(2, 11, 9), false),
            (fence(3, 1, 1), false),
            (fence(2, 9, 7), true),
            (fence(1, 500, 7), true),
            // Another history of the same length.
            (fence(2, 10, 8), true),
            (Fence::default(), true),
        ] {
            assert_eq!(next.is_refused_after(&seen), refused, "{next:?}");
        }
        assert!(!seen.is_refused_after(&Fence::default()));
    }
}
