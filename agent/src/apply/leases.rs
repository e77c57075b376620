//! Watches over the changes on trial: takes back what nobody keeps, whether or not there is a controller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::trial::TrialTerms;
use querysmith_shared::id::ChangeId;
use querysmith_shared::wire::order::Lease;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::context::Context;
use super::journal::entry::Event;
use super::journal::{Journal, JournalError, RecordError};
use super::lease::Budget;

/// How often budgets are looked at and written: so much of a lease may be lost in a crash.
pub(super) const TICK: Duration = Duration::from_secs(10);

/// An arm that has had its time is looked at again after this: it may not be switched at once.
const SHORTEST: Duration = Duration::from_secs(1);

/// After so many ticks the database is asked whether a change on trial is still there, one change at a time: the role has
/// few sessions. With the usual tick, the next of them every half minute.
const LOOK_AGAIN: usize = 3;

/// The budgets of the changes on trial.
#[derive(Debug, Default)]
pub(super) struct Leases {
    budgets: Mutex<HashMap<ChangeId, Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    terms: TrialTerms,
    budget: Budget,
}

/// Looks at the budget of every change on trial each `tick`, and now and then at the change itself, until the agent
/// stops.
pub(super) async fn run(context: Arc<Context>, starts: mpsc::Sender<ChangeId>, tick: Duration) {
    let mut stop = context.stop.clone();
    let mut ticks = tokio::time::interval(tick);
    let mut ticked = 0;
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let next_over = context.stages.next_over(&context.config.clock.read());
        let is_tick = tokio::select! {
            _ = ticks.tick() => true,
            // The time of an arm ends when it ends.
            () = had_its_time(next_over) => false,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        wake_switchbacks(&context, &starts).await;
        if !is_tick {
            continue;
        }
        let looked = {
            let context = context.clone();
            tokio::task::spawn_blocking(move || context.leases.look(&context)).await
        };
        let lapsed = match looked.expect("looking at leases doesn't panic") {
            Ok(lapsed) => lapsed,
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "failed to look at the trials' leases");
                continue;
            }
        };
        for (change, reason) in lapsed {
            take_back(&context, &starts, change, reason).await;
        }
        ticked += 1;
        let on_trial = context.journal.changes(|state| state == ChangeState::Trial);
        context.stages.retain(&on_trial);
        if ticked % LOOK_AGAIN == 0 && !on_trial.is_empty() {
            let _ = starts.send(on_trial[ticked / LOOK_AGAIN % on_trial.len()]).await;
        }
    }
}

/// Waits until an arm has had its time, of which so much is left; for ever where none is in place.
async fn had_its_time(left: Option<Duration>) {
    match left {
        Some(left) => tokio::time::sleep(left.max(SHORTEST)).await,
        None => std::future::pending().await,
    }
}

/// Has the trials by switchback looked at whose arm has had its time.
async fn wake_switchbacks(context: &Context, starts: &mpsc::Sender<ChangeId>) {
    for change in context.stages.over(&context.config.clock.read()) {
        let _ = starts.send(change).await;
    }
}

async fn take_back(context: &Context, starts: &mpsc::Sender<ChangeId>, change: ChangeId, reason: String) {
    warn!(change.id = %change, reason, "a trial is over");
    match context.record(change, Some(ChangeState::Trial), Event::RevertIntent { reason }).await {
        Ok(_) => {
            // A closed channel is an agent that stops: its next start finds the line.
            let _ = starts.send(change).await;
        }
        // It has ended otherwise meanwhile.
        Err(RecordError::Moved | RecordError::Illegal(_)) => {}
        Err(RecordError::Journal(error)) => {
            error!(change.id = %change, error = &error as &dyn std::error::Error, "failed to end a trial");
        }
    }
}

impl Leases {
    /// Brings the budgets up to the moment, writes them down, and returns what has lapsed and why.
    fn look(&self, context: &Context) -> Result<Vec<(ChangeId, String)>, JournalError> {
        let journal = &context.journal;
        let on_trial = journal.changes(|state| state == ChangeState::Trial);
        let mut budgets = self.budgets();
        if budgets.is_empty() && on_trial.is_empty() {
            return Ok(Vec::new());
        }
        let now = context.config.clock.read();
        budgets.retain(|change, _| on_trial.contains(change));
        for change in on_trial {
            let known = budgets.get(&change).map(|kept| kept.budget.at(now.clone()));
            match known {
                Some(budget) => {
                    budgets.entry(change).and_modify(|kept| kept.budget = budget);
                }
                None => {
                    if let Some(kept) = found(journal, change, &now)? {
                        budgets.insert(change, kept);
                    }
                }
            }
        }
        let to_keep: Vec<(ChangeId, Budget)> =
            budgets.iter().map(|(change, kept)| (*change, kept.budget.clone())).collect();
        journal.set_budgets(&to_keep)?;
        let lapse = |(change, kept): (&ChangeId, &Kept)| Some((*change, kept.budget.lapse(kept.terms)?));
        Ok(budgets.iter().filter_map(lapse).collect())
    }

    /// Word from the controller: the leases of these changes begin anew. Returns what is left of each that is on
    /// trial and can be taken back.
    pub(super) fn renew(&self, context: &Context, changes: &[ChangeId]) -> Result<Vec<Lease>, JournalError> {
        let mut budgets = self.budgets();
        let now = context.config.clock.read();
        let mut leases = Vec::new();
        for change in changes {
            if context.journal.state(*change) != Some(ChangeState::Trial) {
                continue;
            }
            let kept = match budgets.remove(change) {
                Some(kept) => Some(Kept { budget: kept.budget.at(now.clone()), ..kept }),
                None => found(&context.journal, *change, &now)?,
            };
            let Some(kept) = kept else { continue };
            let budget = match kept.budget.lapse(kept.terms) {
                // Too late: it is being taken back.
                Some(_) => kept.budget,
                None => kept.budget.renewed(kept.terms),
            };
            leases.push(Lease {
                change: *change,
                lease_left_s: whole(budget.lease_left),
                trial_left_s: whole(budget.trial_left),
            });
            budgets.insert(*change, Kept { budget, ..kept });
        }
        Ok(leases)
    }

    fn budgets(&self) -> MutexGuard<'_, HashMap<ChangeId, Kept>> {
        // Every statement leaves the map whole.
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The budget as it was written last, or a new one; `None` for what can't be taken back.
fn found(
    journal: &Journal,
    change: ChangeId,
    now: &super::clock::Reading,
) -> Result<Option<Kept>, JournalError> {
    let Some(record) = journal.change(change)? else { return Ok(None) };
    if !record.order.what.kind().can_be_undone() {
        return Ok(None);
    }
    let terms = record.order.limits.trial;
    let budget = match journal.budget(change)? {
        Some(written) => written.at(now.clone()),
        None => Budget::begun(terms, record.since, now.clone()),
    };
    info!(change.id = %change, lease_s = whole(budget.lease_left), trial_s = whole(budget.trial_left), "on trial");
    Ok(Some(Kept { terms, budget }))
}

fn whole(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}
