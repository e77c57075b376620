//! One change as its lines in the journal add up.

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::ChangeId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::Apply;

use super::entry::{Armed, Entry, Event};
use crate::apply::switchback::Progress;

/// What the journal knows of one change.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which change.
    pub change: ChangeId,
    /// Where it stands.
    pub state: ChangeState,
    /// Since when.
    pub since: Timestamp,
    /// When the order arrived, by the agent's clock.
    pub received: Timestamp,
    /// The order.
    pub order: Apply,
    /// How to do, check and undo it, once known.
    pub armed: Option<Armed>,
    /// How often the statement was begun.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    /// How often a removal was begun.
    pub removals: u32,
    /// How often it failed for a reason that waiting doesn't mend.
    pub failed_removals: u32,
    /// How far its trial by switchback has come.
    pub progress: Progress,
    /// What the last line says.
    pub last: String,
}

impl Record {
    /// Adds up the lines of one change, in their order; `None` unless they begin with the order.
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let first = entries.next()?;
        let Event::Received { order, .. } = &first.event else { return None };
        let mut record = Self {
            change: first.change,
            state: first.state,
            since: first.at,
            received: first.at,
            order: (**order).clone(),
            armed: None,
            attempts: 0,
            failure: None,
            removals: 0,
            failed_removals: 0,
            progress: Progress::default(),
            last: first.event.to_string(),
        };
        for entry in entries {
            record.add(entry);
        }
        Some(record)
    }

    /// Adds the next line.
    pub fn add(&mut self, entry: &Entry) {
        if entry.state != self.state {
            self.since = entry.at;
        }
        self.state = entry.state;
        self.last = entry.event.to_string();
        self.progress.add(&entry.event, entry.at);
        match &entry.event {
            Event::Armed(armed) => self.armed = Some((**armed).clone()),
            Event::Intent { attempt } => {
                self.attempts = *attempt;
                self.failure = None;
            }
            Event::Failed { reason } => self.failure = Some(reason.clone()),
            Event::RemovalIntent { attempt } => self.removals = *attempt,
            Event::RemovalFailed { passing, .. } => self.failed_removals += u32::from(!passing),
            Event::Received { .. }
            | Event::Rejected { .. }
            | Event::Applied { .. }
            | Event::Aborted { .. }
            | Event::SwitchIntent { .. }
            | Event::Switched { .. }
            | Event::PairVoid { .. }
            | Event::Paused { .. }
            | Event::KeepIntent { .. }
            | Event::Confirmed { .. }
            | Event::RevertIntent { .. }
            | Event::Reverted { .. }
            | Event::Stuck { .. } => {}
        }
    }
}
