//! What a decision of a person reads and writes, in the transaction that decides.

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::ProposalState;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::{Change, ChangeKind, DropIndex};
use querysmith_shared::id::{ChangeId, InstanceId, ProposalId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::changes::{Wanted, parse_state};
use super::value::text;
use super::writing::Writing;
use crate::store::error::StoreError;

/// A proposal as a decision needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedProposal {
    /// Which.
    pub id: ProposalId,
    /// The server it is for.
    pub instance: InstanceId,
    /// That server's name.
    pub instance_name: String,
    /// It in a line.
    pub title: String,
    /// Where it stands.
    pub state: ProposalState,
    /// Why it stands there, once it does not wait any more.
    pub decision_reason: Option<String>,
    /// After this it can't be approved.
    pub expires_at: DateTime<Utc>,
    /// Digest of the text that was shown.
    pub digest: Vec<u8>,
    /// The change it becomes.
    pub change: ChangeId,
    /// What to do.
    pub what: Change,
    /// Within which limits.
    pub limits: Limits,
    /// Its agent has obeyed another record than this store's.
    pub is_ahead: bool,
}

/// A change as a decision needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedChange {
    /// Which.
    pub id: ChangeId,
    /// The server it is on.
    pub instance_name: String,
    /// It in a line.
    pub title: String,
    /// What kind.
    pub kind: ChangeKind,
    /// Where it stands.
    pub state: ChangeState,
    /// What is already wanted of the agent.
    pub wanted: Wanted,
    /// Who wants it.
    pub wanted_by: Option<String>,
    /// Who holds its verdict.
    pub held_by: Option<String>,
    /// Its agent has obeyed another record than this store's.
    pub is_ahead: bool,
}

/// What was decided, by whom and why.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// Who.
    pub by: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A change's instance, title, kind, state, wish, who has that wish, who holds the verdict, and whether its agent is ahead.
type ChangeToDecide = (String, String, String, String, String, Option<String>, Option<String>, bool);
type ProposalRow =
    (Uuid, String, String, String, Option<String>, DateTime<Utc>, Vec<u8>, Uuid, Value, Value, bool);

impl Writing {
    /// A proposal, locked until the end of this transaction: of two who decide, the second finds it decided.
    pub async fn lock_proposal(&mut self, id: ProposalId) -> Result<Option<LockedProposal>, StoreError> {
        let row: Option<ProposalRow> = sqlx::query_as(
            "SELECT proposal.instance_id, instance.name, proposal.title, proposal.state, proposal.decision_reason,
                    proposal.expires_at, proposal.digest, proposal.change_id, proposal.what, proposal.limits,
                    agent.ahead_since IS NOT NULL
             FROM proposal
             JOIN instance USING (instance_id)
             JOIN agent USING (agent_id)
             WHERE proposal.proposal_id = $1
             FOR UPDATE OF proposal",
        )
        .bind(id.0)
        .fetch_optional(self.connection())
        .await?;
        let Some((
            instance,
            instance_name,
            title,
            state,
            decision_reason,
            expires_at,
            digest,
            change,
            what,
            limits,
            is_ahead,
        )) = row
        else {
            return Ok(None);
        };
        Ok(Some(LockedProposal {
            id,
            instance: InstanceId(instance),
            instance_name,
            title,
            state: parse_proposal_state(&state)?,
            decision_reason,
            expires_at,
            digest,
            change: ChangeId(change),
            what: document(what, "change of a proposal")?,
            limits: document(limits, "limits of a proposal")?,
            is_ahead,
        }))
    }

    /// Notes the decision on a proposal that [`Self::lock_proposal`] locked.
    pub async fn decide_proposal(
        &mut self,
        id: ProposalId,
        state: ProposalState,
        decision: Decision<'_>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE proposal
             SET state = $2, decided_at = $3, decided_by = $4, decision_reason = $5
             WHERE proposal_id = $1",
        )
        .bind(id.0)
        .bind(state.as_str())
        .bind(decision.at)
        .bind(text(decision.by))
        .bind(decision.reason.map(text))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Adds the change that an approved proposal becomes, wanted to be applied.
    pub async fn add_change(
        &mut self,
        proposal: &LockedProposal,
        decision: Decision<'_>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO change (change_id, proposal_id, instance_id, kind, title, what, state, state_since,
                                 object_name, created_at, wanted, wanted_reason, wanted_by)
             SELECT change_id, proposal_id, instance_id, kind, title, what, $2, $3, $4, $3, $5, $6, $7
             FROM proposal
             WHERE proposal_id = $1",
        )
        .bind(proposal.id.0)
        .bind(ChangeState::Approved.as_str())
        .bind(decision.at)
        .bind(text(&object_name(&proposal.what)))
        .bind(Wanted::Apply.as_str())
        .bind(decision.reason.map(text))
        .bind(text(decision.by))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// A change, locked until the end of this transaction.
    pub async fn lock_change_to_decide(&mut self, id: ChangeId) -> Result<Option<LockedChange>, StoreError> {
        let row: Option<ChangeToDecide> = sqlx::query_as(
            "SELECT instance.name, change.title, change.kind, change.state, change.wanted, change.wanted_by,
                    change.held_by, agent.ahead_since IS NOT NULL
             FROM change
             JOIN instance USING (instance_id)
             JOIN agent USING (agent_id)
             WHERE change.change_id = $1
             FOR UPDATE OF change",
        )
        .bind(id.0)
        .fetch_optional(self.connection())
        .await?;
        let Some((instance_name, title, kind, state, wanted, wanted_by, held_by, is_ahead)) = row else {
            return Ok(None);
        };
        Ok(Some(LockedChange {
            id,
            instance_name,
            title,
            kind: parse_kind(&kind)?,
            state: parse_state(&state)?,
            wanted: Wanted::parse(&wanted),
            wanted_by,
            held_by,
            is_ahead,
        }))
    }

    /// Wants a change to be taken back.
    pub async fn want_undo(&mut self, id: ChangeId, decision: Decision<'_>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE change
             SET wanted = $2, wanted_reason = $3, wanted_by = $4, attempts = 0
             WHERE change_id = $1",
        )
        .bind(id.0)
        .bind(Wanted::Undo.as_str())
        .bind(decision.reason.map(text))
        .bind(text(decision.by))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

impl Writing {
    /// Keeps the verdict from ending a change's trial.
    pub async fn hold(&mut self, id: ChangeId, decision: Decision<'_>) -> Result<(), StoreError> {
        sqlx::query("UPDATE change SET held_at = $2, held_by = $3, held_reason = $4 WHERE change_id = $1")
            .bind(id.0)
            .bind(decision.at)
            .bind(text(decision.by))
            .bind(decision.reason.map(text))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Lets the verdict end a change's trial again.
    pub async fn release(&mut self, id: ChangeId) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE change SET held_at = NULL, held_by = NULL, held_reason = NULL WHERE change_id = $1",
        )
        .bind(id.0)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Wants a change on trial to be kept.
    pub async fn want_kept(&mut self, id: ChangeId, decision: Decision<'_>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE change
             SET wanted = $2, wanted_reason = $3, wanted_by = $4, attempts = 0, trial_decided_at = $5
             WHERE change_id = $1",
        )
        .bind(id.0)
        .bind(Wanted::Confirm.as_str())
        .bind(decision.reason.map(text))
        .bind(text(decision.by))
        .bind(decision.at)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

/// What a change makes or touches, as people call it.
fn object_name(change: &Change) -> String {
    match change {
        Change::CreateIndex(index) | Change::DropIndex(DropIndex { index, .. }) => {
            format!("{}.{}", index.table.schema, index.name)
        }
        Change::Analyze(analyze) => analyze.table.to_string(),
        Change::SetParameter(set) => set.name.clone(),
        Change::CreateStatistics(create) => format!("{}.{}", create.table.schema, create.name),
        Change::SetStatisticsTarget(set) => format!("{}.{}", set.table, set.column),
    }
}

/// Reads a stored document as what it should be.
pub(super) fn document<T: DeserializeOwned>(value: Value, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Unreadable { what, source: error.into() })
}

/// Reads the name of a proposal's state.
pub(super) fn parse_proposal_state(name: &str) -> Result<ProposalState, StoreError> {
    ProposalState::parse(name).ok_or_else(|| unreadable("state of a proposal", name))
}

/// Reads the name of a kind of change.
pub(super) fn parse_kind(name: &str) -> Result<ChangeKind, StoreError> {
    ChangeKind::parse(name).ok_or_else(|| unreadable("kind of a change", name))
}

/// The error for a name that nobody knows.
pub(super) fn unreadable(what: &'static str, name: &str) -> StoreError {
    StoreError::Unreadable { what, source: format!("{name:?} is not known").into() }
}
