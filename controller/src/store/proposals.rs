//! Proposals: stored when they are made, ended when nobody decided or their reason went away.

use querysmith_advice::evidence::ProposalState;
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_advice::propose::obsolete::Obsolete;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::dialect::Rendered;
use querysmith_shared::id::{InstanceId, ProposalId};
use querysmith_shared::timestamp::Timestamp;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::Store;
use super::audit::Deed;
use super::value::{self, moment, text};
use super::writing::Writing;
use crate::store::error::StoreError;

/// A proposal with everything a person decides on.
#[derive(Debug, Clone, PartialEq)]
pub struct NewProposal {
    /// Its id.
    pub id: ProposalId,
    /// What advice drafted.
    pub draft: ProposalDraft,
    /// Tells whether two proposals would do the same.
    pub subject: String,
    /// How long the change may wait and run.
    pub limits: Limits,
    /// The server it is for.
    pub system_identifier: String,
    /// Its text.
    pub sql: Rendered,
    /// Digest of the text, which an approval names.
    pub digest: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends without a decision.
    pub expires_at: Timestamp,
}

#[derive(Serialize)]
struct StoredSql<'a> {
    apply: &'a [String],
    verify: &'a str,
    undo: &'a [String],
    terms: &'a str,
}

impl Writing {
    /// Stores a proposal; false, and nothing stored, where one that would do the same waits already.
    pub async fn add_proposal(&mut self, proposal: &NewProposal) -> Result<bool, StoreError> {
        let NewProposal { draft, sql, .. } = proposal;
        let sql = StoredSql { apply: &sql.apply, verify: &sql.verify, undo: &sql.undo, terms: &sql.terms };
        let added = sqlx::query(
            "INSERT INTO proposal (proposal_id, instance_id, kind, state, title, reason, change_id, what, subject,
                                   limits, system_identifier, sql, digest, evidence, evidence_digest, draft,
                                   simulated, model_version, created_at, expires_at)
             VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7::jsonb, $8, $9::jsonb, $10, $11::jsonb, $12, $13::jsonb,
                     $14, $15::jsonb, $16, $17, $18, $19)
             ON CONFLICT (instance_id, subject) WHERE state = 'waiting' DO NOTHING",
        )
        .bind(proposal.id.0)
        .bind(draft.instance.0)
        .bind(draft.kind.as_str())
        .bind(text(&draft.title))
        .bind(text(&draft.reason))
        .bind(draft.change_id.0)
        .bind(document("proposed change", &draft.change)?)
        .bind(text(&proposal.subject))
        .bind(document("limits", &proposal.limits)?)
        .bind(text(&proposal.system_identifier))
        .bind(document("text of a change", &sql)?)
        .bind(proposal.digest.as_slice())
        .bind(document("evidence", &draft.evidence)?)
        .bind(text(&draft.evidence_digest))
        .bind(document("draft", draft)?)
        .bind(draft.simulated)
        .bind(i32::try_from(draft.model_version).unwrap_or(i32::MAX))
        .bind(moment(proposal.created_at))
        .bind(moment(proposal.expires_at))
        .execute(self.connection())
        .await?;
        if added.rows_affected() == 0 {
            return Ok(false);
        }
        let findings: Vec<Uuid> = draft.finding_ids.iter().map(|finding| finding.0).collect();
        sqlx::query(
            "INSERT INTO proposal_finding (proposal_id, finding_id)
             SELECT DISTINCT $1::uuid, finding_id
             FROM finding
             WHERE finding_id = ANY ($2)",
        )
        .bind(proposal.id.0)
        .bind(findings)
        .execute(self.connection())
        .await?;
        Ok(true)
    }

    /// The proposal that waits to do this on this server.
    pub async fn waiting_proposal(
        &mut self,
        instance: InstanceId,
        subject: &str,
    ) -> Result<Option<ProposalId>, StoreError> {
        let waiting: Option<Uuid> = sqlx::query_scalar(
            "SELECT proposal_id FROM proposal WHERE instance_id = $1 AND subject = $2 AND state = 'waiting'",
        )
        .bind(instance.0)
        .bind(text(subject))
        .fetch_optional(self.connection())
        .await?;
        Ok(waiting.map(ProposalId))
    }
}

impl Store {
    /// Ends the waiting proposals that nobody decided on in time; returns which.
    pub async fn expire_proposals(&self, now: Timestamp) -> Result<Vec<ProposalId>, StoreError> {
        let late: Vec<Uuid> = sqlx::query_scalar(
            "SELECT proposal_id FROM proposal WHERE state = 'waiting' AND expires_at <= $1",
        )
        .bind(moment(now))
        .fetch_all(&self.pool)
        .await?;
        let mut writing = self.write().await?;
        let expired =
            writing.end_proposals(&late, ProposalState::Expired, "nobody decided in time", now).await?;
        writing.commit().await?;
        Ok(expired)
    }

    /// Takes back the waiting proposals whose findings are all resolved, and those that were `overtaken`; returns which.
    pub async fn withdraw_proposals(
        &self,
        instance: InstanceId,
        overtaken: &[Obsolete],
        now: Timestamp,
    ) -> Result<Vec<ProposalId>, StoreError> {
        let resolved: Vec<Uuid> = sqlx::query_scalar(
            "SELECT proposal_id
             FROM proposal
             WHERE state = 'waiting'
               AND instance_id = $1
               AND EXISTS (SELECT 1 FROM proposal_finding WHERE proposal_finding.proposal_id = proposal.proposal_id)
               AND NOT EXISTS (
                   SELECT 1
                   FROM proposal_finding
                   JOIN finding USING (finding_id)
                   WHERE proposal_finding.proposal_id = proposal.proposal_id
                     AND finding.resolved_at IS NULL
               )",
        )
        .bind(instance.0)
        .fetch_all(&self.pool)
        .await?;
        if resolved.is_empty() && overtaken.is_empty() {
            return Ok(Vec::new());
        }
        let mut writing = self.write().await?;
        let mut withdrawn = Vec::new();
        // First what tells more: an index that was built by hand also resolves the finding.
        for one in overtaken {
            let ids = [one.proposal.0];
            withdrawn.extend(writing.end_proposals(&ids, ProposalState::Withdrawn, &one.reason, now).await?);
        }
        let reason = "the findings it answers are resolved";
        withdrawn.extend(writing.end_proposals(&resolved, ProposalState::Withdrawn, reason, now).await?);
        writing.commit().await?;
        Ok(withdrawn)
    }
}

impl Writing {
    /// Ends those of `ids` that still wait, without a person, and puts it on the record; returns which.
    async fn end_proposals(
        &mut self,
        ids: &[Uuid],
        state: ProposalState,
        reason: &str,
        now: Timestamp,
    ) -> Result<Vec<ProposalId>, StoreError> {
        let ended: Vec<(Uuid, String, String)> = sqlx::query_as(
            "UPDATE proposal
             SET state = $2, decided_at = $3, decision_reason = $4
             FROM instance
             WHERE instance.instance_id = proposal.instance_id
               AND proposal.proposal_id = ANY ($1)
               AND proposal.state = 'waiting'
             RETURNING proposal.proposal_id, proposal.title, instance.name",
        )
        .bind(ids)
        .bind(state.as_str())
        .bind(moment(now))
        .bind(text(reason))
        .fetch_all(self.connection())
        .await?;
        let action = match state {
            ProposalState::Expired => "proposal.expire",
            _ => "proposal.withdraw",
        };
        for (id, title, instance) in &ended {
            let subject = format!("{title} · {instance}");
            let detail = json!({ "reason": reason, "proposal": id });
            let deed = Deed { actor: "controller", action, subject: &subject, detail };
            self.add_audit(&deed, moment(now)).await?;
        }
        Ok(ended.into_iter().map(|(id, ..)| ProposalId(id)).collect())
    }
}

fn document<T: Serialize>(what: &'static str, content: &T) -> Result<String, StoreError> {
    value::json(content).map_err(|error| StoreError::Unreadable { what, source: Box::new(error) })
}
