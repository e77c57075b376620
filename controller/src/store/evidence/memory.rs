//! Loads what was found, proposed and changed before.

use std::time::Duration;

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::{KnownChange, KnownProposal, OpenFinding, ProposalState};
use querysmith_advice::measure::effect::Verdict;
use querysmith_shared::id::{ChangeId, FindingId, InstanceId, ProposalId};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::tables::parse;
use crate::store::Store;
use crate::store::changes::{maybe, parse_state};
use crate::store::error::StoreError;
use crate::store::value::{moment, timestamp};

/// Proposals and changes that ended longer ago are not looked at again: twice the longest block-list.
const REMEMBERED: Duration = Duration::from_secs(60 * 86_400);

#[derive(sqlx::FromRow)]
struct ChangeRow {
    change_id: Uuid,
    what: String,
    state: String,
    state_since: DateTime<Utc>,
    verified_at: Option<DateTime<Utc>>,
    verdict: Option<String>,
    evidence_digest: String,
}

impl Store {
    pub(super) async fn open_findings(&self, instance: InstanceId) -> Result<Vec<OpenFinding>, StoreError> {
        let rows: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(
            "SELECT finding_id, first_seen_at
             FROM finding
             WHERE instance_id = $1
               AND resolved_at IS NULL",
        )
        .bind(instance.0)
        .fetch_all(&self.pool)
        .await?;
        let findings = rows
            .into_iter()
            .map(|(id, first_seen)| OpenFinding { id: FindingId(id), first_seen: timestamp(first_seen) });
        Ok(findings.collect())
    }

    pub(super) async fn known_proposals(
        &self,
        instance: InstanceId,
        now: Timestamp,
    ) -> Result<Vec<KnownProposal>, StoreError> {
        let rows: Vec<(Uuid, String, String, String, Option<String>)> = sqlx::query_as(
            "SELECT proposal_id, state, what::text, evidence_digest, decision_reason
             FROM proposal
             WHERE instance_id = $1
               AND (state = 'waiting' OR created_at >= $2)
             ORDER BY created_at",
        )
        .bind(instance.0)
        .bind(moment(now.before(REMEMBERED)))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(id, state, what, evidence_digest, reason)| {
                Ok(KnownProposal {
                    id: ProposalId(id),
                    state: ProposalState::parse(&state).ok_or_else(|| StoreError::Unreadable {
                        what: "state of a proposal",
                        source: format!("{state:?} is no state").into(),
                    })?,
                    change: parse("proposed change", &what)?,
                    evidence_digest,
                    reason,
                })
            })
            .collect()
    }

    pub(super) async fn known_changes(
        &self,
        instance: InstanceId,
        now: Timestamp,
    ) -> Result<Vec<KnownChange>, StoreError> {
        let rows: Vec<ChangeRow> = sqlx::query_as(
            "SELECT change.change_id, change.what::text AS what, change.state, change.state_since,
                    change.verified_at, proposal.evidence_digest,
                    -- What a person took back before anything could be told stays away like any refusal.
                    CASE WHEN change.verdict <> 'too_little_data' OR change.trial_decided_at IS NOT NULL
                         THEN change.verdict END AS verdict
             FROM change
             JOIN proposal USING (proposal_id)
             WHERE change.instance_id = $1
               AND (change.ended_at IS NULL OR change.ended_at >= $2)
             ORDER BY change.created_at",
        )
        .bind(instance.0)
        .bind(moment(now.before(REMEMBERED)))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(KnownChange {
                    id: ChangeId(row.change_id),
                    change: parse("change", &row.what)?,
                    state: parse_state(&row.state)?,
                    state_since: timestamp(row.state_since),
                    applied_at: maybe(row.verified_at),
                    verdict: row.verdict.as_deref().and_then(Verdict::parse),
                    evidence_digest: row.evidence_digest,
                })
            })
            .collect()
    }
}
