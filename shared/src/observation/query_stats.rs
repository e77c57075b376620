//! Statement statistics: what each statement did in one window of time.

use serde::{Deserialize, Serialize};

use crate::id::StatementId;
use crate::timestamp::Timestamp;
use crate::wire::bounded;

/// Most rows of one batch; a longer window is sent as several batches.
pub const MAX_ROWS: usize = 10_000;
/// Most texts of one batch.
pub const MAX_TEXTS: usize = 1_000;
/// Longest statement text that is kept, in bytes; longer ones are cut and marked.
pub const MAX_TEXT_BYTES: usize = 100_000;

/// What the statements of one instance did between two readings of the server's counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryStats {
    /// When the earlier reading was taken.
    pub window_start: Timestamp,
    /// When the later reading was taken.
    pub window_end: Timestamp,
    /// One row for each statement that was called, or planned, in the window.
    #[serde(deserialize_with = "bounded::vec::<MAX_ROWS, _, _>")]
    pub rows: Vec<StatementDelta>,
    /// How much of the server's work these rows can show.
    pub coverage: Coverage,
}

/// One statement's counters over one window. Times are milliseconds, blocks are the server's pages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StatementDelta {
    /// Which statement.
    pub statement: StatementId,
    /// Finished executions.
    pub calls: u64,
    /// Rows returned or affected.
    pub rows: u64,
    /// Execution time, summed over the calls.
    pub total_ms: f64,
    /// Sum over the calls of the squared execution time, ms²: with `calls` and `total_ms` it gives the
    /// variance, and sums of windows stay exact.
    pub sum_squares_ms2: f64,
    /// Blocks found in the server's cache.
    pub blocks_hit: u64,
    /// Blocks read from below it.
    pub blocks_read: u64,
    /// Blocks dirtied.
    pub blocks_dirtied: u64,
    /// Blocks written out.
    pub blocks_written: u64,
    /// Temporary blocks read.
    pub temp_blocks_read: u64,
    /// Temporary blocks written.
    pub temp_blocks_written: u64,
    /// Time waiting for block reads and writes; zero where the server does not time I/O.
    pub io_ms: f64,
    /// Write-ahead log generated, bytes.
    pub wal_bytes: u64,
}

impl StatementDelta {
    /// Adds the counters of a later, adjacent window of the same statement.
    pub fn merge(&mut self, later: &Self) {
        self.calls += later.calls;
        self.rows += later.rows;
        self.total_ms += later.total_ms;
        self.sum_squares_ms2 += later.sum_squares_ms2;
        self.blocks_hit += later.blocks_hit;
        self.blocks_read += later.blocks_read;
        self.blocks_dirtied += later.blocks_dirtied;
        self.blocks_written += later.blocks_written;
        self.temp_blocks_read += later.temp_blocks_read;
        self.temp_blocks_written += later.temp_blocks_written;
        self.io_ms += later.io_ms;
        self.wal_bytes += later.wal_bytes;
    }
}

/// How complete a window is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Entries that the server tracks now.
    pub tracked: u32,
    /// Entries that it can track at most; 0 where it does not say.
    pub capacity: u32,
    /// Times in the window that it evicted entries for want of room.
    pub evictions: u64,
    /// The counters were reset in the window: work before the reset is missing.
    pub reset: bool,
    /// Statements that first appeared in the window, whose counters are counted from their start.
    pub appeared: u32,
}

/// Texts of statements, sent once for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementTexts {
    /// The texts.
    #[serde(deserialize_with = "bounded::vec::<MAX_TEXTS, _, _>")]
    pub texts: Vec<StatementText>,
}

/// What is known of one statement besides its counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementText {
    /// Which statement.
    pub statement: StatementId,
    /// The server's own id of it.
    pub query_id: i64,
    /// Database it runs in.
    pub database: String,
    /// User it runs as.
    pub user: String,
    /// Whether a client sent it, rather than a function.
    pub top_level: bool,
    /// The text with its literals replaced.
    pub text: String,
    /// The text was longer than [`MAX_TEXT_BYTES`] and was cut.
    pub truncated: bool,
}
