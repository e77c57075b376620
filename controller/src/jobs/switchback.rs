//! Looks at trials by switchback: what their agents reported goes into the fold, what it decides becomes wishes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use querysmith_advice::measure::switchback::live::wish::Wish;
use querysmith_advice::measure::switchback::live::{LiveTrial, Seen};
use querysmith_advice::measure::switchback::plan::NotTestable;
use querysmith_shared::change::switchback::Switchback;
use querysmith_shared::id::{ChangeId, StatementId};
use querysmith_shared::timestamp::Timestamp;

use crate::advising::context::AdviceContext;
use crate::advising::switchback::plan;
use crate::store::changes::Wanted;
use crate::store::trials::Trial;
use crate::wake::Topic;

/// The trials by switchback as they were left after the last look. Lost with the process: then each begins anew, with
/// the same in it.
#[derive(Debug, Default)]
pub(super) struct Switchbacks {
    known: Mutex<HashMap<ChangeId, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    live: LiveTrial,
    statements: Vec<StatementId>,
}

impl Switchbacks {
    /// Looks at a trial, and asks for what it has come to.
    pub(super) async fn look(
        &self,
        context: &AdviceContext,
        trial: &Trial,
        terms: Switchback,
        now: Timestamp,
    ) -> Result<()> {
        let AdviceContext { store, threads, wake, .. } = context;
        let known = self.known().remove(&trial.change);
        let known = match known {
            Some(known) => known,
            None => match begin(context, trial, terms).await? {
                Ok(known) => known,
                Err(why) => {
                    let reason = format!("it can't be measured: {why}");
                    return end(context, trial, Wanted::Undo, &reason, now).await;
                }
            },
        };
        let reported = store.trial_steps(trial.change).await.context("failed to read what was reported")?;
        let free_disk = store.free_disk(trial.instance).await.context("failed to read the disk")?;
        let Known { mut live, statements } = known;
        loop {
            let counters = store.counters(trial.instance, &statements, live.known_to(), now).await;
            let counters = counters.context("failed to read what the statements did")?;
            let health = store.health(trial.instance, live.health_known_to(), now).await;
            let health = health.context("failed to read what went wrong")?;
            let is_last = counters.is_empty();
            // What is still to be read isn't missing.
            let told_at = counters.last().map_or(now, |last| last.end);
            let seen = Seen { counters, health, free_disk };
            let reported = reported.clone();
            live = threads
                .run(move || {
                    live.tell(&reported, seen, told_at);
                    live
                })
                .await?;
            if is_last {
                break;
            }
        }
        let (effect, standing, wish) = (live.effect(now), live.standing(), live.wish(now));
        store.put_effect(trial.change, &effect).await.context("failed to write an effect")?;
        store.put_standing(trial.change, &standing).await.context("failed to write a standing")?;
        self.known().insert(trial.change, Known { live, statements });
        wake.publish(Topic::Changes, Some(trial.change.0));
        if trial.is_decided {
            return Ok(());
        }
        match wish {
            Some(Wish::Pause { until, reason }) => pause(context, trial, until, &reason, now).await,
            Some(Wish::Keep(reason)) if !trial.is_held => {
                end(context, trial, Wanted::Confirm, &reason, now).await
            }
            Some(Wish::TakeBack(reason)) if !trial.is_held => {
                end(context, trial, Wanted::Undo, &reason, now).await
            }
            // Somebody holds the verdict, or there is none yet.
            Some(Wish::Keep(_) | Wish::TakeBack(_)) | None => Ok(()),
        }
    }

    /// Forgets the trials that are over.
    pub(super) fn retain(&self, trials: &[Trial]) {
        self.known().retain(|change, _| trials.iter().any(|trial| trial.change == *change));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ChangeId, Known>> {
        // Every statement leaves the map whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn begin(
    context: &AdviceContext,
    trial: &Trial,
    terms: Switchback,
) -> Result<Result<Known, NotTestable>> {
    let plan = plan(context, trial.instance, trial.change, &terms, trial.began_at).await?;
    let statements = plan.usual.sums.statements().iter().map(|statement| statement.id).collect();
    let applied_at = trial.applied_at;
    let live = context.threads.run(move || LiveTrial::begin(plan, terms, applied_at)).await?;
    Ok(live.map(|live| Known { live, statements }))
}

async fn end(
    context: &AdviceContext,
    trial: &Trial,
    wanted: Wanted,
    reason: &str,
    now: Timestamp,
) -> Result<()> {
    let was_asked = context.store.want_trial_ended(trial.change, wanted, reason, now).await;
    if was_asked.context("failed to end a trial")? {
        tracing::info!(change.id = %trial.change, wanted = wanted.as_str(), reason, "a trial by switchback is over");
        context.wake.publish(Topic::Changes, Some(trial.change.0));
    }
    Ok(())
}

async fn pause(
    context: &AdviceContext,
    trial: &Trial,
    until: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<()> {
    // A controller that begins anew finds pauses that are over.
    if until <= now {
        return Ok(());
    }
    let was_asked = context.store.want_pause(trial.change, until, reason, now).await;
    if was_asked.context("failed to ask for a pause")? {
        tracing::info!(change.id = %trial.change, %until, reason, "a trial by switchback pauses");
        context.wake.publish(Topic::Changes, Some(trial.change.0));
    }
    Ok(())
}
