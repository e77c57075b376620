//! Approve: a person decides on exactly the text that will run. The decision, the change, its history and
//! the audit record are one transaction.

pub mod hold;
pub mod signing;
pub mod verdict;

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::ProposalState;
use querysmith_shared::approval::Signature;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::dialect::postgres;
use querysmith_shared::hex;
use querysmith_shared::id::{ChangeId, ProposalId};
use serde_json::json;

use crate::store::Store;
use crate::store::audit::Deed;
use crate::store::changes::{Actor, Wanted};
use crate::store::decisions::{Decision, LockedChange, LockedProposal};
use crate::store::error::StoreError;
use crate::store::people::Role;
use crate::store::signatures::Purpose;
use crate::store::value::timestamp;
use crate::store::writing::Writing;
use crate::wake::{Topic, Wake};
use verdict::{Refusal, Standing};

/// Who decides.
#[derive(Debug, Clone, Copy)]
pub struct Decider<'a> {
    /// Name for the records.
    pub name: &'a str,
    /// What they may do.
    pub role: Role,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such proposal or change.
    #[error("there is nothing with this id")]
    Unknown,
    /// It may not be decided so.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store did not do it.
    #[error("failed to store the decision")]
    Store(#[from] StoreError),
}

/// A yes, and to what.
#[derive(Debug, Clone, Copy)]
pub struct ApproveRequest<'a> {
    /// Digest of the text that was read.
    pub read: &'a [u8; 32],
    /// Why, for the record.
    pub reason: Option<&'a str>,
    /// Of the approval's text, for hosts that take nobody's word.
    pub signature: Option<&'a Signature>,
}

/// Approves a proposal, and exactly the text that was read; the change is wanted to be applied from then on.
pub async fn approve(
    store: &Store,
    wake: &Wake,
    id: ProposalId,
    request: ApproveRequest<'_>,
    decider: Decider<'_>,
    now: DateTime<Utc>,
) -> Result<ChangeId, DecideError> {
    let ApproveRequest { read, reason, signature } = request;
    let decision = Decision { by: decider.name, reason, at: now };
    // Before the transaction: who waits for a lock must not wait for a second connection too.
    let overtaken = store.why_overtaken(id, timestamp(now)).await?;
    let mut writing = store.write().await?;
    let proposal = writing.lock_proposal(id).await?.ok_or(DecideError::Unknown)?;
    let standing = Standing { overtaken: overtaken.as_deref(), ..standing(&proposal) };
    verdict::of_this_store(proposal.is_ahead)?;
    verdict::approve(&standing, read, decider.role, now)?;
    writing.decide_proposal(id, ProposalState::Approved, decision).await?;
    writing.add_change(&proposal, decision).await?;
    signing::take(&mut writing, proposal.change, Purpose::Apply, signature, (decider.name, now)).await?;
    let detail = said("approved", decider.name, reason);
    writing
        .add_change_event(proposal.change, Actor::Person, ChangeState::Approved, &detail, timestamp(now))
        .await?;
    let detail = json!({
        "reason": reason, "digest": hex::encode(read), "proposal": id, "change": proposal.change,
        "key": signature.map(|signature| signature.key.to_string()),
    });
    let subject = subject(&proposal.title, &proposal.instance_name);
    writing
        .add_audit(&Deed { actor: decider.name, action: "proposal.approve", subject: &subject, detail }, now)
        .await?;
    writing.commit().await?;
    wake.publish(Topic::Proposals, Some(id.0));
    wake.publish(Topic::Changes, Some(proposal.change.0));
    Ok(proposal.change)
}

/// Rejects a proposal. The reason and the digest of its evidence stay with it, so that the same is not
/// proposed again before the evidence changes.
pub async fn reject(
    store: &Store,
    wake: &Wake,
    id: ProposalId,
    decider: Decider<'_>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DecideError> {
    let mut writing = store.write().await?;
    let proposal = writing.lock_proposal(id).await?.ok_or(DecideError::Unknown)?;
    verdict::of_this_store(proposal.is_ahead)?;
    verdict::reject(&standing(&proposal), decider.role)?;
    let decision = Decision { by: decider.name, reason: Some(reason), at: now };
    writing.decide_proposal(id, ProposalState::Rejected, decision).await?;
    let detail = json!({ "reason": reason, "proposal": id });
    let subject = subject(&proposal.title, &proposal.instance_name);
    writing
        .add_audit(&Deed { actor: decider.name, action: "proposal.reject", subject: &subject, detail }, now)
        .await?;
    writing.commit().await?;
    wake.publish(Topic::Proposals, Some(id.0));
    Ok(())
}

/// On what grounds a change is taken back.
#[derive(Debug, Clone, Copy)]
pub struct UndoRequest<'a> {
    /// Why, for the record.
    pub reason: &'a str,
    /// Of the undo's text, for what was kept on a host that takes nobody's word.
    pub signature: Option<&'a Signature>,
}

/// Asks for a change to be taken back; the agent does it, by the undo in its journal.
pub async fn undo(
    store: &Store,
    wake: &Wake,
    id: ChangeId,
    decider: Decider<'_>,
    request: UndoRequest<'_>,
    now: DateTime<Utc>,
) -> Result<(), DecideError> {
    take_back(store, wake, id, Way::Undo, decider, request, now).await
}

/// Calls a change off before it has taken effect. What no agent was told ends here; of the rest the agent is
/// told, which doesn't begin it, or cancels it and removes what it left.
pub async fn withdraw(
    store: &Store,
    wake: &Wake,
    id: ChangeId,
    decider: Decider<'_>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DecideError> {
    take_back(store, wake, id, Way::Withdraw, decider, UndoRequest { reason, signature: None }, now).await
}

/// From which side of its effect a change is taken back.
#[derive(Debug, Clone, Copy)]
enum Way {
    Undo,
    Withdraw,
}

async fn take_back(
    store: &Store,
    wake: &Wake,
    id: ChangeId,
    way: Way,
    decider: Decider<'_>,
    UndoRequest { reason, signature }: UndoRequest<'_>,
    now: DateTime<Utc>,
) -> Result<(), DecideError> {
    let (mut writing, change) = lock_change(store, id, decider).await?;
    let wanted_by = change.wanted_by.as_deref();
    let (action, what) = match way {
        Way::Undo => {
            verdict::can_be_undone(change.kind, change.state, change.wanted, wanted_by)?;
            if change.state == ChangeState::Confirmed {
                signing::take(&mut writing, id, Purpose::Undo, signature, (decider.name, now)).await?;
            }
            ("change.undo", "undo asked for")
        }
        Way::Withdraw => {
            verdict::can_be_withdrawn(change.state, change.wanted, wanted_by)?;
            ("change.withdraw", "withdrawn")
        }
    };
    let state = match change.state {
        // An order that is just about to be sent looks again whether it is wanted.
        ChangeState::Approved => {
            writing.move_change(id, ChangeState::Aborted, timestamp(now), Wanted::None).await?;
            ChangeState::Aborted
        }
        state => {
            writing.want_undo(id, Decision { by: decider.name, reason: Some(reason), at: now }).await?;
            state
        }
    };
    let detail = said(what, decider.name, Some(reason));
    writing.add_change_event(id, Actor::Person, state, &detail, timestamp(now)).await?;
    let key = signature.map(|signature| signature.key.to_string());
    let detail = json!({ "reason": reason, "change": id, "key": key });
    let subject = subject(&change.title, &change.instance_name);
    writing.add_audit(&Deed { actor: decider.name, action, subject: &subject, detail }, now).await?;
    writing.commit().await?;
    wake.publish(Topic::Changes, Some(id.0));
    Ok(())
}

/// The change, locked for a decision of somebody who may take one about it here.
async fn lock_change(
    store: &Store,
    id: ChangeId,
    decider: Decider<'_>,
) -> Result<(Writing, LockedChange), DecideError> {
    if decider.role < Role::Approver {
        return Err(Refusal::Role(decider.role).into());
    }
    let mut writing = store.write().await?;
    let change = writing.lock_change_to_decide(id).await?.ok_or(DecideError::Unknown)?;
    verdict::of_this_store(change.is_ahead)?;
    Ok((writing, change))
}

fn standing(proposal: &LockedProposal) -> Standing<'_> {
    let rendered = postgres::render(&proposal.what, proposal.limits).ok();
    Standing {
        state: proposal.state,
        reason: proposal.decision_reason.as_deref(),
        overtaken: None,
        expires_at: proposal.expires_at,
        digest: &proposal.digest,
        rendered: rendered.map(|text| text.digest(proposal.what.database())),
    }
}

/// What the audit calls a proposal or a change.
pub(crate) fn subject(title: &str, instance: &str) -> String {
    format!("{title} · {instance}")
}

fn said(what: &str, by: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{what} by {by}: {reason}"),
        None => format!("{what} by {by}"),
    }
}
