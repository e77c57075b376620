//! Telemetry that is missing, said plainly.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// A stretch of time for which reports were dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Start of the oldest report that was dropped.
    pub from: Timestamp,
    /// End of the newest report that was dropped.
    pub to: Timestamp,
    /// How many reports were dropped.
    pub dropped_reports: u64,
    /// Why.
    pub reason: GapReason,
}

/// Why telemetry is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GapReason {
    /// The spool reached its size in the agent's configuration.
    SpoolFull,
    /// The agent's disk was full or not writable.
    DiskFull,
    /// The spool could not be read back and was started anew.
    SpoolDamaged,
}
