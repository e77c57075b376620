//! How long what is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long what is kept, in days. Findings, proposals, changes, outcomes and the audit are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Statement statistics as collected. At least one day: trials are measured from them.
    pub query_stats_days: u32,
    /// Statement statistics by minute, and everything that is seen together with them: statements that are
    /// not called any more, plans, marks.
    pub minutes_days: u32,
    /// Samples of the host and of activity.
    pub samples_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { query_stats_days: 3, minutes_days: 35, samples_days: 14 }
    }
}

impl Retention {
    /// Of statement statistics as collected.
    pub fn raw(&self) -> Duration {
        days(self.query_stats_days)
    }

    /// Of statement statistics by minute.
    pub fn minutes(&self) -> Duration {
        days(self.minutes_days)
    }

    /// Of samples.
    pub fn samples(&self) -> Duration {
        days(self.samples_days)
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days.max(1)) * 86_400)
}
