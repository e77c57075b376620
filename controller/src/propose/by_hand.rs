//! A person proposes: what they ask for is checked, asked about and written down as if it had been found.

use std::time::Duration;

use chrono::{DateTime, Utc};
use querysmith_advice::measure::switchback::plan::NotTestable;
use querysmith_advice::measure::switchback::trial::Trial;
use querysmith_advice::propose::by_hand::{self, Unfit, Wish};
use querysmith_shared::id::{ChangeId, InstanceId, ProposalId};
use serde_json::json;
use uuid::Uuid;

use super::complete::complete;
use super::what_if;
use crate::advising::context::AdviceContext;
use crate::advising::switchback::plan;
use crate::approve::verdict::Refusal;
use crate::approve::{Decider, subject};
use crate::store::audit::Deed;
use crate::store::error::StoreError;
use crate::store::people::Role;
use crate::wake::Topic;

/// How long a person waits for the planner.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nothing was proposed.
#[derive(Debug, thiserror::Error)]
pub enum ByHandError {
    /// There is no such server.
    #[error("there is no instance with this id")]
    Unknown,
    /// There is one, and nobody looks at it.
    #[error("this server can't be looked at: its agent was revoked, or has not reached it yet")]
    Unwatched,
    /// They may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It can't be.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// One that does the same waits for a verdict.
    #[error("a proposal that does the same waits for a decision")]
    Waiting(Option<ProposalId>),
    /// It can't be tried so.
    #[error("it can't be tried by switchback: {0}")]
    NotTestable(#[from] NotTestable),
    /// The store did not do it.
    #[error("failed to store the proposal")]
    Store(#[from] StoreError),
    /// Something went wrong here.
    #[error("failed to make the proposal")]
    Failed(#[from] anyhow::Error),
}

/// Proposes what a person asks for; it then waits for a decision like any other.
pub async fn propose(
    context: &AdviceContext,
    instance: InstanceId,
    wish: Wish,
    proposer: Decider<'_>,
    now: DateTime<Utc>,
) -> Result<ProposalId, ByHandError> {
    if proposer.role < Role::Approver {
        return Err(Refusal::Role(proposer.role).into());
    }
    let AdviceContext { store, wake, agents, threads, history, thresholds, .. } = context;
    let described = store.read_instance(instance.0).await?.ok_or(ByHandError::Unknown)?;
    let watched = store.watched_instances().await?;
    let watched =
        watched.into_iter().find(|watched| watched.facts.id == instance).ok_or(ByHandError::Unwatched)?;
    let evidence = store.evidence(&watched, history, thresholds, context.now()).await?;
    let reason = wish.reason.clone();
    let (evidence, wish, question) = threads
        .run(move || {
            let question = by_hand::question(&evidence, &wish);
            (evidence, wish, question)
        })
        .await?;
    let answer = match question? {
        None => Err("there is nothing to simulate".to_owned()),
        Some(question) => what_if::ask(&**agents, watched.agent, &question, PATIENCE)
            .await
            .map_err(|error| error.to_string()),
    };
    let draft = threads
        .run(move || {
            let answer = answer.as_ref().map_err(String::as_str);
            by_hand::draft(&evidence, &wish, answer, ChangeId(Uuid::now_v7()))
        })
        .await??;
    let new = complete(draft, &watched, context)?;
    if let Some(terms) = new.limits.trial.switchback {
        let plan = plan(context, instance, new.draft.change_id, &terms, context.now()).await?;
        threads.run(move || Trial::begin(plan).map(drop)).await??;
    }
    let mut writing = store.write().await?;
    if !writing.add_proposal(&new).await? {
        return Err(ByHandError::Waiting(writing.waiting_proposal(instance, &new.subject).await?));
    }
    let detail = json!({ "reason": reason, "proposal": new.id, "kind": new.draft.kind.as_str() });
    let subject = subject(&new.draft.title, &described.name);
    let deed = Deed { actor: proposer.name, action: "proposal.create", subject: &subject, detail };
    writing.add_audit(&deed, now).await?;
    writing.commit().await?;
    tracing::info!(proposal.id = %new.id, instance.id = %instance, title = new.draft.title, "proposed by hand");
    wake.publish(Topic::Proposals, Some(new.id.0));
    Ok(new.id)
}
