//! Since when the arms of trials by switchback have been in place, as far as this run of the agent put them there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use querysmith_shared::change::switchback::{Switchback, Turn};
use querysmith_shared::id::ChangeId;

use super::clock::Reading;

/// The arms in place.
#[derive(Debug, Default)]
pub(super) struct Stages {
    stages: Mutex<HashMap<ChangeId, Stage>>,
}

#[derive(Debug, Clone)]
struct Stage {
    since: Reading,
    /// How long it is to be there; `None` between pairs, where it is for others to say.
    lasts: Option<Duration>,
}

impl Stage {
    /// What is left of its time; nothing where that can't be known, `None` where it has no end.
    fn left(&self, now: &Reading) -> Option<Duration> {
        let lasts = self.lasts?;
        Some(now.since(&self.since).map_or(Duration::ZERO, |passed| lasts.saturating_sub(passed)))
    }
}

impl Stages {
    /// An arm was read back at `now`.
    pub(super) fn begin(&self, change: ChangeId, plan: &Switchback, turn: Turn, now: Reading) {
        let lasts = turn.pair.map(|_| Duration::from_secs(plan.half_s().into()));
        self.stages().insert(change, Stage { since: now, lasts });
    }

    /// How long the arm in place has been there; `None` where an earlier run of the agent put it there.
    pub(super) fn in_place_for(&self, change: ChangeId, now: &Reading) -> Option<Duration> {
        now.since(&self.stages().get(&change)?.since)
    }

    /// Forgets the changes that are not on trial.
    pub(super) fn retain(&self, on_trial: &[ChangeId]) {
        self.stages().retain(|change, _| on_trial.contains(change));
    }

    /// The changes whose arm has had its time.
    pub(super) fn over(&self, now: &Reading) -> Vec<ChangeId> {
        let is_over = |stage: &Stage| stage.left(now).is_some_and(|left| left.is_zero());
        self.stages().iter().filter(|(_, stage)| is_over(stage)).map(|(change, _)| *change).collect()
    }

    /// In how long the next arm has had its time; `None` where none has one.
    pub(super) fn next_over(&self, now: &Reading) -> Option<Duration> {
        self.stages().values().filter_map(|stage| stage.left(now)).min()
    }

    fn stages(&self) -> MutexGuard<'_, HashMap<ChangeId, Stage>> {
        // Every statement leaves the map whole.
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
