//! How a change is tried.

use querysmith_shared::change::coins::CoinSeed;
use querysmith_shared::change::switchback::Switchback;
use serde::{Deserialize, Serialize};

use crate::thresholds::switchback::SwitchbackThresholds;

/// How a change is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HowTried {
    /// It is put in place and stays there; what was before is compared with what comes after.
    #[default]
    BeforeAfter,
    /// It is put in place and taken back in turns.
    Switchback,
    /// The same with windows long enough for caches to fill.
    SlowSwitchback,
}

impl HowTried {
    /// The plan whose coins are drawn from `seed`, where it is tried by switchback.
    pub fn plan(self, thresholds: &SwitchbackThresholds, seed: CoinSeed) -> Option<Switchback> {
        let thresholds = match self {
            Self::BeforeAfter => return None,
            Self::Switchback => thresholds.clone(),
            Self::SlowSwitchback => SwitchbackThresholds {
                most_pairs: thresholds.most_pairs,
                ..SwitchbackThresholds::slow_to_settle()
            },
        };
        Some(Switchback {
            window_s: thresholds.window_s as u32,
            washout_s: thresholds.washout_s as u32,
            most_pairs: thresholds.most_pairs,
            seed,
        })
    }
}
