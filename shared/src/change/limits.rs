//! How long a change may wait and run.

use serde::{Deserialize, Serialize};

use super::trial::{OnPartition, TrialTerms};

/// Limits of one change, part of what is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Longest wait for a lock, ms.
    pub lock_wait_ms: u32,
    /// Longest run of one statement, ms.
    pub duration_ms: u32,
    /// How long it may be on trial.
    #[serde(default)]
    pub trial: TrialTerms,
}

impl Limits {
    /// For CREATE INDEX CONCURRENTLY. Its lock (SHARE UPDATE EXCLUSIVE) stops neither reads nor writes
    /// while it waits, so the wait may be long: a short one could never outlast a normal transaction.
    pub const INDEX_BUILD: Self =
        Self { lock_wait_ms: 60_000, duration_ms: 4 * 3_600_000, trial: TrialTerms::DEFAULT };
    /// For ANALYZE, which reads a sample.
    pub const ANALYZE: Self = Self { lock_wait_ms: 2_000, duration_ms: 600_000, trial: TrialTerms::DEFAULT };
    /// For a parameter, which takes no lock and no time. Where nobody can say how it does, it goes: to set it again
    /// costs nothing.
    pub const PARAMETER: Self = Self {
        lock_wait_ms: 2_000,
        duration_ms: 30_000,
        trial: TrialTerms { on_partition: OnPartition::Revert, ..TrialTerms::DEFAULT },
    };
}
