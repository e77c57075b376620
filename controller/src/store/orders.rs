//! What the controller wants of agents and their journals don't have yet.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use querysmith_shared::approval::{MAX_SIGNATURES, Signature};
use querysmith_shared::change::Change;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::id::{AgentId, ChangeId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::Store;
use super::changes::{Actor, Wanted, parse_state};
use super::signatures::{GivenSignature, Purpose};
use super::value::{legible, moment, text, timestamp};
use super::writing::Writing;
use crate::store::error::StoreError;

/// A change about which an agent is to be told something.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingOrder {
    /// Which agent.
    pub agent: AgentId,
    /// Which change.
    pub change: ChangeId,
    /// On which instance.
    pub instance: InstanceId,
    /// Where it stands here.
    pub state: ChangeState,
    /// What is wanted.
    pub wanted: Wanted,
    /// Why.
    pub reason: String,
    /// What the change does.
    pub what: Change,
    /// Its limits.
    pub limits: Limits,
    /// The server it was approved for.
    pub system_identifier: String,
    /// Digest of the text that was approved.
    pub digest: [u8; 32],
    /// Who approved.
    pub approved_by: String,
    /// After this it must not begin.
    pub expires_at: Timestamp,
    /// How often it was offered before.
    pub attempts: i32,
    /// What approvers signed of it.
    pub signatures: Vec<Signature>,
    /// The agent said that this isn't enough, and nobody has signed since.
    pub lacks_signatures: bool,
}

#[derive(sqlx::FromRow)]
struct OrderRow {
    agent_id: Uuid,
    change_id: Uuid,
    instance_id: Uuid,
    state: String,
    wanted: String,
    wanted_reason: Option<String>,
    what: String,
    limits: String,
    system_identifier: String,
    digest: Vec<u8>,
    decided_by: Option<String>,
    expires_at: DateTime<Utc>,
    attempts: i32,
    lacks_signatures: bool,
}

impl Store {
    /// What is wanted of these agents, oldest first. Nothing is of those that have obeyed another record than this.
    pub async fn pending_orders(&self, agents: &[AgentId]) -> Result<Vec<PendingOrder>, StoreError> {
        let agents: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
        let rows: Vec<OrderRow> = sqlx::query_as(
            "SELECT instance.agent_id, change.change_id, change.instance_id, change.state, change.wanted,
                    change.wanted_reason, change.what::text AS what, proposal.limits::text AS limits,
                    proposal.system_identifier, proposal.digest, proposal.decided_by, proposal.expires_at,
                    change.attempts, change.missing_signatures IS NOT NULL AS lacks_signatures
             FROM change
             JOIN instance USING (instance_id)
             JOIN proposal USING (proposal_id)
             JOIN agent USING (agent_id)
             WHERE change.wanted <> 'none'
               AND instance.agent_id = ANY ($1)
               AND agent.ahead_since IS NULL
             ORDER BY change.created_at",
        )
        .bind(agents)
        .fetch_all(&self.pool)
        .await?;
        let changes: Vec<ChangeId> = rows.iter().map(|row| ChangeId(row.change_id)).collect();
        let mut signatures =
            if changes.is_empty() { HashMap::new() } else { self.signatures(&changes).await? };
        let read = |row: OrderRow| {
            let change = row.change_id;
            let given = signatures.remove(&ChangeId(change)).unwrap_or_default();
            legible(order(row, given), "order", change)
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Notes that an order is on its way, so that its history tells every attempt that got far enough to
    /// matter. A change that is only approved counts as offered from here on. False where it is no longer wanted, or
    /// was read before an earlier attempt was noted or answered: then it is not to be sent.
    pub async fn order_sent(&self, order: &PendingOrder, now: Timestamp) -> Result<bool, StoreError> {
        let noted = sqlx::query(
            "UPDATE change
             SET attempts = attempts + 1,
                 offered_at = COALESCE(offered_at, $2),
                 state_since = CASE WHEN state = 'approved' AND wanted = 'apply' THEN $2 ELSE state_since END,
                 state = CASE WHEN state = 'approved' AND wanted = 'apply' THEN 'offered' ELSE state END
             WHERE change_id = $1
               AND wanted = $3
               AND attempts = $4",
        )
        .bind(order.change.0)
        .bind(moment(now))
        .bind(order.wanted.as_str())
        .bind(order.attempts)
        .execute(&self.pool)
        .await?;
        Ok(noted.rows_affected() == 1)
    }

    /// Notes that the order is in the agent's journal: nothing more is to be sent. The reports tell the rest.
    pub async fn order_accepted(&self, order: &PendingOrder) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE change
             SET wanted = 'none'
             WHERE change_id = $1
               AND wanted = $2",
        )
        .bind(order.change.0)
        .bind(order.wanted.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes that an order will not be done: the agent refused it, or it expired here. An order to apply
    /// ends the change in `end`, and so does an undo that came to nothing because the agent never had the change;
    /// another order is only forgotten.
    pub async fn order_ended(
        &self,
        order: &PendingOrder,
        end: ChangeState,
        (actor, detail): (Actor, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let Some(change) = writing.lock_change(order.agent, order.change).await? else { return Ok(()) };
        let is_untouched = matches!(change.state, ChangeState::Approved | ChangeState::Offered);
        let ends = match order.wanted {
            Wanted::Apply => true,
            Wanted::Undo => end == ChangeState::Aborted,
            Wanted::Confirm | Wanted::None => false,
        };
        if ends && is_untouched {
            writing.move_change(order.change, end, now, Wanted::None).await?;
            writing.add_change_event(order.change, actor, end, detail, now).await?;
        } else if change.wanted == order.wanted {
            writing.forget_wish(order.change).await?;
            writing.add_change_event(order.change, actor, change.state, detail, now).await?;
        }
        writing.commit().await
    }

    /// Asks for the end of a trial, unless it ended or someone asked for something meanwhile; whether it did.
    pub async fn want_trial_ended(
        &self,
        change: ChangeId,
        wanted: Wanted,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let asked = sqlx::query(
            "UPDATE change
             SET wanted = $2, wanted_reason = $3, wanted_by = 'controller'
             WHERE change_id = $1
               AND state = 'trial'
               AND wanted = 'none'
               AND held_at IS NULL
               AND trial_decided_at IS NULL",
        )
        .bind(change.0)
        .bind(wanted.as_str())
        .bind(text(reason))
        .execute(writing.connection())
        .await?;
        if asked.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("UPDATE change SET trial_decided_at = $2 WHERE change_id = $1")
            .bind(change.0)
            .bind(moment(now))
            .execute(writing.connection())
            .await?;
        let detail = format!("{}: {reason}", if wanted == Wanted::Undo { "undo" } else { "keep" });
        writing.add_change_event(change, Actor::Controller, ChangeState::Trial, &detail, now).await?;
        writing.commit().await?;
        Ok(true)
    }
}

impl Writing {
    async fn forget_wish(&mut self, change: ChangeId) -> Result<(), StoreError> {
        sqlx::query("UPDATE change SET wanted = 'none' WHERE change_id = $1")
            .bind(change.0)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn order(row: OrderRow, given: Vec<GivenSignature>) -> Result<PendingOrder, StoreError> {
    let wanted = Wanted::parse(&row.wanted);
    let purpose = if wanted == Wanted::Undo { Purpose::Undo } else { Purpose::Apply };
    let given = given.into_iter().filter(|given| given.purpose == purpose);
    let unreadable =
        |what| move |error: serde_json::Error| StoreError::Unreadable { what, source: Box::new(error) };
    Ok(PendingOrder {
        agent: AgentId(row.agent_id),
        change: ChangeId(row.change_id),
        instance: InstanceId(row.instance_id),
        state: parse_state(&row.state)?,
        wanted,
        reason: row.wanted_reason.unwrap_or_default(),
        what: serde_json::from_str(&row.what).map_err(unreadable("change"))?,
        limits: serde_json::from_str(&row.limits).map_err(unreadable("limits of a change"))?,
        system_identifier: row.system_identifier,
        digest: <[u8; 32]>::try_from(row.digest.as_slice())
            .map_err(|error| StoreError::Unreadable { what: "digest", source: Box::new(error) })?,
        approved_by: row.decided_by.unwrap_or_default(),
        expires_at: timestamp(row.expires_at),
        attempts: row.attempts,
        signatures: given.map(|given| given.signature).take(MAX_SIGNATURES).collect(),
        lacks_signatures: row.lacks_signatures,
    })
}
