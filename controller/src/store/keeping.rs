//! What is deleted when it is old. The series are dropped by the day, see `partitions`.

use querysmith_shared::timestamp::Timestamp;

use super::Store;
use super::value::moment;
use crate::store::error::StoreError;

/// Rows of one table that are deleted when they are old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aged {
    /// Windows of statistics.
    StatsWindows,
    /// How complete the hours are.
    StatsHours,
    /// Plans that were not seen again.
    Plans,
    /// Statements that were not called again, with their plans.
    Statements,
    /// Gaps in telemetry.
    Gaps,
    /// Marks on charts.
    Marks,
    /// Indexes that are gone.
    IndexHistory,
    /// Resolved findings that no proposal answers.
    Findings,
    /// Sessions that expired.
    Sessions,
    /// Join tokens that expired unused, or were used.
    JoinTokens,
}

impl Aged {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::StatsWindows,
        Self::StatsHours,
        Self::Plans,
        Self::Statements,
        Self::Gaps,
        Self::Marks,
        Self::IndexHistory,
        Self::Findings,
        Self::Sessions,
        Self::JoinTokens,
    ];

    fn delete(self) -> &'static str {
        match self {
            Self::StatsWindows => "DELETE FROM stats_window WHERE window_end < $1",
            Self::StatsHours => "DELETE FROM stats_hour WHERE hour < $1",
            Self::Plans => "DELETE FROM plan WHERE last_seen_at < $1",
            Self::Statements => {
                "DELETE FROM statement
                 WHERE last_seen_at < $1
                   AND NOT EXISTS (
                       SELECT 1
                       FROM finding
                       WHERE finding.instance_id = statement.instance_id
                         AND finding.statement_id = statement.statement_id
                   )"
            }
            Self::Gaps => "DELETE FROM telemetry_gap WHERE gap_to < $1",
            Self::Marks => "DELETE FROM mark WHERE at < $1",
            Self::IndexHistory => "DELETE FROM index_history WHERE gone_at < $1",
            Self::Findings => {
                "DELETE FROM finding
                 WHERE resolved_at < $1
                   AND NOT EXISTS (
                       SELECT 1
                       FROM proposal_finding
                       WHERE proposal_finding.finding_id = finding.finding_id
                   )"
            }
            Self::Sessions => "DELETE FROM session WHERE expires_at < $1",
            Self::JoinTokens => "DELETE FROM join_token WHERE expires_at < $1",
        }
    }
}

impl Store {
    /// Deletes what is older than `before`; returns how many rows.
    pub async fn delete_aged(&self, what: Aged, before: Timestamp) -> Result<u64, StoreError> {
        let deleted = sqlx::query(what.delete()).bind(moment(before)).execute(&self.pool).await?;
        Ok(deleted.rows_affected())
    }
}
