//! What is to be asked of an agent, given where its trial stands.

use querysmith_shared::timestamp::Timestamp;

use super::LiveTrial;
use super::as_effect::is_unknown;
use crate::measure::switchback::decision::{Decision, PauseReason, Verdict};
use crate::words;

/// What to ask for, and why, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Keep the change.
    Keep(String),
    /// Take it back.
    TakeBack(String),
    /// Go on without it for a while.
    Pause {
        /// Until then.
        until: Timestamp,
        /// Why.
        reason: String,
    },
}

impl LiveTrial {
    /// What to ask for now; `None` while the agent goes on by itself.
    pub fn wish(&self, now: Timestamp) -> Option<Wish> {
        match self.trial.decision() {
            Decision::Measure { .. } => None,
            Decision::GoBack { alarm, until } => {
                Some(Wish::Pause { until, reason: format!("with the change, {alarm}") })
            }
            Decision::Pause { until, why, .. } => {
                Some(Wish::Pause { until, reason: because(why).to_owned() })
            }
            Decision::Stop { verdict, reason, .. } => {
                let figures = self.figures(now);
                Some(match verdict {
                    Verdict::Keep => Wish::Keep(format!("helped: {reason}; {figures}")),
                    Verdict::Revert => Wish::TakeBack(format!("harmed: {reason}; {figures}")),
                    Verdict::Inconclusive => Wish::TakeBack(format!("can't be told: {reason}; {figures}")),
                })
            }
        }
    }

    fn figures(&self, now: Timestamp) -> String {
        let (effect, counted) = (self.effect(now), self.assessment().counted);
        if counted == 0 {
            return "no pair of windows counted".to_owned();
        }
        let between = match is_unknown(&effect.interval()) {
            true => String::new(),
            false => format!(" (between {} and {})", words::change(effect.low), words::change(effect.high)),
        };
        format!("{} time{between} over {counted} pairs of windows", words::change(effect.estimate))
    }
}

fn because(why: PauseReason) -> &'static str {
    match why {
        PauseReason::Strike => "it was slow with the change, which may have had another reason",
        PauseReason::DailyPeak => "it helps so far, and is still to be seen in the busiest hour of the day",
    }
}
