//! The job that measures changes on trial, and asks for their end.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_advice::measure::effect::Effect;
use querysmith_advice::measure::next_step::{TrialDecision, next_step};
use querysmith_advice::measure::{TrialSamples, measure};
use querysmith_advice::propose::draft::{ProposalDraft, StatementVerdict};
use querysmith_shared::change::ChangeKind;
use querysmith_shared::id::StatementId;
use querysmith_shared::timestamp::Timestamp;

use super::runner::Work;
use super::switchback::Switchbacks;
use crate::advising::context::AdviceContext;
use crate::store::changes::Wanted;
use crate::store::trials::Trial;
use crate::wake::Topic;

/// A trial is looked at this often in its first quarter of an hour, then ever more rarely.
const OFTEN: Duration = Duration::from_secs(12);
const RARELY: Duration = Duration::from_secs(300);

/// Measures changes on trial.
pub struct Measure {
    context: AdviceContext,
    switchbacks: Switchbacks,
}

impl Measure {
    /// The job, with what it works with.
    pub fn new(context: AdviceContext) -> Self {
        Self { context, switchbacks: Switchbacks::default() }
    }
}

impl Work for Measure {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let now = self.context.now();
            let trials = self.context.store.trials().await.context("failed to read trials")?;
            self.switchbacks.retain(&trials);
            let mut failures = Vec::new();
            for trial in trials.iter().filter(|trial| is_due(trial, now)) {
                if let Err(error) = self.look(trial, now).await {
                    failures.push(format!("change {}: {error:#}", trial.change));
                }
            }
            if failures.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(failures.join("; "))) }
        }
        .boxed()
    }
}

impl Measure {
    async fn look(&self, trial: &Trial, now: Timestamp) -> Result<()> {
        let AdviceContext { store, thresholds, threads, wake, .. } = &self.context;
        if let Some(terms) = trial.switchback {
            return self.switchbacks.look(&self.context, trial, terms, now).await;
        }
        let touched = touched(&trial.draft);
        let known: Vec<StatementId> =
            trial.draft.statements.iter().map(|effect| effect.statement_id).collect();
        let controls = match trial.kind {
            // It touches every statement.
            ChangeKind::SetParameter => Vec::new(),
            _ => store.controls(trial, &known).await.context("failed to choose controls")?,
        };
        let samples = TrialSamples {
            kind: trial.kind,
            touched: store.trial_series(trial, &touched).await.context("failed to read samples")?,
            controls: store.trial_series(trial, &controls).await.context("failed to read samples")?,
            began_at: trial.began_at,
            applied_at: trial.applied_at,
            now,
            thresholds: thresholds.measure.clone(),
        };
        let effect = threads.run(move || measure(&samples)).await?;
        store.put_effect(trial.change, &effect).await.context("failed to write an effect")?;
        if !trial.is_decided && !trial.is_held {
            let decision = next_step(&effect, trial.kind, now.since(trial.applied_at), &thresholds.measure);
            self.decide(trial, &effect, decision, now).await?;
        }
        wake.publish(Topic::Changes, Some(trial.change.0));
        Ok(())
    }

    async fn decide(
        &self,
        trial: &Trial,
        effect: &Effect,
        decision: TrialDecision,
        now: Timestamp,
    ) -> Result<()> {
        let Some((wanted, reason)) = wish(trial, decision) else { return Ok(()) };
        let was_asked = self
            .context
            .store
            .want_trial_ended(trial.change, wanted, &reason, now)
            .await
            .context("failed to end a trial")?;
        if was_asked {
            tracing::info!(
                change.id = %trial.change,
                verdict = effect.verdict.as_str(),
                wanted = wanted.as_str(),
                reason,
                "a trial is over"
            );
        }
        Ok(())
    }
}

/// What to ask of the agent. A change that can't be taken back is kept, whatever was measured.
fn wish(trial: &Trial, decision: TrialDecision) -> Option<(Wanted, String)> {
    match decision {
        TrialDecision::KeepWatching => None,
        TrialDecision::Confirm(reason) | TrialDecision::End(reason) => Some((Wanted::Confirm, reason)),
        TrialDecision::Undo(reason) if trial.kind.can_be_undone() => Some((Wanted::Undo, reason)),
        TrialDecision::Undo(reason) => Some((Wanted::Confirm, reason)),
    }
}

/// The statements the change was to change: those whose plan it changes, or all it concerns where no plan
/// could be asked for.
fn touched(draft: &ProposalDraft) -> Vec<StatementId> {
    let is_meant = |verdict: StatementVerdict, uses_index: bool| match verdict {
        StatementVerdict::Helps | StatementVerdict::Hurts => true,
        StatementVerdict::Unchanged | StatementVerdict::NotSimulated => uses_index,
    };
    let meant: Vec<StatementId> = draft
        .statements
        .iter()
        .filter(|effect| is_meant(effect.verdict, effect.uses_index))
        .map(|effect| effect.statement_id)
        .collect();
    if meant.is_empty() { draft.statements.iter().map(|effect| effect.statement_id).collect() } else { meant }
}

fn is_due(trial: &Trial, now: Timestamp) -> bool {
    // Its guardrail is one of minutes.
    if trial.switchback.is_some() {
        return true;
    }
    let interval = (now.since(trial.applied_at) / 75).clamp(OFTEN, RARELY);
    trial.measured_at.is_none_or(|at| now.since(at) >= interval)
}
