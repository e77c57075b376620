//! The machine a server runs on.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// One reading of the host.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// When it was read.
    pub read_at: Timestamp,
    /// Share of all CPUs in use since the last reading, 0 to 1.
    pub cpu_fraction: f32,
    /// Number of CPUs.
    pub cpu_count: u16,
    /// Load average over one minute.
    pub load1: f32,
    /// Memory, bytes.
    pub memory_total_bytes: u64,
    /// Memory that programs could still get, bytes.
    pub memory_available_bytes: u64,
    /// File system of the data directory (or of the agent, where that is unknown), bytes.
    pub disk_total_bytes: u64,
    /// Free space there, bytes.
    pub disk_free_bytes: u64,
}
