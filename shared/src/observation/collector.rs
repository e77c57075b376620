//! How the agent's own collectors are doing, and what they cost.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;
use crate::wire::bounded;

/// Most collectors of one instance.
pub const MAX_COLLECTORS: usize = 50;
/// Most problems that one collector reports.
pub const MAX_PROBLEMS: usize = 50;

/// The collectors of one instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectorReport {
    /// One entry for each collector.
    #[serde(deserialize_with = "bounded::vec::<MAX_COLLECTORS, _, _>")]
    pub collectors: Vec<CollectorStatus>,
}

/// One collector's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectorStatus {
    /// Its name: `query_stats`, `plans`, `schema`, `usage`, `settings`, `host`, `activity`.
    pub name: String,
    /// Its interval now, ms; longer than configured while the agent backs off.
    pub interval_ms: u64,
    /// Longest run of one of its statements, ms. 0 in what a store kept before it was told.
    #[serde(default)]
    pub timeout_ms: u64,
    /// When it last started.
    pub last_run: Option<Timestamp>,
    /// When it last ended well, or at least partly.
    pub last_success: Option<Timestamp>,
    /// How long it took, ms.
    pub last_duration_ms: u64,
    /// Rows it read last.
    pub rows: u64,
    /// How it ended.
    pub outcome: CollectorOutcome,
    /// What is missing, each with its remedy.
    #[serde(deserialize_with = "bounded::vec::<MAX_PROBLEMS, _, _>")]
    pub problems: Vec<Problem>,
}

/// How a collector's last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CollectorOutcome {
    /// It has not run yet.
    NeverRan,
    /// Everything was collected.
    Complete,
    /// Something was, and `problems` says what is missing.
    Partial,
    /// Nothing was.
    Failed,
}

/// Something that keeps a collector from its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong, redacted, in one sentence.
    pub message: String,
    /// The statement or command that mends it, if there is one.
    pub remedy: Option<String>,
    /// The database it concerns, if one.
    pub database: Option<String>,
}

/// What the agent itself costs, over the time since its last report.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AgentCost {
    /// When it was measured.
    pub measured_at: Timestamp,
    /// CPU time used, as a share of one core.
    pub cpu_fraction: f32,
    /// Resident memory now, bytes.
    pub rss_bytes: u64,
    /// Highest resident memory since the start, bytes.
    pub rss_peak_bytes: u64,
    /// Time its statements took on the databases, as a share of one core.
    pub database_fraction: f32,
    /// Bytes sent to the controller, per second.
    pub sent_bytes_per_s: f32,
    /// Reports that wait in the spool.
    pub spool_reports: u64,
    /// Size of the spool, bytes.
    pub spool_bytes: u64,
    /// Reports dropped since the start.
    pub dropped_reports: u64,
    /// Factor by which the intervals are stretched to stay within budget; 1 is none.
    pub backoff_factor: f32,
}
