//! A trial on a real server: what its agent reported and what the statements did, in; decisions, out.
//!
//! The agent goes through the pairs by itself. Here its reports are laid beside the readings of the counters and told to
//! the [`Trial`], each pair and each minute once, in the order in which they ended. Told the same again, in whatever
//! portions, it comes to the same; so nothing of it is kept, and a controller that starts anew begins anew.

mod as_effect;
pub mod before;
pub mod counters;
pub mod health;
pub mod standing;
pub mod timeline;
pub mod wish;

use std::collections::VecDeque;
use std::time::Duration;

use querysmith_shared::change::switchback::Switchback;
use querysmith_shared::timestamp::Timestamp;

use self::counters::{Counters, read};
use self::health::{Health, Wrongs, wrongs};
use self::timeline::{PairRun, Reported, Timeline};
use super::assessment::Assessment;
use super::decision::Decision;
use super::plan::{NotTestable, Plan};
use super::trial::Trial;
use super::window::{Fault, Minute, Pair, Reading};
use crate::overview::seconds;

/// Length of the guardrail's minutes.
const MINUTE: Duration = Duration::from_secs(60);
/// Counters that have not come by so long after their window never come in time: the link is down.
const PATIENCE: Duration = Duration::from_secs(600);

/// A trial under way on a real server.
#[derive(Debug, Clone)]
pub struct LiveTrial {
    trial: Trial,
    terms: Switchback,
    began_at: Timestamp,
    /// How many of the agent's pairs were told.
    pairs: usize,
    /// Everything up to here was told as minutes.
    minutes_to: Timestamp,
    /// Readings that may still be needed, oldest first.
    counters: VecDeque<Counters>,
    /// The same of what the guardrail looks at besides time.
    health: VecDeque<Health>,
}

/// What was read of a server since the trial was told last, each oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Readings of the statements' counters.
    pub counters: Vec<Counters>,
    /// Readings of what else may go wrong.
    pub health: Vec<Health>,
    /// Share of the disk that is free now.
    pub free_disk: Option<f64>,
}

impl LiveTrial {
    /// Begins with everything that is fixed before the change was in place, which it was at `began_at`.
    pub fn begin(plan: Plan, terms: Switchback, began_at: Timestamp) -> Result<Self, NotTestable> {
        let trial = Trial::begin(plan)?;
        Ok(Self {
            trial,
            terms,
            began_at,
            pairs: 0,
            minutes_to: began_at,
            counters: VecDeque::new(),
            health: VecDeque::new(),
        })
    }

    /// From when on it wants to be told readings of the counters: those that ended after this.
    pub fn known_to(&self) -> Timestamp {
        self.counters.back().map_or(self.began_at, |newest| newest.end)
    }

    /// From when on it wants to be told readings of what else may go wrong.
    pub fn health_known_to(&self) -> Timestamp {
        self.health.back().map_or(self.began_at.before(MINUTE), |newest| newest.at)
    }

    /// Tells it everything that the agent reported of the trial, oldest first, and what was seen since
    /// [`LiveTrial::known_to`] and [`LiveTrial::health_known_to`].
    pub fn tell(&mut self, reported: &[Reported], seen: Seen, now: Timestamp) -> Decision {
        self.counters.extend(seen.counters);
        self.health.extend(seen.health);
        let timeline = Timeline::new(reported, self.began_at);
        let runs = timeline.pairs(&self.terms);
        while !matches!(self.trial.decision(), Decision::Stop { .. }) {
            let pair = runs.get(self.pairs).filter(|run| self.has_come(run.needs_to(), now));
            let minute_end = self.minutes_to.after(MINUTE);
            let is_told = timeline.tells(minute_end, &self.terms) || now >= minute_end.after(PATIENCE);
            let minute = (is_told && self.has_come(minute_end, now)).then_some(minute_end);
            match (pair, minute) {
                (Some(run), minute) if minute.is_none_or(|end| run.over_at <= end) => {
                    self.trial.pair(&self.pair(run));
                    self.pairs += 1;
                }
                // A pair that is over comes before the minutes after it.
                (_, Some(end)) if runs.get(self.pairs).is_none_or(|run| end < run.over_at) => {
                    if let Some(minute) = self.minute(&timeline, end, seen.free_disk) {
                        self.trial.minute(&minute);
                    }
                    self.minutes_to = end;
                }
                _ => break,
            }
        }
        self.forget(&runs);
        self.trial.decision()
    }

    /// Everything found so far, for people.
    pub fn assessment(&self) -> Assessment {
        self.trial.assessment()
    }

    fn has_come(&self, end: Timestamp, now: Timestamp) -> bool {
        self.known_to() >= end || now >= end.after(PATIENCE)
    }

    fn pair(&self, run: &PairRun) -> Pair {
        let reading = |half: &Result<(Timestamp, Timestamp), Fault>| match half {
            Ok((from, to)) => read(&self.counters, *from, *to, self.part()),
            Err(fault) => Reading::Lost(*fault),
        };
        Pair { a: reading(&run.a), b: reading(&run.b) }
    }

    /// A fifth of a window: a minute of five.
    fn part(&self) -> Duration {
        seconds(f64::from(self.terms.window_s) / 5.0)
    }

    /// The minute that ended at `end`; `None` if both arms were in place in it, or the counters are read too seldom to
    /// tell one minute from the next.
    fn minute(&self, timeline: &Timeline, end: Timestamp, free_disk: Option<f64>) -> Option<Minute> {
        let start = end.before(MINUTE);
        let stretch = timeline.only(start, end)?;
        let washout = Duration::from_secs(self.terms.washout_s.into());
        let sums = match read(&self.counters, start, end, MINUTE) {
            Reading::Whole(window) => Some(window.sums),
            Reading::Lost(_) if self.counters.iter().any(|each| each.start < end && each.end > start) => {
                return None;
            }
            Reading::Lost(_) => None,
        };
        let Wrongs { rollbacks, deadlocks, replication_lag_s } = wrongs(&self.health, start, end);
        Some(Minute {
            end,
            arm: stretch.turn.arm,
            settling: start < stretch.at.after(washout),
            sums,
            errors: rollbacks,
            deadlocks,
            // PostgreSQL counts none.
            refused: 0,
            replication_lag_s,
            free_disk,
        })
    }

    /// Lets go of the readings that nothing needs any more. Reports may come later than the readings of their time.
    fn forget(&mut self, runs: &[PairRun]) {
        let untold = runs.get(self.pairs).map_or(self.minutes_to, |run| run.began_at.min(self.minutes_to));
        let pair = Duration::from_secs(u64::from(self.terms.half_s()) * 2);
        let from = untold.before(pair + PATIENCE);
        // The newest says how far they have come.
        while self.counters.len() > 1 && self.counters.front().is_some_and(|oldest| oldest.end <= from) {
            self.counters.pop_front();
        }
        // The one before the next minute is what its counts begin from.
        let from = self.minutes_to.before(MINUTE);
        while self.health.len() > 1 && self.health.front().is_some_and(|oldest| oldest.at <= from) {
            self.health.pop_front();
        }
    }
}
