//! Reads changes.

use chrono::{DateTime, Utc};
use querysmith_advice::interval::Interval;
use querysmith_advice::measure::effect::{Effect, Verdict};
use querysmith_advice::measure::switchback::live::standing::Standing;
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_shared::change::ChangeKind;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::switchback::Switchback;
use querysmith_shared::id::StatementId;
use serde_json::{Value, json};
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::changes::{Wanted, parse_state};
use super::decisions::{document, parse_kind, unreadable};
use super::newest_first::Which;
use super::read_proposals::StoredSql;
use crate::store::error::StoreError;

/// Changes of one statement that are shown.
const MOST_OF_STATEMENT: i64 = 50;
/// Events of one change that are shown; a change has about ten.
const MOST_EVENTS: i64 = 1_000;

/// One change in a line.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadChange {
    /// Its id.
    pub id: Uuid,
    /// The proposal it was.
    pub proposal_id: Uuid,
    /// The server.
    pub instance_id: Uuid,
    /// That server's name.
    pub instance_name: String,
    /// It in a line.
    pub title: String,
    /// What it does.
    pub kind: ChangeKind,
    /// Where it stands.
    pub state: ChangeState,
    /// Since when.
    pub state_since: DateTime<Utc>,
    /// Measured change of time.
    pub effect: Option<Interval>,
    /// What that means.
    pub verdict: Option<Verdict>,
    /// When it was approved.
    pub created_at: DateTime<Utc>,
}

/// One change in full.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeDetail {
    /// What the list shows.
    pub row: ReadChange,
    /// What was approved to run.
    pub sql: StoredSql,
    /// What it was made of.
    pub draft: ProposalDraft,
    /// What was measured.
    pub effect: Option<Effect>,
    /// What it built.
    pub object_name: Option<String>,
    /// When work on the database began.
    pub applied_at: Option<DateTime<Utc>>,
    /// When it was read back.
    pub verified_at: Option<DateTime<Utc>>,
    /// What is wanted of the agent.
    pub wanted: Wanted,
    /// By whom.
    pub wanted_by: Option<String>,
    /// When the agent misses the controller, and when the trial is over, by the agent's last word.
    pub lease: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Who holds the verdict, why, and since when.
    pub held: Option<(String, String, DateTime<Utc>)>,
    /// How many signatures its host asks for, and what is lacking in words; while that is so.
    pub missing_signatures: Option<(i16, String)>,
    /// How it is tried, where that is by switchback.
    pub switchback: Option<Switchback>,
    /// What such a trial has found.
    pub standing: Option<Standing>,
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadEvent {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// The state it led to.
    pub state: ChangeState,
    /// In words.
    pub detail: String,
    /// The statement that ran.
    pub sql: Option<String>,
    /// How long it took.
    pub duration_ms: Option<i64>,
}

/// One minute of one statement.
#[derive(Debug, Clone, Copy, PartialEq, FromRow)]
pub struct StatementMinute {
    /// Which statement.
    pub statement_id: i64,
    /// Which minute.
    pub minute: DateTime<Utc>,
    /// Time of a call.
    pub mean_ms: f64,
    /// Blocks of a call.
    pub blocks_per_call: f64,
}

type StoredEvent = (DateTime<Utc>, DateTime<Utc>, String, String, String, Option<String>, Option<i64>);

#[derive(FromRow)]
struct StoredRow {
    change_id: Uuid,
    proposal_id: Uuid,
    instance_id: Uuid,
    instance_name: String,
    title: String,
    kind: String,
    state: String,
    state_since: DateTime<Utc>,
    estimate: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    verdict: Option<String>,
    created_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct StoredDetail {
    #[sqlx(flatten)]
    row: StoredRow,
    sql: Value,
    draft: Value,
    effect: Option<Value>,
    object_name: Option<String>,
    applied_at: Option<DateTime<Utc>>,
    verified_at: Option<DateTime<Utc>>,
    wanted: String,
    wanted_by: Option<String>,
    lease_until: Option<DateTime<Utc>>,
    trial_until: Option<DateTime<Utc>>,
    held_by: Option<String>,
    held_reason: Option<String>,
    held_at: Option<DateTime<Utc>>,
    signatures_needed: Option<i16>,
    missing_signatures: Option<String>,
    limits: Value,
    switchback: Option<Value>,
}

impl Store {
    /// Changes, newest first, after `after`, and how many there are.
    pub async fn read_changes(
        &self,
        instance: Option<Uuid>,
        state: Option<ChangeState>,
        after: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<(Vec<ReadChange>, i64), StoreError> {
        let which = Which { instance, state: state.map(ChangeState::as_str), after, limit };
        let page = "SELECT *
             FROM read_change
             WHERE ($1::uuid IS NULL OR instance_id = $1)
               AND ($2::text IS NULL OR state = $2)
               AND ($3::timestamptz IS NULL OR (created_at, change_id) < ($3, $4))
             ORDER BY created_at DESC, change_id DESC
             LIMIT $5";
        let count = "SELECT count(*)
             FROM change
             WHERE ($1::uuid IS NULL OR instance_id = $1)
               AND ($2::text IS NULL OR state = $2)";
        let (rows, total): (Vec<StoredRow>, i64) = self.newest_first(page, count, which).await?;
        Ok((rows.into_iter().map(line).collect::<Result<_, _>>()?, total))
    }

    /// Changes whose proposal says something about a statement, newest first.
    pub async fn changes_of_statement(
        &self,
        instance: Uuid,
        statement: StatementId,
    ) -> Result<Vec<ReadChange>, StoreError> {
        let rows: Vec<StoredRow> = sqlx::query_as(
            "SELECT read_change.*
             FROM read_change
             JOIN proposal USING (proposal_id)
             WHERE read_change.instance_id = $1
               AND proposal.draft -> 'statements' @> $2
             ORDER BY read_change.created_at DESC, read_change.change_id DESC
             LIMIT $3",
        )
        .bind(instance)
        .bind(json!([{ "statement_id": statement }]))
        .bind(MOST_OF_STATEMENT)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(line).collect()
    }

    /// One change.
    pub async fn read_change(&self, id: Uuid) -> Result<Option<ChangeDetail>, StoreError> {
        let row: Option<StoredDetail> = sqlx::query_as(
            "SELECT read_change.*, proposal.sql, proposal.draft, change.effect, change.object_name, change.applied_at,
                    change.verified_at, change.wanted, change.wanted_by, change.lease_until, change.trial_until,
                    change.held_by, change.held_reason, change.held_at, change.signatures_needed,
                    change.missing_signatures, proposal.limits, change.switchback
             FROM read_change
             JOIN change USING (change_id)
             JOIN proposal ON proposal.proposal_id = change.proposal_id
             WHERE read_change.change_id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|stored| {
            let limits: Limits = document(stored.limits, "limits of a change")?;
            Ok(ChangeDetail {
                switchback: limits.trial.switchback,
                standing: stored
                    .switchback
                    .map(|standing| document(standing, "standing of a trial"))
                    .transpose()?,
                row: line(stored.row)?,
                sql: document(stored.sql, "text of a change")?,
                draft: document(stored.draft, "draft of a change")?,
                effect: stored.effect.map(|effect| document(effect, "effect of a change")).transpose()?,
                object_name: stored.object_name,
                applied_at: stored.applied_at,
                verified_at: stored.verified_at,
                wanted: Wanted::parse(&stored.wanted),
                wanted_by: stored.wanted_by,
                missing_signatures: stored.signatures_needed.zip(stored.missing_signatures),
                lease: stored.lease_until.zip(stored.trial_until),
                held: stored.held_at.map(|at| {
                    (stored.held_by.unwrap_or_default(), stored.held_reason.unwrap_or_default(), at)
                }),
            })
        })
        .transpose()
    }

    /// What happened to a change, in order, but for the turns of a trial by switchback, of which there are many.
    pub async fn change_events(&self, id: Uuid) -> Result<Vec<ReadEvent>, StoreError> {
        let rows: Vec<StoredEvent> = sqlx::query_as(
            "SELECT at, received_at, actor, state, detail, sql, duration_ms
             FROM change_event
             WHERE change_id = $1
               AND (trial_step IS NULL OR NOT trial_step ? 'switched')
             ORDER BY event_id
             LIMIT $2",
        )
        .bind(id)
        .bind(MOST_EVENTS)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(at, received_at, actor, state, detail, sql, duration_ms)| {
                let state = parse_state(&state)?;
                Ok(ReadEvent { at, received_at, actor, state, detail, sql, duration_ms })
            })
            .collect()
    }

    /// Statements minute by minute, where they were called.
    pub async fn statement_minutes(
        &self,
        instance: Uuid,
        statements: &[StatementId],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<StatementMinute>, StoreError> {
        let ids: Vec<i64> = statements.iter().map(|statement| statement.0).collect();
        Ok(sqlx::query_as(
            "SELECT statement_id, minute, total_ms / calls AS mean_ms,
                    (blocks_hit::float8 + blocks_read) / calls AS blocks_per_call
             FROM query_stats_minute
             WHERE instance_id = $1
               AND statement_id = ANY ($2)
               AND minute >= $3
               AND minute < $4
               AND calls > 0
             ORDER BY statement_id, minute",
        )
        .bind(instance)
        .bind(ids)
        .bind(from)
        .bind(to)
        .fetch_all(&self.pool)
        .await?)
    }
}

fn line(row: StoredRow) -> Result<ReadChange, StoreError> {
    let effect = match (row.estimate, row.low, row.high) {
        (Some(estimate), Some(low), Some(high)) => Some(Interval { estimate, low, high }),
        _ => None,
    };
    let verdict = row.verdict.map(|name| parse_verdict(&name)).transpose()?;
    Ok(ReadChange {
        id: row.change_id,
        proposal_id: row.proposal_id,
        instance_id: row.instance_id,
        instance_name: row.instance_name,
        title: row.title,
        kind: parse_kind(&row.kind)?,
        state: parse_state(&row.state)?,
        state_since: row.state_since,
        effect,
        verdict,
        created_at: row.created_at,
    })
}

/// Reads a verdict's name.
pub(super) fn parse_verdict(name: &str) -> Result<Verdict, StoreError> {
    Verdict::parse(name).ok_or_else(|| unreadable("verdict on a change", name))
}
