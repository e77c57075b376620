//! What a trial is told: windows of statements, in pairs, and minutes for the guardrail.

use querysmith_shared::change::coins::Arm;
use querysmith_shared::id::StatementId;
use querysmith_shared::timestamp::Timestamp;

use crate::measure::cell::{Cell, Metric};

/// One statement's sums over a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatementWindow {
    /// Which.
    pub id: StatementId,
    /// Calls that finished.
    pub calls: u64,
    /// Their time, ms.
    pub total_ms: f64,
    /// Sum of their squared times, ms².
    pub sum_squares_ms2: f64,
    /// Their blocks, found in the cache or read.
    pub blocks: u64,
    /// Calls that did not finish: cancelled, timed out, failed, or still running at the end of the window.
    pub unfinished: u64,
    /// Time that those had taken by then, ms.
    pub unfinished_ms: f64,
}

impl StatementWindow {
    /// Natural log of the metric for one call; `None` with too few calls. A call that did not finish took at least
    /// as long as it had been seen to: without it, a change that makes the slow calls hang would look like a
    /// help. Its blocks are not known.
    pub(super) fn log(&self, metric: Metric, least_calls: u64) -> Option<f64> {
        let finished = Cell { calls: self.calls, total_ms: self.total_ms, blocks: self.blocks as f64 };
        match metric {
            Metric::Time => {
                let mut all = finished;
                all.add(&Cell { calls: self.unfinished, total_ms: self.unfinished_ms, blocks: 0.0 });
                all.log(metric, least_calls)
            }
            Metric::Blocks => finished.log(metric, least_calls),
        }
    }

    /// Adds what it did in another stretch of time.
    pub(super) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.total_ms += other.total_ms;
        self.sum_squares_ms2 += other.sum_squares_ms2;
        self.blocks += other.blocks;
        self.unfinished += other.unfinished;
        self.unfinished_ms += other.unfinished_ms;
    }

    /// All its time, ms.
    pub(super) fn spent_ms(&self) -> f64 {
        self.total_ms + self.unfinished_ms
    }
}

/// Sums of many statements over a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementSums {
    /// Time of all statements, those that are not listed included, finished or not, ms.
    pub db_time_ms: f64,
    /// Ascending by id, each once.
    statements: Vec<StatementWindow>,
}

impl StatementSums {
    /// Of these statements, in any order; of an id that comes twice the first counts.
    pub fn new(db_time_ms: f64, mut statements: Vec<StatementWindow>) -> Self {
        statements.sort_by_key(|statement| statement.id);
        statements.dedup_by_key(|statement| statement.id);
        Self { db_time_ms, statements }
    }

    /// The statements, ascending by id.
    pub fn statements(&self) -> &[StatementWindow] {
        &self.statements
    }

    /// One of them.
    pub(super) fn get(&self, id: StatementId) -> Option<&StatementWindow> {
        let position = self.statements.binary_search_by_key(&id, |statement| statement.id).ok()?;
        self.statements.get(position)
    }
}

/// One window of one arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// When it began, after the washout.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// What the statements did.
    pub sums: StatementSums,
    /// The same in parts of about a minute, in order; empty where the counters were read at its ends only.
    pub parts: Vec<StatementSums>,
    /// Share of the window in which a checkpoint ran, from 0 to 1.
    pub checkpoint: f64,
    /// Share of the window in which a backup ran, from 0 to 1.
    pub backup: f64,
}

/// Why a window can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No two readings of the counters.
    Missing,
    /// The counters were reset between them.
    StatisticsReset,
    /// The server was replaced by another version.
    VersionChanged,
    /// The server became or ceased to be a standby.
    RoleChanged,
    /// The agent did not see all of it, so that nobody knows which arm was in place.
    ArmUnknown,
    /// It was not run: a pause came before it.
    NotRun,
}

/// A window as it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Whole.
    Whole(Window),
    /// Not usable.
    Lost(Fault),
}

impl Reading {
    /// The window, where it is whole.
    pub(super) fn whole(&self) -> Option<&Window> {
        match self {
            Self::Whole(window) => Some(window),
            Self::Lost(_) => None,
        }
    }
}

/// Two windows side by side. Before the trial neither has the change, and `a` is the earlier one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Without the change.
    pub a: Reading,
    /// With it.
    pub b: Reading,
}

impl Pair {
    /// Both windows, where both are whole.
    pub(super) fn whole(&self) -> Option<(&Window, &Window)> {
        self.a.whole().zip(self.b.whole())
    }
}

/// One minute, for the guardrail.
#[derive(Debug, Clone, PartialEq)]
pub struct Minute {
    /// When it ended.
    pub end: Timestamp,
    /// The arm that was in place.
    pub arm: Arm,
    /// It belongs to the washout after a toggle.
    pub settling: bool,
    /// What the statements did; `None` where it could not be read.
    pub sums: Option<StatementSums>,
    /// Statements that failed or ran into a timeout.
    pub errors: u64,
    /// Deadlocks.
    pub deadlocks: u64,
    /// Connections that were refused.
    pub refused: u64,
    /// Lag of the slowest replica, s; `None` where there is none.
    pub replication_lag_s: Option<f64>,
    /// Free share of the database's disk; `None` where it is not known.
    pub free_disk: Option<f64>,
}
