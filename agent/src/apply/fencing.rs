//! The newest record of a controller that this agent has obeyed, kept with the journal.

use std::sync::{Mutex, PoisonError};

use querysmith_shared::id::AgentId;
use querysmith_shared::wire::fence::Fence;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::journal::{Journal, JournalError};

/// What was obeyed, and as whom: with another identity the agent has another controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obeyed {
    /// This agent's id at that time.
    pub agent: AgentId,
    /// The record.
    pub fence: Fence,
}

/// What to do with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It may be carried out.
    Open,
    /// It may, and it is the first of an epoch: as its controller may have forgotten what this agent told, every line of
    /// the journal is reported once more.
    NewEpoch,
    /// It may not, as this was obeyed before.
    Shut(Fence),
}

#[derive(Debug)]
pub(super) struct Fencing {
    agent: AgentId,
    /// Held while the disk is written, so that of two orders the second is judged by the first.
    passing: Mutex<()>,
    obeyed: watch::Sender<Option<Fence>>,
}

impl Fencing {
    pub(super) fn open(journal: &Journal, agent: AgentId) -> Result<Self, JournalError> {
        let own = journal.obeyed()?.filter(|obeyed| obeyed.agent == agent);
        let obeyed = watch::Sender::new(own.map(|obeyed| obeyed.fence));
        Ok(Self { agent, passing: Mutex::default(), obeyed })
    }

    /// Judges an order by its record, which is on the disk as obeyed when it may be carried out.
    pub(super) fn pass(&self, journal: &Journal, fence: Fence) -> Result<Passage, JournalError> {
        let _passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = *self.obeyed.borrow();
        match seen {
            Some(seen) if fence.is_refused_after(&seen) => return Ok(Passage::Shut(seen)),
            Some(seen) if seen == fence => return Ok(Passage::Open),
            Some(_) | None => {}
        }
        let is_new_epoch = seen.is_some_and(|seen| fence.epoch > seen.epoch);
        journal.set_obeyed(Obeyed { agent: self.agent, fence }, is_new_epoch)?;
        self.obeyed.send_replace(Some(fence));
        Ok(if is_new_epoch { Passage::NewEpoch } else { Passage::Open })
    }

    /// Follows what was obeyed last.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Fence>> {
        self.obeyed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn fence(epoch: u64, position: u64) -> Fence {
        Fence { epoch, position, hash: [position as u8; 32] }
    }

    #[test]
    fn what_was_obeyed_outlives_the_agent_but_not_its_identity() {
        let directory = tempfile::tempdir().unwrap();
        let agent = AgentId(Uuid::from_u128(1));
        {
            let journal = Journal::open(directory.path()).unwrap();
            let fencing = Fencing::open(&journal, agent).unwrap();
            assert_eq!(fencing.pass(&journal, fence(1, 5)).unwrap(), Passage::Open);
            assert_eq!(fencing.pass(&journal, fence(1, 5)).unwrap(), Passage::Open);
            assert_eq!(fencing.pass(&journal, fence(1, 4)).unwrap(), Passage::Shut(fence(1, 5)));
        }
        let journal = Journal::open(directory.path()).unwrap();
        let fencing = Fencing::open(&journal, agent).unwrap();
        assert_eq!(*fencing.watch().borrow(), Some(fence(1, 5)));
        assert_eq!(fencing.pass(&journal, fence(1, 4)).unwrap(), Passage::Shut(fence(1, 5)));
        assert_eq!(fencing.pass(&journal, fence(2, 3)).unwrap(), Passage::NewEpoch);
        assert_eq!(fencing.pass(&journal, fence(2, 4)).unwrap(), Passage::Open);
        assert_eq!(fencing.pass(&journal, fence(1, 900)).unwrap(), Passage::Shut(fence(2, 4)));
        let moved = Fencing::open(&journal, AgentId(Uuid::from_u128(2))).unwrap();
        assert_eq!(moved.pass(&journal, fence(1, 1)).unwrap(), Passage::Open);
    }
}
