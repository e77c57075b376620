//! Which arm was in place when, from what the agent reported.

use std::time::Duration;

use querysmith_shared::change::coins::Arm;
use querysmith_shared::change::switchback::{Switchback, TrialStep, Turn};
use querysmith_shared::timestamp::Timestamp;

use crate::measure::switchback::window::Fault;

/// How long after its time an arm may give way, and that be reported.
const LATE: Duration = Duration::from_secs(60);

/// One step of a trial, as its agent reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// When, by the agent's clock.
    pub at: Timestamp,
    /// What.
    pub step: TrialStep,
}

/// A stretch of time with one arm in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Which arm, and for which pair.
    pub turn: Turn,
    /// Since when.
    pub at: Timestamp,
    /// Until when; `None` while it lasts.
    pub until: Option<Timestamp>,
    /// It ended because its pair was of no use.
    pub is_void: bool,
}

/// A pair that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairRun {
    /// Its number, from 0.
    pub pair: u32,
    /// When its first arm was in place.
    pub began_at: Timestamp,
    /// When its last arm gave way.
    pub over_at: Timestamp,
    /// From when to when arm A is to be read, or why it can't be.
    pub a: Result<(Timestamp, Timestamp), Fault>,
    /// The same of arm B.
    pub b: Result<(Timestamp, Timestamp), Fault>,
}

impl PairRun {
    /// Up to when readings are needed for it.
    pub fn needs_to(&self) -> Timestamp {
        [self.a, self.b]
            .into_iter()
            .filter_map(|half| half.ok().map(|(_, to)| to))
            .max()
            .unwrap_or(self.over_at)
    }
}

/// Everything that was in place, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    stretches: Vec<Stretch>,
}

impl Timeline {
    /// Of these steps, oldest first. From `began_at` on the change was in place.
    pub fn new(reported: &[Reported], began_at: Timestamp) -> Self {
        let begun = Turn { arm: Arm::B, pair: None };
        let mut stretches = vec![Stretch { turn: begun, at: began_at, until: None, is_void: false }];
        for Reported { at, step } in reported {
            let last = stretches.last_mut().expect("one was there from the beginning");
            match step {
                TrialStep::Switched(turn) => {
                    last.until = Some(*at);
                    stretches.push(Stretch { turn: *turn, at: *at, until: None, is_void: false });
                }
                TrialStep::Void { pair } if last.turn.pair == Some(*pair) => {
                    last.until = Some(*at);
                    last.is_void = true;
                    let turn = Turn { pair: None, ..last.turn };
                    stretches.push(Stretch { turn, at: *at, until: None, is_void: false });
                }
                TrialStep::Void { .. } | TrialStep::Paused { .. } => {}
            }
        }
        Self { stretches }
    }

    /// What was in place from `start` to `end`, if it was one arm for one purpose.
    pub fn only(&self, start: Timestamp, end: Timestamp) -> Option<&Stretch> {
        self.stretches
            .iter()
            .find(|stretch| stretch.at <= start && stretch.until.is_none_or(|until| end <= until))
    }

    /// Whether what was reported tells which arm was in place at `end`. An arm of a pair gives way when its time is over:
    /// where no report says so, one is still on its way.
    pub fn tells(&self, end: Timestamp, terms: &Switchback) -> bool {
        let half = Duration::from_secs(terms.half_s().into());
        let last = self.stretches.last().filter(|last| last.turn.pair.is_some());
        last.is_none_or(|last| end <= last.at.after(half + LATE))
    }

    /// The pairs that are over, oldest first.
    pub fn pairs(&self, terms: &Switchback) -> Vec<PairRun> {
        let mut pairs: Vec<PairRun> = Vec::new();
        for stretch in &self.stretches {
            let (Some(pair), Some(over_at)) = (stretch.turn.pair, stretch.until) else { continue };
            let half = window(stretch, over_at, terms);
            let is_new = pairs.last().is_none_or(|last| last.pair != pair);
            if is_new {
                let not_run = |pair| PairRun {
                    pair,
                    began_at: stretch.at,
                    over_at,
                    a: Err(Fault::NotRun),
                    b: Err(Fault::NotRun),
                };
                // The coin of one that was to come and never was in place is used up all the same.
                let next = pairs.last().map_or(0, |last| last.pair + 1);
                pairs.extend((next..=pair).map(not_run));
            }
            if let Some(run) = pairs.last_mut() {
                run.over_at = over_at;
                match stretch.turn.arm {
                    Arm::A => run.a = half,
                    Arm::B => run.b = half,
                }
            }
        }
        // The last one goes on while its second arm is in place.
        let current = self.stretches.last().and_then(|last| last.turn.pair);
        pairs.retain(|run| Some(run.pair) != current);
        pairs
    }
}

/// What is to be read of a stretch: its window, or as much of it as there was.
fn window(
    stretch: &Stretch,
    over_at: Timestamp,
    terms: &Switchback,
) -> Result<(Timestamp, Timestamp), Fault> {
    if stretch.is_void {
        return Err(Fault::ArmUnknown);
    }
    let from = stretch.at.after(Duration::from_secs(terms.washout_s.into()));
    let to = from.after(Duration::from_secs(terms.window_s.into())).min(over_at);
    if from < to { Ok((from, to)) } else { Err(Fault::NotRun) }
}
