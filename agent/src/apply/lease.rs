//! What is left of a change's time on trial: pure arithmetic on readings of the clocks.
//!
//! The agent keeps two budgets. The lease is renewed by word from the controller, the trial by nobody. Both are
//! durations, never times of day, so that no clock that is set makes them longer.

use std::time::Duration;

use querysmith_shared::change::trial::{OnPartition, TrialTerms, span};
use querysmith_shared::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::Reading;

/// What is left, as of a reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Until the controller is missed.
    pub lease_left: Duration,
    /// Until the trial is over.
    pub trial_left: Duration,
    /// The reading.
    pub as_of: Reading,
}

impl Budget {
    /// The budget of a change that is on trial since `since` by the time of day, of which nothing was written: the
    /// agent died in between.
    pub fn begun(terms: TrialTerms, since: Timestamp, now: Reading) -> Self {
        let gone = if now.wall >= since { now.wall.since(since) } else { Duration::ZERO };
        Self {
            lease_left: seconds(terms.lease_s).saturating_sub(gone),
            trial_left: seconds(terms.longest_s).saturating_sub(gone),
            as_of: now,
        }
    }

    /// What is left of it now. Where that can't be known, nothing is.
    pub fn at(&self, now: Reading) -> Self {
        let gone = now.since(&self.as_of).unwrap_or(Duration::MAX);
        Self {
            lease_left: self.lease_left.saturating_sub(gone),
            trial_left: self.trial_left.saturating_sub(gone),
            as_of: now,
        }
    }

    /// The same after word from the controller.
    pub fn renewed(self, terms: TrialTerms) -> Self {
        Self { lease_left: seconds(terms.lease_s), ..self }
    }

    /// Why the change is to be taken back, if it is.
    pub fn lapse(&self, terms: TrialTerms) -> Option<String> {
        if self.trial_left.is_zero() {
            return Some(format!(
                "nobody kept it within {}, the longest trial approved",
                span(terms.longest_s)
            ));
        }
        let is_missed = self.lease_left.is_zero() && terms.on_partition == OnPartition::Revert;
        is_missed.then(|| format!("no word from the controller for {}", span(terms.lease_s)))
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TERMS: TrialTerms =
        TrialTerms { longest_s: 1_000, lease_s: 100, on_partition: OnPartition::Revert, switchback: None };
    const HOLD: TrialTerms = TrialTerms { on_partition: OnPartition::Hold, ..TERMS };

    fn reading(boot: &str, uptime_s: u64, wall_s: i64) -> Reading {
        Reading {
            boot: boot.to_owned(),
            uptime: Duration::from_secs(uptime_s),
            wall: Timestamp(wall_s * 1_000_000),
        }
    }

    fn begun() -> Budget {
        Budget::begun(TERMS, Timestamp(5_000_000_000), reading("a", 50, 5_000))
    }

    #[test]
    fn a_lease_lapses_and_word_renews_it() {
        let late = begun().at(reading("a", 149, 5_099));
        assert_eq!((late.lapse(TERMS), late.lease_left), (None, Duration::from_secs(1)));
        let over = late.at(reading("a", 150, 5_100));
        assert_eq!(over.lapse(TERMS).unwrap(), "no word from the controller for 100 s");
        assert_eq!(over.lapse(HOLD), None, "it holds");
        let renewed = late.renewed(TERMS).at(reading("a", 248, 5_198));
        assert_eq!((renewed.lapse(TERMS), renewed.trial_left), (None, Duration::from_secs(802)));
        // No word makes the trial longer.
        let end = renewed.renewed(TERMS).at(reading("a", 1_050, 6_000)).renewed(TERMS);
        for terms in [TERMS, HOLD] {
            assert_eq!(end.lapse(terms).unwrap(), "nobody kept it within 1000 s, the longest trial approved");
        }
    }

    #[test]
    fn over_a_reboot_the_time_of_day_counts_and_backwards_means_lapsed() {
        let rebooted = begun().at(reading("b", 3, 5_060));
        assert_eq!((rebooted.lapse(TERMS), rebooted.lease_left), (None, Duration::from_secs(40)));
        assert!(begun().at(reading("b", 3, 4_999)).lapse(HOLD).is_some());
        // Within a boot it doesn't.
        assert_eq!(begun().at(reading("a", 60, 1)).lapse(TERMS), None);
        assert_eq!(begun().at(reading("a", 60, 1_000_000)).lapse(TERMS), None);
        // An uptime that went backwards is no uptime.
        assert!(begun().at(reading("a", 49, 5_001)).lapse(HOLD).is_some());
    }

    #[test]
    fn what_was_never_written_counts_from_the_journal_s_line() {
        let found = Budget::begun(TERMS, Timestamp(4_970_000_000), reading("a", 50, 5_000));
        assert_eq!(found.lease_left, Duration::from_secs(70));
        let ahead = Budget::begun(TERMS, Timestamp(6_000_000_000), reading("a", 50, 5_000));
        assert_eq!(ahead.lease_left, Duration::from_secs(100));
    }

    proptest! {
        /// Whatever the time of day does, whenever the host boots and the controller speaks: while the host is awake
        /// no trial is longer than it may be.
        #[test]
        fn no_clock_makes_a_trial_longer(
            steps in proptest::collection::vec((1_u64..400, 0_i64..20_000, any::<bool>(), any::<bool>()), 1..60),
        ) {
            let (mut budget, mut awake_s, mut boots, mut uptime) = (begun(), 0_u64, 0, 50_u64);
            for (passed, wall, reboots, is_renewed) in steps {
                if reboots {
                    boots += 1;
                    uptime = 0;
                } else {
                    awake_s += passed;
                    uptime += passed;
                }
                let boot = if boots == 0 { "a".to_owned() } else { boots.to_string() };
                let next = budget.at(reading(&boot, uptime, wall));
                prop_assert!(next.trial_left <= Duration::from_secs(1_000_u64.saturating_sub(awake_s)));
                prop_assert!(next.lease_left <= Duration::from_secs(100));
                budget = if is_renewed { next.renewed(TERMS) } else { next };
            }
        }
    }
}
