//! Says that something changed, inside this process: jobs wake up, and the console's event stream passes
//! it on. A hint only: whoever missed it finds the change at the next round.

use tokio::sync::broadcast;
use uuid::Uuid;

/// Hints that wait for a slow listener; beyond that it misses some and must assume everything changed.
const BACKLOG: usize = 1_024;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Findings.
    Findings,
    /// Proposals.
    Proposals,
    /// Changes and their events.
    Changes,
    /// Instances: identity, schema, settings, collectors.
    Instances,
    /// Statement statistics, texts and plans.
    Queries,
    /// Agents: connected, gone, revoked, their cost.
    Agents,
    /// Jobs.
    Jobs,
    /// Outcomes and models.
    Outcomes,
}

impl Topic {
    /// The name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Findings => "findings",
            Self::Proposals => "proposals",
            Self::Changes => "changes",
            Self::Instances => "instances",
            Self::Queries => "queries",
            Self::Agents => "agents",
            Self::Jobs => "jobs",
            Self::Outcomes => "outcomes",
        }
    }
}

/// One hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// What kind of thing changed.
    pub topic: Topic,
    /// Which one, if it is one.
    pub id: Option<Uuid>,
}

/// Carries hints from whoever changes something to whoever cares. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wake {
    sender: broadcast::Sender<Hint>,
}

impl Default for Wake {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG) }
    }
}

impl Wake {
    /// Tells every listener. Nobody listening is fine.
    pub fn publish(&self, topic: Topic, id: Option<Uuid>) {
        // The only error is that nobody listens.
        let _ = self.sender.send(Hint { topic, id });
    }

    /// Listens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Hint> {
        self.sender.subscribe()
    }
}
