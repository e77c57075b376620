//! The journal: what the agent did to databases, and is about to do.
//!
//! It is the truth for everything that happens to a change; the controller's rows are a copy. A line is on
//! the disk before its effect begins. Lines are only ever added, and each carries a hash over all lines
//! before it: nothing here edits, drops or recreates. SHA-256 also stands in for a checksum.

pub mod entry;
pub mod record;
mod store;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use querysmith_shared::change::lifecycle::{ChangeState, IllegalEvent};
use querysmith_shared::id::ChangeId;
use querysmith_shared::timestamp::Timestamp;

use entry::{Entry, Event};
use record::Record;
use store::Store;

use super::fencing::Obeyed;
use super::lease::Budget;

/// Above this the agent takes no new changes: 256 MiB are some fifty thousand changes, so something floods it.
pub const MAX_BYTES: u64 = 256 << 20;

/// A SHA-256.
pub type Hash = [u8; 32];

/// Why the journal can't be used. The agent then changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It was there before and is gone.
    #[error(
        "the journal {path} is missing, though one was made here: put it back, or remove {marker} to begin a new \
         one that knows nothing of earlier changes"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// The file that says that it was there.
        marker: PathBuf,
    },
    /// Another process has it open.
    #[error("the journal {0} is open in another process: is the agent running?")]
    InUse(PathBuf),
    /// The file can't be used.
    #[error("the journal {path} can't be used")]
    Unusable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A line isn't what was written.
    #[error("line {sequence} of the journal isn't as it was written: {what}")]
    Broken {
        /// Which line.
        sequence: u64,
        /// What is wrong.
        what: String,
    },
}

/// Why a line wasn't added.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The change is no longer in the state that the line was decided in: decide anew.
    #[error("the change is no longer as it was when this was decided")]
    Moved,
    /// This can't happen in the state that the change is in.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    /// The line may or may not be on the disk; it isn't when the journal is opened again without it.
    #[error("the journal can't be written")]
    Journal(#[source] JournalError),
}

/// The open journal of this agent.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// `None` after a write failed: the file is opened anew, and read, before the next one.
    store: Option<Store>,
    head: Head,
    states: HashMap<ChangeId, ChangeState>,
    /// The latest time of any line.
    latest: Timestamp,
}

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Number of the last line; 0 is none.
    pub sequence: u64,
    /// Hash over all lines.
    pub hash: Hash,
}

impl Journal {
    /// Opens the journal in `state_dir` and verifies every line; makes one only if there never was one.
    pub fn open(state_dir: &Path) -> Result<Self, JournalError> {
        let path = state_dir.join("journal.redb");
        let inner = load(&path)?;
        Ok(Self { path, inner: Mutex::new(inner) })
    }

    /// Adds a line about a change that is still in the state `from` (`None`: not in the journal yet). It is
    /// on the disk when this returns `Ok`; blocks for the time of that.
    pub fn record(
        &self,
        change: ChangeId,
        from: Option<ChangeState>,
        at: Timestamp,
        event: Event,
    ) -> Result<Entry, RecordError> {
        let mut guard = self.inner();
        let inner = self.usable(&mut guard).map_err(RecordError::Journal)?;
        if inner.states.get(&change).copied() != from {
            return Err(RecordError::Moved);
        }
        let state = event.lead(from)?;
        let entry = Entry { sequence: inner.head.sequence + 1, change, at, state, event };
        match inner.store().append(&entry, inner.head) {
            Ok(head) => {
                inner.head = head;
                inner.states.insert(change, state);
                inner.latest = inner.latest.max(at);
                Ok(entry)
            }
            Err(error) => {
                inner.store = None;
                Err(RecordError::Journal(error.at(&self.path)))
            }
        }
    }

    /// The state of one change; `None` if the journal doesn't know it.
    pub fn state(&self, change: ChangeId) -> Option<ChangeState> {
        self.inner().states.get(&change).copied()
    }

    /// The latest time that any line was written at: a clock that shows less was set back.
    pub fn latest(&self) -> Timestamp {
        self.inner().latest
    }

    /// What is known of one change.
    pub fn change(&self, change: ChangeId) -> Result<Option<Record>, JournalError> {
        Ok(Record::from_entries(&self.history(change)?))
    }

    /// The changes of which something may still have to be done or taken back, oldest first.
    pub fn open_changes(&self) -> Vec<ChangeId> {
        self.changes(|state| !state.is_final())
    }

    /// The changes whose state fits, oldest first.
    pub fn changes(&self, fits: impl Fn(ChangeState) -> bool) -> Vec<ChangeId> {
        let inner = self.inner();
        let mut changes: Vec<_> = inner.states.iter().filter(|(_, s)| fits(**s)).map(|(id, _)| *id).collect();
        // Ids of version 7 begin with their time.
        changes.sort_unstable();
        changes
    }

    /// Every line of one change, oldest first.
    pub fn history(&self, change: ChangeId) -> Result<Vec<Entry>, JournalError> {
        self.with_store(|store| store.history(change))
    }

    /// The lines behind `sequence`, at most `limit`.
    pub fn after(&self, sequence: u64, limit: usize) -> Result<Vec<Entry>, JournalError> {
        self.with_store(|store| store.after(sequence, limit))
    }

    /// Reads every line and compares the chain of hashes with the stored end.
    pub fn verify_chain(&self) -> Result<Head, JournalError> {
        self.with_store(|store| store.verify(|_| ()))
    }

    /// The last line that was handed on as a report; 0 is none.
    pub fn reported(&self) -> Result<u64, JournalError> {
        self.with_store(Store::reported)
    }

    /// Remembers that all lines up to `to` were handed on; false if the mark isn't at `from` any more, because all are
    /// to be handed on anew. Reaches the disk with the next line: after a crash some are handed on again.
    pub fn set_reported(&self, from: u64, to: u64) -> Result<bool, JournalError> {
        self.with_store(|store| store.set_reported(from, to))
    }

    /// The newest record that was obeyed.
    pub fn obeyed(&self) -> Result<Option<Obeyed>, JournalError> {
        self.with_store(Store::obeyed)
    }

    /// Keeps the newest record that is obeyed, on the disk; with `report_anew` every line is handed on once more. Not
    /// part of the chain: it is no history.
    pub fn set_obeyed(&self, obeyed: Obeyed, report_anew: bool) -> Result<(), JournalError> {
        self.with_store(|store| store.set_obeyed(&obeyed, report_anew))
    }

    /// What was left of a change's time on trial when that was written last.
    pub fn budget(&self, change: ChangeId) -> Result<Option<Budget>, JournalError> {
        self.with_store(|store| store.budget(change))
    }

    /// Writes what is left of each change's time on trial in place of what was written before, on the disk. Not
    /// part of the chain: it is no history.
    pub fn set_budgets(&self, budgets: &[(ChangeId, Budget)]) -> Result<(), JournalError> {
        self.with_store(|store| store.set_budgets(budgets))
    }

    /// Size of the file, bytes.
    pub fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    fn with_store<T>(
        &self,
        use_it: impl FnOnce(&Store) -> Result<T, store::Error>,
    ) -> Result<T, JournalError> {
        let mut guard = self.inner();
        use_it(self.usable(&mut guard)?.store()).map_err(|error| error.at(&self.path))
    }

    fn usable<'a>(&self, guard: &'a mut MutexGuard<'_, Inner>) -> Result<&'a mut Inner, JournalError> {
        if guard.store.is_none() {
            **guard = load(&self.path)?;
        }
        Ok(guard)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held can't leave half a line: the file commits whole ones.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn store(&self) -> &Store {
        self.store.as_ref().expect("whoever comes here made it usable before")
    }
}

fn load(path: &Path) -> Result<Inner, JournalError> {
    let store = Store::open(path)?;
    let mut states = HashMap::new();
    let mut latest = Timestamp(i64::MIN);
    let head = store
        .verify(|entry| {
            states.insert(entry.change, entry.state);
            latest = latest.max(entry.at);
        })
        .map_err(|error| error.at(path))?;
    Ok(Inner { store: Some(store), head, states, latest })
}

#[cfg(test)]
mod tests;
