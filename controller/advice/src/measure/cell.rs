//! Sums of one statement over one window, and the log of its mean: what every comparison starts from.

use serde::{Deserialize, Serialize};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean time of a call.
    Time,
    /// Blocks of a call.
    Blocks,
}

/// Sums of one statement over one window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) calls: u64,
    pub(super) total_ms: f64,
    pub(super) blocks: f64,
}

impl Cell {
    pub(super) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.total_ms += other.total_ms;
        self.blocks += other.blocks;
    }

    /// Natural log of the metric for one call; `None` with too few calls.
    pub(super) fn log(&self, metric: Metric, least_calls: u64) -> Option<f64> {
        if self.calls < least_calls.max(1) {
            return None;
        }
        let calls = self.calls as f64;
        match metric {
            // A microsecond is the clock's own noise.
            Metric::Time => Some((self.total_ms / calls).max(0.001).ln()),
            // Half a block more keeps a statement that needs none countable.
            Metric::Blocks => Some((self.blocks / calls + 0.5).ln()),
        }
    }
}
