//! Changes on trial: what was seen of their statements, and what was measured.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use querysmith_advice::measure::StatementSeries;
use querysmith_advice::measure::effect::Effect;
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_shared::change::ChangeKind;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::switchback::Switchback;
use querysmith_shared::id::{ChangeId, InstanceId, StatementId};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::Store;
use super::evidence::windows::SumRow;
use super::value::{json, legible, moment, timestamp};
use crate::store::error::StoreError;

/// Windows from this long before the change are its "before": two hours hold enough of them, and are
/// still the same time of day.
const BEFORE: Duration = Duration::from_secs(2 * 3_600);
/// Controls beyond the twenty busiest add noise, not certainty.
const MOST_CONTROLS: i64 = 20;

/// A change whose effect is being measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Which change.
    pub change: ChangeId,
    /// On which instance.
    pub instance: InstanceId,
    /// What kind.
    pub kind: ChangeKind,
    /// What was promised.
    pub draft: ProposalDraft,
    /// How it is tried, where that is by switchback.
    pub switchback: Option<Switchback>,
    /// When work on the database began.
    pub began_at: Timestamp,
    /// When it was in place.
    pub applied_at: Timestamp,
    /// When its effect was last measured.
    pub measured_at: Option<Timestamp>,
    /// Its end was asked for already.
    pub is_decided: bool,
    /// A person holds the verdict.
    pub is_held: bool,
}

#[derive(sqlx::FromRow)]
struct TrialRow {
    change_id: Uuid,
    instance_id: Uuid,
    draft: String,
    limits: String,
    applied_at: Option<DateTime<Utc>>,
    verified_at: DateTime<Utc>,
    effect_at: Option<DateTime<Utc>>,
    is_decided: bool,
    is_held: bool,
}

impl Store {
    /// The changes on trial.
    pub async fn trials(&self) -> Result<Vec<Trial>, StoreError> {
        let rows: Vec<TrialRow> = sqlx::query_as(
            "SELECT change.change_id, change.instance_id, proposal.draft::text AS draft,
                    proposal.limits::text AS limits, change.applied_at,
                    change.verified_at, change.effect_at, change.trial_decided_at IS NOT NULL AS is_decided,
                    change.held_at IS NOT NULL AS is_held
             FROM change
             JOIN proposal USING (proposal_id)
             WHERE change.state = 'trial'
               AND change.verified_at IS NOT NULL
             ORDER BY change.verified_at",
        )
        .fetch_all(&self.pool)
        .await?;
        let trial = |row: TrialRow| {
            let draft: ProposalDraft = legible(serde_json::from_str(&row.draft), "draft", row.change_id)?;
            let limits: Limits = legible(serde_json::from_str(&row.limits), "limits", row.change_id)?;
            let applied_at = timestamp(row.verified_at);
            Some(Trial {
                change: ChangeId(row.change_id),
                instance: InstanceId(row.instance_id),
                kind: draft.kind,
                draft,
                switchback: limits.trial.switchback,
                began_at: row.applied_at.map_or(applied_at, timestamp),
                applied_at,
                measured_at: row.effect_at.map(timestamp),
                is_decided: row.is_decided,
                is_held: row.is_held,
            })
        };
        Ok(rows.into_iter().filter_map(trial).collect())
    }

    /// The busiest statements before the trial that are not among `touched`, busiest first.
    pub async fn controls(
        &self,
        trial: &Trial,
        touched: &[StatementId],
    ) -> Result<Vec<StatementId>, StoreError> {
        let touched: Vec<i64> = touched.iter().map(|statement| statement.0).collect();
        let controls: Vec<i64> = sqlx::query_scalar(
            "SELECT statement_id
             FROM query_stats_minute
             WHERE instance_id = $1
               AND minute >= $2
               AND minute < $3
               AND statement_id <> ALL ($4)
             GROUP BY statement_id
             ORDER BY sum(total_ms) DESC
             LIMIT $5",
        )
        .bind(trial.instance.0)
        .bind(moment(trial.began_at.before(BEFORE)))
        .bind(moment(trial.began_at))
        .bind(touched)
        .bind(MOST_CONTROLS)
        .fetch_all(&self.pool)
        .await?;
        Ok(controls.into_iter().map(StatementId).collect())
    }

    /// What these statements did from before the trial until now, window by window as collected, in the
    /// order they were asked for.
    pub async fn trial_series(
        &self,
        trial: &Trial,
        statements: &[StatementId],
    ) -> Result<Vec<StatementSeries>, StoreError> {
        let asked: Vec<i64> = statements.iter().map(|statement| statement.0).collect();
        let rows: Vec<SumRow> = sqlx::query_as(
            "SELECT statement_id, min(window_start) AS window_start, window_end,
                    LEAST(sum(calls), 1e15)::bigint AS calls, sum(total_ms) AS total_ms,
                    sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit), 1e15)::bigint AS blocks_hit,
                    LEAST(sum(blocks_read), 1e15)::bigint AS blocks_read,
                    LEAST(sum(row_count), 1e15)::bigint AS row_count,
                    LEAST(sum(temp_blocks_read) + sum(temp_blocks_written), 1e15)::bigint AS temp_blocks,
                    LEAST(sum(wal_bytes), 1e15)::bigint AS wal_bytes
             FROM query_stats
             WHERE instance_id = $1
               AND window_end >= $2
               AND statement_id = ANY ($3)
             GROUP BY statement_id, window_end
             ORDER BY window_end",
        )
        .bind(trial.instance.0)
        .bind(moment(trial.began_at.before(BEFORE)))
        .bind(asked)
        .fetch_all(&self.pool)
        .await?;
        let mut windows: BTreeMap<i64, Vec<_>> = BTreeMap::new();
        for row in &rows {
            if let Some(statement) = row.statement_id {
                windows.entry(statement).or_default().push(row.sum());
            }
        }
        let series = statements.iter().map(|statement| StatementSeries {
            id: *statement,
            windows: windows.remove(&statement.0).unwrap_or_default(),
        });
        Ok(series.collect())
    }

    /// Notes what was measured of a change on trial.
    pub async fn put_effect(&self, change: ChangeId, effect: &Effect) -> Result<(), StoreError> {
        let document = json(effect)
            .map_err(|error| StoreError::Unreadable { what: "effect", source: Box::new(error) })?;
        sqlx::query(
            "UPDATE change
             SET effect = $2::jsonb, effect_at = $3, verdict = $4
             WHERE change_id = $1
               AND state = 'trial'",
        )
        .bind(change.0)
        .bind(document)
        .bind(moment(effect.measured_at))
        .bind(effect.verdict.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
