//! A trial by switchback: the change is put in place and taken back, window by window, in the order of coins.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::coins::{Arm, CoinSeed, first_arm};
use super::trial::span;
use crate::hex;
use crate::id::ChangeId;
use crate::timestamp::Timestamp;

/// How a change is tried by switchback, part of what is approved. A pair is two windows, one without the change (arm A)
/// and one with it (arm B), each after a washout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Switchback {
    /// Length of a window, s.
    pub window_s: u32,
    /// Time after each switch that is not looked at, s.
    pub washout_s: u32,
    /// Most pairs.
    pub most_pairs: u32,
    /// What the order in each pair is drawn from.
    pub seed: CoinSeed,
}

impl Switchback {
    /// Longest window and longest washout that an agent accepts, s.
    pub const MOST_S: u32 = 7_200;
    /// Most pairs that an agent accepts.
    pub const MOST_PAIRS: u32 = 500;

    /// Why it is none that an agent carries out, if it isn't.
    pub fn check(&self) -> Result<(), String> {
        let Self { window_s, washout_s, most_pairs, .. } = self;
        if !(1..=Self::MOST_S).contains(window_s) || *washout_s > Self::MOST_S {
            return Err(format!(
                "windows of {window_s} s after {washout_s} s: both may be {} s at most",
                Self::MOST_S
            ));
        }
        if !(1..=Self::MOST_PAIRS).contains(most_pairs) {
            return Err(format!("{most_pairs} pairs: from 1 to {} are possible", Self::MOST_PAIRS));
        }
        Ok(())
    }

    /// The arm that goes first in pair number `pair` (from 0) of the trial of `change`.
    pub fn first_arm(&self, change: ChangeId, pair: u32) -> Arm {
        first_arm(self.seed, change, pair)
    }

    /// How long one arm is in place in a pair, s.
    pub fn half_s(&self) -> u32 {
        self.washout_s + self.window_s
    }

    /// How long all pairs take when nothing comes in between, s.
    pub fn longest_s(&self) -> u32 {
        2 * self.half_s() * self.most_pairs
    }
}

impl fmt::Display for Switchback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Tried in {} pairs of windows of {} at most, one without it and one with it, each after {}, in the order of \
             the coins of {}; kept only if that shows that it helps.",
            self.most_pairs,
            span(self.window_s),
            span(self.washout_s),
            hex::encode(&self.seed.0),
        )
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Turn {
    /// The arm in place.
    pub arm: Arm,
    /// The pair it is in place for, from 0; `None` between pairs.
    pub pair: Option<u32>,
}

impl Turn {
    /// Between pairs, without the change.
    pub const REST: Self = Self { arm: Arm::A, pair: None };
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arm = match self.arm {
            Arm::A => "without the change",
            Arm::B => "with the change",
        };
        match self.pair {
            Some(pair) => write!(f, "pair {}: {arm}", pair + 1),
            None => write!(f, "between pairs: {arm}"),
        }
    }
}

/// What happened in a trial by switchback, for who measures it. Appended to, never reordered: the position is on the
/// wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialStep {
    /// Read back from the database: this arm is in place, and its washout begins. What was in place before has ended.
    Switched(Turn),
    /// The pair can't be used, for a reason that has nothing to do with what was seen in it.
    Void {
        /// Which.
        pair: u32,
    },
    /// No pair is begun before this.
    Paused {
        /// Until when, by the agent's clock.
        until: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Switchback {
        Switchback { window_s: 300, washout_s: 60, most_pairs: 60, seed: CoinSeed([0xab; 32]) }
    }

    #[test]
    fn a_plan_reads_as_it_is_down_to_its_seed() {
        let text = plan().to_string();
        assert!(text.starts_with("Tried in 60 pairs of windows of 5 min at most"), "{text}");
        assert!(text.contains("each after 1 min") && text.contains(&"ab".repeat(32)), "{text}");
        assert_eq!(plan().longest_s(), 12 * 3_600);
    }

    #[test]
    fn an_agent_carries_out_what_ends() {
        assert_eq!(plan().check(), Ok(()));
        for odd in [
            Switchback { window_s: 0, ..plan() },
            Switchback { window_s: u32::MAX, ..plan() },
            Switchback { washout_s: u32::MAX, ..plan() },
            Switchback { most_pairs: 0, ..plan() },
            Switchback { most_pairs: 501, ..plan() },
        ] {
            assert!(odd.check().is_err(), "{odd:?}");
        }
    }

    #[test]
    fn turns_read_as_a_person_counts() {
        assert_eq!(Turn { arm: Arm::B, pair: Some(0) }.to_string(), "pair 1: with the change");
        assert_eq!(Turn::REST.to_string(), "between pairs: without the change");
    }
}
