//! The job that records outcomes and makes the next model of them.

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_advice::learn::accuracy::{covered, of_one};
use querysmith_advice::learn::model::{share, update};
use querysmith_advice::learn::outcome::Outcome;

use super::runner::Work;
use crate::advising::context::AdviceContext;
use crate::store::models::{EndedTrial, ScoredOutcome};
use crate::wake::Topic;

/// Records outcomes of trials that are over.
pub struct Learn {
    /// What it works with.
    pub context: AdviceContext,
}

impl Work for Learn {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let ended = self.context.store.ended_trials().await.context("failed to read ended trials")?;
            let mut failures = Vec::new();
            for trial in ended {
                let (change, instance) = (trial.change, trial.instance);
                match self.learn(trial).await {
                    Ok(()) => self.context.wake.publish(Topic::Outcomes, Some(change.0)),
                    Err(error) => failures.push(format!("change {change} on instance {instance}: {error:#}")),
                }
            }
            if failures.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(failures.join("; "))) }
        }
        .boxed()
    }
}

impl Learn {
    async fn learn(&self, trial: EndedTrial) -> Result<()> {
        let scored = score(trial);
        let model = self.context.store.current_model().await.context("failed to read the model")?;
        let earlier =
            self.context.store.outcomes_of(scored.instance).await.context("failed to count outcomes")?;
        let next = update(&model, &scored.outcome, share(earlier));
        // Both or neither: an outcome is learnt from once.
        let mut writing = self.context.store.write().await.context("failed to begin")?;
        let is_new = writing.add_outcome(&scored).await.context("failed to write an outcome")?;
        if is_new && next.version > model.version {
            writing.add_model(&next, self.context.now()).await.context("failed to write a model")?;
        }
        writing.commit().await.context("failed to write an outcome")?;
        tracing::info!(
            change.id = %scored.outcome.change_id,
            verdict = scored.outcome.verdict.as_str(),
            model.version = next.version,
            "learnt from a change"
        );
        Ok(())
    }
}

fn score(trial: EndedTrial) -> ScoredOutcome {
    let realised = trial.effect.interval();
    let predicted = trial.draft.predicted;
    ScoredOutcome {
        instance: trial.instance,
        covered: predicted.as_ref().map(|predicted| covered(predicted, &realised)),
        accuracy: predicted.as_ref().map(|predicted| of_one(predicted.estimate, realised.estimate)),
        outcome: Outcome {
            change_id: trial.change,
            kind: trial.draft.kind,
            predicted,
            cost_log_ratio: trial.draft.cost_log_ratio,
            simulated: trial.draft.simulated,
            realised,
            verdict: trial.effect.verdict,
            measured_at: trial.measured_at,
            model_version: trial.draft.model_version,
        },
    }
}
